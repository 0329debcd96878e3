# Every command can be repeated after an interruption, and none asks a question.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
COMPILE := $(BIN)/uv pip compile --quiet --upgrade --no-header --generate-hashes --no-emit-index-url --no-emit-find-links
export PYTHONPATH := $(CURDIR):$(CURDIR)/plugins

.PHONY: help install postgresql chromium requirements demo run backfill up serve down test lint lint-python lint-sql bench screenshots soak docs clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

install: $(INSTALLED)

# The stamp is written last, so an interrupted installation is repeated.
$(INSTALLED): requirements.txt requirements-uv.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(BIN)/python requirements.txt
	@touch $@

requirements: ## pin requirements.in again, with the hashes of all files, and the tool that installs them
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@$(COMPILE) requirements.in --output-file requirements.txt
	@echo uv | $(COMPILE) --no-annotate - --output-file requirements-uv.txt

demo: install ## 18 months of three simulated sellers, from the sandbox of Amazon's API to published marts
	@$(BIN)/python -m seller_warehouse.cli.demo

run: install ## one real pass: the inbox, and reports due from Amazon (0 all loaded, 2 something quarantined, 1 not published); [ORCHESTRATOR=airflow]
	@$(BIN)/python -m seller_warehouse.run --orchestrator $(or $(ORCHESTRATOR),process)

backfill: install ## the history of one account; ACCOUNT=<id> [MONTHS=18] [ORCHESTRATOR=airflow]
	@test -n "$(ACCOUNT)" || (echo "say which account: make backfill ACCOUNT=<id> [MONTHS=18]" >&2; exit 1)
	@$(BIN)/python -m seller_warehouse.run --orchestrator $(or $(ORCHESTRATOR),process) backfill --account "$(ACCOUNT)" --months $(or $(MONTHS),18)

up: install ## Airflow with its page on http://127.0.0.1:8080 (SELLER_WAREHOUSE_PORT) in the background, on its timetables
	@$(BIN)/python -m seller_warehouse.cli.up

serve: install ## the last publication over HTTP on http://127.0.0.1:8502 (SELLER_WAREHOUSE_SERVICE_PORT), for readers with the token
	@$(BIN)/python -m seller_warehouse.readers.http_service

down: ## stop what make up started
	@test ! -x $(BIN)/python || $(BIN)/python -m seller_warehouse.cli.up down

# Three processes on two cores: one of them usually waits, for Airflow, a server or a page.
test: install chromium ## the whole test suite; [TESTS="tests/unit tests/dbt"]
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --ignore tests/soak $(TESTS)

# Only one test needs it and is skipped without it: docker-compose.yaml has its own.
postgresql: install
	@if $(BIN)/python -m tests.postgresql; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql > /dev/null; \
	else \
		echo "PostgreSQL is not installed, so the test that runs docker-compose.yaml's services is skipped: apt-get install postgresql" >&2; \
	fi

# The tests of the dashboard need it and are skipped without it.
chromium: install
	@if command -v chromium > /dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; then :; \
	else \
		echo "Chromium is not installed, so the tests of the dashboard are skipped: apt-get install chromium" >&2; \
	fi > /dev/null

soak: install postgresql chromium ## the long storms; COUNT=n rounds, SEED=n
	@SOAK_COUNT=$(or $(COUNT),5) SOAK_SEED=$(or $(SEED),1) $(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/soak

bench: install chromium ## the benchmark: ratios to plain DuckDB in the same run, and load times of the dashboard's pages
	@$(BIN)/python -m benchmarks.bench
	@$(BIN)/python -m benchmarks.pages

screenshots: install chromium ## renew docs/screenshots from the publication of make demo
	@$(BIN)/python -m tests.readers.screenshots

lint: install ## every static check
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint-python lint-sql

lint-python:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

# One process: dbt, which renders the models for it, does not work in several.
lint-sql:
	@SELLER_WAREHOUSE_DATABASE=$$(mktemp -d)/lint.duckdb $(BIN)/sqlfluff lint --processes 1 dbt_project/models dbt_project/tests

docs: install ## write docs/inputs.md and docs/requests.md from the report specs, and build docs/ as a site into data/site
	@$(BIN)/python -m docsite.inputs
	@$(BIN)/python -m docsite.requests
	@$(BIN)/python -m docsite.site

clean: ## remove the environment; data stays
	@rm -rf $(VENV)
