#!/usr/bin/env bash
# Makes what comes from the fields of stages: pipelines/pipeline.schema.json, and the tables of keys in docs/pipelines.md.
# Usage: scripts/make-fields.sh FOLDER-OF-THE-PROGRAM
set -euo pipefail
cd "$(dirname "$0")/.."

program=$1/adapt-pruner
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The shipped plugins alone.
export HOME=$work ADAPT_PRUNER_PLUGIN_PATH=

"$program" schema >"$work/schema"
"$program" schema --fill docs/pipelines.md >"$work/page"
cat "$work/schema" >pipelines/pipeline.schema.json
cat "$work/page" >docs/pipelines.md
