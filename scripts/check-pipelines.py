#!/usr/bin/env python3
"""Checks pipelines/*.json against pipelines/pipeline.schema.json, and that the schema itself is one.

Also catches what JSON lets through in silence: a key written twice in one object, of which only the last counts.
"""

import json
import pathlib
import sys

import jsonschema

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "pipelines"
SCHEMA = FOLDER / "pipeline.schema.json"


def without_duplicates(pairs):
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"the key {twice[0]!r} stands twice in one object")
    return dict(pairs)


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file, object_pairs_hook=without_duplicates)


def main():
    pipelines = sorted(path for path in FOLDER.glob("*.json") if path != SCHEMA)
    if not SCHEMA.exists():
        if not pipelines:
            print("check-pipelines: there are no pipelines")
            return 0
        print(f"check-pipelines: {SCHEMA.name} is missing beside {pipelines[0].name}", file=sys.stderr)
        return 1

    try:
        schema = read(SCHEMA)
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        kind.check_schema(schema)
    except (ValueError, jsonschema.SchemaError) as error:
        message = error.message if isinstance(error, jsonschema.SchemaError) else error
        print(f"pipelines/{SCHEMA.name}: {message}", file=sys.stderr)
        return 1
    validator = kind(schema)

    wrong = 0
    for path in pipelines:
        try:
            complaints = [(error.json_path, error.message) for error in validator.iter_errors(read(path))]
        except ValueError as error:
            complaints = [("$", str(error))]
        for place, message in complaints:
            print(f"pipelines/{path.name}: {place}: {message}", file=sys.stderr)
        wrong += bool(complaints)
    if wrong:
        return 1
    print(f"check-pipelines: {len(pipelines)} pipelines follow the schema")
    return 0


if __name__ == "__main__":
    sys.exit(main())
