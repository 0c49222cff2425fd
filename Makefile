# Every target sets up what it needs: a .venv in this folder with the locked dependencies.
.PHONY: install demo test test-long lint bench lock
.DEFAULT_GOAL := install

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	if $$p -c '$(SUPPORTED)' 2>/dev/null; then echo $$p; break; fi; done)
BIN := .venv/bin
# pytest rewrites every test module at each start where it may not keep what it made of it.
TESTING := PYTHONDONTWRITEBYTECODE=

install: .venv/installed

# Bytecode is compiled here because a machine may forbid Python to write it later,
# and every Dagster process would then start twice as slowly.
.venv/installed: requirements.lock pyproject.toml
	@"$(PYTHON)" -c '$(SUPPORTED)' 2>/dev/null || \
		{ echo "aispend needs Python 3.11, 3.12 or 3.13; install one, or say which: make PYTHON=/path/to/python3.12"; exit 2; }
	@echo "setting up .venv (a minute or two, once)"
	@"$(PYTHON)" -m venv --clear .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q aispend_pipeline
	@touch $@

demo: install
	@$(BIN)/aispend demo $(ARGS)

test: install
	@$(TESTING) $(BIN)/python -m pytest

test-long: install
	@$(TESTING) $(BIN)/python -m pytest -m long -n 2 --dist load

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: install
	@$(BIN)/python -m aispend_pipeline_tests.bench

# The lock is for every platform and Python at once, and names no index.
lock: install
	@$(BIN)/python -m venv .venv/lock && .venv/lock/bin/pip install -q uv
	@.venv/lock/bin/uv pip compile -q --universal --generate-hashes --no-strip-extras --no-header \
		--no-annotate --python-version 3.11 --extra dev pyproject.toml -o requirements.lock
