# Every command works again after it was interrupted, and none asks a question.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
export PYTHONPATH := $(CURDIR):$(CURDIR)/plugins

.PHONY: help install requirements demo run test lint bench soak docs clean

help: ## what there is to type
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

install: $(INSTALLED)

# The stamp is written last, so an interrupted installation is done again.
$(INSTALLED): requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.txt
	@touch $@

requirements: ## pin requirements.in anew
	@test -x $(BIN)/uv || (test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); $(BIN)/python -m pip install --quiet uv)
	@$(BIN)/uv pip compile --quiet --upgrade --no-header requirements.in --output-file requirements.txt

demo: install ## two demo accounts, from their files to published marts
	@$(BIN)/python -m seller_warehouse.demo

run: install ## one real pass over the inbox (0 all loaded, 2 something quarantined, 1 not published)
	@$(BIN)/python -m seller_warehouse.run

test: install ## the whole test suite
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --ignore tests/soak

soak: install ## the long storms; COUNT=n rounds, SEED=n
	@SOAK_COUNT=$(or $(COUNT),5) SOAK_SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/soak

bench: install ## the benchmark: ratios to plain DuckDB of the same run
	@$(BIN)/python -m benchmarks.bench

lint: install ## every static check
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@SELLER_WAREHOUSE_DATABASE=$$(mktemp -d)/lint.duckdb $(BIN)/sqlfluff lint --processes 1 dbt_project/models dbt_project/tests

docs: install ## write docs/inputs.md from the report specs
	@$(BIN)/python -m seller_warehouse.describe_inputs

clean: ## remove the environment; data stays
	@rm -rf $(VENV)
