# Everything is done in .venv, which the first target that needs it makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
INDEX ?=
PORT ?= 8000
DATA ?=

.DEFAULT_GOAL := help
.PHONY: help install serve test screenshots bundle fuzz lint check index eval gate clean

help: ## What can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: $(VENV)/.installed ## Make .venv and install askpolicy into it

serve: $(VENV)/.installed ## Build the sample index if need be, serve the chat at http://127.0.0.1:8000 (PORT=...)
	$(BIN)/askpolicy serve --port $(PORT) $(if $(INDEX),--index $(INDEX))

index: $(VENV)/.installed ## Build the sample index into index-of-samples/ (POLICIES=... OUT=... for others)
	$(BIN)/askpolicy index build $(or $(POLICIES),index/sample) --out $(or $(OUT),index-of-samples)

eval: $(VENV)/.tested ## Measure the running code on labelled questions
	$(BIN)/python -m eval

gate: $(VENV)/.tested ## Fail if a fixed slice of questions is answered worse than before (DATA=... for more of it)
	$(BIN)/python -m eval gate $(if $(DATA),--data $(DATA))

# A file's tests share what they set up: a file goes to one process.
test: $(VENV)/.tested ## The whole test suite, on two cores (ARGS=... for pytest)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

screenshots: $(VENV)/.tested ## Take the README's pictures of the running product anew
	$(BIN)/python -m tests.screenshots

fuzz: $(VENV)/.tested ## Try all of the HTTP API with 10,000 generated requests; a server must run at PORT
	$(BIN)/schemathesis --config-file tests/schemathesis.toml run http://127.0.0.1:$(PORT)/openapi.json --checks all -n $(or $(CASES),2000) --suppress-health-check all

bundle: $(VENV)/.tested ## Make the widget that is served of the modules in api/web/chat
	npm run --silent --prefix tests bundle

lint: $(VENV)/.tested ## Format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test ## All of it

clean: ## Remove .venv and what was built
	rm -rf $(VENV) tests/node_modules index-of-samples .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "askpolicy needs Python 3.11 or newer, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV) (about 0.5 GB; a minute or two the first time) ..."
	$(PIP) --editable .
	@touch $@

# torch first and alone: asked for by another package, it comes with gigabytes that a CPU has no use for.
$(VENV)/.tested: $(VENV)/.installed tests/package-lock.json
	@echo "Installing what the tests and the evaluation need (about 2 GB) ..."
	$(PIP) torch==2.13.0
	$(PIP) --editable '.[test]'
	@# axe-core is no Python package; without npm the tests that need it are skipped, and say so
	@if command -v npm >/dev/null; then npm ci --prefix tests --silent --no-audit --no-fund; fi
	@touch $@
