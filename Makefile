# Every target works in a fresh clone: what it needs is installed or fetched by scripts/, once.
# `make` alone lists the targets.

SWIFT ?= swift
# One configuration for products and tests, so that nothing is compiled twice.
# SwiftPM keeps what Package.swift answered as long as the environment is the same: a new folder is a new answer.
export ADAPT_PRUNER_PLUGIN_FOLDERS := $(notdir $(patsubst %/,%,$(dir $(wildcard Plugins/*/plugin.json))))
BUILD := $(SWIFT) build -c release
BIN = $(shell $(SWIFT) build -c release --show-bin-path)
SWIFT_SOURCES := Sources Plugins Tests Package.swift
# More of what `swift test` takes, as in: make test TESTS='--filter TensorsTests'
TESTS ?=

# More of what scripts/fuzz.py takes.
FUZZ ?=

# The demo's text; give both to use your own.
DEMO_CALIBRATION ?=
DEMO_EVALUATION ?=
export DEMO_CALIBRATION DEMO_EVALUATION

.PHONY: help setup build test fields fuzz demo demo-short bench lint format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## install what building needs and this machine lacks (Debian packages; as root)
	@scripts/setup.sh

build: setup ## build in release mode, plugins staged beside the program
	@$(BUILD)
	@scripts/stage-plugins.sh "$(BIN)"
	@echo "built: $(BIN)/adapt-pruner"

# All tests are Swift Testing's: XCTest's pass would run none. Those of a real model want the demo's.
test: export ADAPT_PRUNER_SMOLLM2 ?= $(CURDIR)/.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
test: build ## build, then run all tests
	@$(BUILD) --build-tests
	@kernels=$$(scripts/blas-kernels.sh); if [ -n "$$kernels" ]; then export OPENBLAS_CORETYPE=$$kernels; fi; \
	  ADAPT_PRUNER_BIN="$(BIN)" $(SWIFT) test -c release --skip-build --disable-xctest $(TESTS)

fields: build ## make the schema of pipelines and the tables of their keys anew, after a change of a stage's fields
	@scripts/make-fields.sh "$(BIN)"

fuzz: build ## hand 3,000 spoilt files to each of the program's readers (FUZZ='--count 100' passes arguments on)
	@scripts/fuzz.py --program "$(BIN)/adapt-pruner" $(FUZZ)

demo: build ## prune SmolLM2-135M and compare it with what it was
	@scripts/demo.sh --bin "$(BIN)"

demo-short: build ## the same with less text and fewer steps
	@scripts/demo.sh --bin "$(BIN)" --short

bench: build ## time pruning passes beside PyTorch (BENCH='--rounds 5' passes arguments on)
	@scripts/bench.sh --bin "$(BIN)" $(BENCH)

lint: ## check format and style of sources, scripts and pipelines; changes nothing
	@scripts/lint.sh $(SWIFT_SOURCES)

format: ## put the Swift sources into the project's format
	@$(SWIFT) format --in-place --parallel --recursive $(SWIFT_SOURCES)

clean: ## remove what was built; .cache/ (model, text) and demo/ stay
	@rm -rf .build
