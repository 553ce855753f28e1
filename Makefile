# `make` alone lists the verbs. Python 3.11 or newer is all they need: PYTHON names another one.
PYTHON ?= python3
# WEEK=0 starts the demo without its recorded week.
WEEK ?= 1
# E2E=0 leaves the browser tests out.
E2E ?= 1
# How many test files run at once; the browser tests have the machine to themselves.
WORKERS ?= 2

BOOTSTRAP := $(PYTHON) -m crosschannel.bootstrap
NPM := $(BOOTSTRAP) --no-environment --npm
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
QUICK := not bench and not soak

.DEFAULT_GOAL := help
.PHONY: help setup up test lint types e2e bench soak clean lock

help: ## this list
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## (.*)/  make \1\t\2/' | expand -t 14

setup: ## environment in .venv and console in web/dist; quick when nothing changed
	@$(BOOTSTRAP) --console

up: ## start everything; against the sandbox unless .env holds real accounts
	@$(BOOTSTRAP)
	@exec $(BIN)/crosschannel up --until-parent-ends $(if $(filter 0,$(WEEK)),--empty)

test: ## all tests, in a real browser too (E2E=0: without the browser)
	@$(BOOTSTRAP) --dev --console $(if $(filter 0,$(E2E)),,--browser)
	@$(NPM) test
	$(PYTEST) -n $(WORKERS) --dist loadfile -m "$(QUICK) and not e2e"
	@$(if $(filter 0,$(E2E)),,$(PYTEST) -m e2e)

lint: ## ruff, import rules and, where its packages are installed, the console's linter
	@$(BOOTSTRAP) --dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	@if [ -d web/node_modules ]; then $(NPM) run lint; $(NPM) run types; fi

types: ## mypy --strict
	@$(BOOTSTRAP) --dev
	$(BIN)/mypy

e2e: ## only the browser tests
	@$(BOOTSTRAP) --dev --console --browser
	$(PYTEST) -m e2e

bench: ## measure the figures of docs/performance.md
	@$(BOOTSTRAP) --dev --console
	$(PYTEST) -m bench -s

soak: ## long runs: hundreds of kills, hours of load
	@$(BOOTSTRAP) --dev
	$(PYTEST) -m soak -s --timeout=0

lock: ## pin what pyproject.toml asks for, with hashes, in requirements.lock
	@[ -x $(BIN)/uv ] || $(BOOTSTRAP)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras \
		--no-emit-index-url --no-header pyproject.toml -o requirements.lock

clean: ## remove the environment, builds and caches; the data stays
	rm -rf .venv web/node_modules web/dist build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
