# `make help` lists the targets. Everything is installed into .venv, from constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DS_BUILD_OPS := 0

.DEFAULT_GOAL := help

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch goes first, so that nothing else pulls another build of it.
$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install -q -c constraints.txt torch
	$(BIN)/pip install -q -c constraints.txt -e '.[train,s3]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

install: $(VENV)/.run ## Install what a run needs

demo: $(VENV)/.run ## Dumps, lake, samples, training and scores on this machine, from nothing
	rm -rf demo-out
	$(BIN)/postlake synth demo-out/raw --posts 1200
	$(BIN)/postlake run --config demo --lake demo-out/lake --out demo-out/model

check: $(VENV)/.dev ## Format, lint, types, import rules, layout, schema snapshots, packaging, pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_layout.py tests/schemas/test_snapshots.py tests/test_packaging.py tests/test_docs.py

test: $(VENV)/.dev ## All tests that fit 20 minutes on two cores
	$(BIN)/python -m pytest -q

test-long: $(VENV)/.dev ## All tests
	$(BIN)/python -m pytest -q -m 'not bench'

bench: $(VENV)/.dev ## Benchmarks, each with the limit beside what is reached
	$(BIN)/python -m pytest -q -s -m bench tests/bench

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove what the other targets made, except .venv
	rm -rf demo-out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help install demo check test test-long bench format clean
