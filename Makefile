# Everything that people do with this project. `make` alone lists it.
# A machine needs Python 3.11 or newer with venv, and make; everything else comes from here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# One more than two cores, since tests wait as well: for servers that start, for deadlines.
JOBS ?= 3
VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)

# What is installed is remembered by the sum of what was asked for, so a second run costs nothing.
sum = $(shell cat requirements/$(1).txt pyproject.toml | cksum | tr ' ' '-')
RUN_STAMP = $(VENV)/.installed-build-$(call sum,build)
DEV_STAMP = $(VENV)/.installed-dev-$(call sum,dev)
BENCH_STAMP = $(VENV)/.installed-bench-$(call sum,bench)

# Rivals are installed by install-bench alone; statements of benches are put together from text.
LOOSE := $(addprefix --ignore ,import-not-found no-matching-overload invalid-argument-type deprecated)

CATALOGUE := src/vazao/locale/pt_BR/LC_MESSAGES/vazao.mo

.DEFAULT_GOAL := help
.PHONY: help install install-dev install-bench assets run server migrate test tests full fuzz audit mutants watch lint format bench docs clients conformance agents \
	requirements schema build getver clean pictures

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(RUN_STAMP) ## Install what running needs, into .venv
	@$(MAKE) --no-print-directory assets
	@$(BIN)/python scripts/agents.py pyz || true

install-dev: $(DEV_STAMP) ## Install what testing and checking need, into .venv
	@$(MAKE) --no-print-directory assets ASSETS=--dev
	@$(BIN)/python scripts/clients/generate.py --install
	@$(BIN)/python scripts/servers/servers.py

install-bench: $(BENCH_STAMP) ## Install also the rivals that figures are held against
	@$(MAKE) --no-print-directory assets ASSETS=--dev
	@$(BIN)/python scripts/apart.py rivals frames

run: install ## Everything on this machine, with a demonstration; Ctrl-C stops it
	@exec $(BIN)/vazao up --demo $(ARGS)

server: install ## Everything on this machine, without the demonstration
	@exec $(BIN)/vazao up $(ARGS)

migrate: install ## Bring the database to the newest revision
	@$(BIN)/vazao migrate $(ARGS)

test: install-dev ## The whole test suite; ARGS="-k word" for a part of it
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

tests: test ## The same as test

full: install-dev ## What takes long: more examples for fuzzed tests, then the changed lines broken
	@$(BIN)/python scripts/full.py $(ARGS)

fuzz: install-dev ## Ten minutes of a fuzzer over the readers of sheets; ARGS=seconds
	@$(BIN)/python scripts/fuzz.py $(ARGS)

audit: install-dev ## Ask the advisories about what is pinned; ARGS="run dev"
	@$(BIN)/python scripts/audit.py $(ARGS)

mutants: install-dev ## Break the changed lines one by one; ARGS="--base REV" or "src/vazao/…"
	@$(BIN)/python scripts/mutants.py $(ARGS)

watch: install-dev ## Run the tests of what was changed, at every save
	@$(BIN)/python scripts/watch.py $(ARGS)

lint: install-dev ## Every check that is not a test
	$(BIN)/ruff check .
	$(BIN)/ty check src
	$(BIN)/ty check bench --extra-search-path bench $(LOOSE)
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/python scripts/squawk.py
	$(BIN)/python scripts/catalogues.py check

format: install-dev ## Put imports in order and apply the safe fixes
	$(BIN)/ruff check --fix .

bench: install-bench ## Measure what the README claims; ARGS="leads" for one
	@$(BIN)/python scripts/bench.py $(ARGS)

docs: install-dev ## Write the pages that are made from the program
	$(BIN)/python scripts/reference.py

pictures: install-dev ## Take the pictures of docs/tasks.md, in a browser
	VAZAO_PICTURES=docs/images/tasks $(BIN)/python -m pytest -q tests/acceptance/test_ten_tasks.py

clients: install-dev ## Generate clients from the reference, and let the Python one work
	@$(BIN)/python scripts/clients/generate.py

conformance: install-dev ## Hold every route to the reference with schemathesis (some minutes)
	@$(BIN)/python scripts/clients/conform.py $(ARGS)

agents: $(RUN_STAMP) ## Build the agent's packages into build/agents
	@$(BIN)/python scripts/agents.py

requirements: install-dev ## Resolve the newest versions and pin them with their hashes
	$(BIN)/python scripts/requirements.py $(ARGS)

schema: install-dev ## Write the schema that the migrations add up to
	$(BIN)/python scripts/schema.py

build: ## A container image, tagged with what `make getver` prints
	@command -v docker >/dev/null || { echo "Docker is not installed here; make run needs none." >&2; exit 1; }
	@docker info >/dev/null 2>&1 || { echo "Docker is installed, but its daemon does not answer." >&2; exit 1; }
	docker build --file deploy/Dockerfile --tag "vazao:$(VERSION)" .

getver: ## Print the version that an image would get
	@echo "$(VERSION)"

clean: ## Remove what was installed and built; data stays
	rm -rf $(VENV) build src/vazao/static/vendor

# --- how it is done -----------------------------------------------------------------------------

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Python is not installed. Install Python 3.11 or newer, or name one: make PYTHON=python3.13 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "This needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.13 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing. Install it (Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Making the virtual environment …"
	@$(PYTHON) -m venv $(VENV)

define install_from
echo "Installing $(1) (the next time there is nothing to do) …" && \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	--requirement requirements/$(1).txt && \
$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	--no-build-isolation --editable . && \
rm -f $(VENV)/.installed-* && touch $@
endef

# What developing needs includes what running needs.
$(RUN_STAMP): | $(BIN)/python
	@if [ -e $(DEV_STAMP) ] || [ -e $(BENCH_STAMP) ]; then touch $@; else $(call install_from,build); fi

$(DEV_STAMP): | $(BIN)/python
	@if [ -e $(BENCH_STAMP) ]; then touch $@; else $(call install_from,dev); fi

$(BENCH_STAMP): | $(BIN)/python
	@$(call install_from,bench)

assets: $(CATALOGUE) | $(BIN)/python
	@$(BIN)/python scripts/assets.py $(ASSETS)

$(CATALOGUE): $(CATALOGUE:.mo=.po) | $(BIN)/python
	@$(BIN)/python scripts/catalogues.py compile && touch $@
