# All tasks for a fresh clone; they need only Python 3.11 or newer (python3) and make. `make` alone lists the targets.

PYTHON ?= python3
ARGS ?=
PYTEST ?= -m "not slow"
BIN := .venv/bin
SERVE := .venv/installed-to-serve
DEVELOP := .venv/installed-to-develop
DOCUMENT := .venv/installed-to-document
ASSETS := assets/dalip_assets
DATA ?= data

.DEFAULT_GOAL := help
.PHONY: help serve test test-all fuzz check generated format docs hooks taxa assets clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-10s %s\n", $$1, $$2}'

serve: $(SERVE) ## Start the web page (does not install torch); options: make serve ARGS="--port 8000"
	$(BIN)/dalip serve $(ARGS)

# xdist assigns files in the order in which pytest lists them, which begins with the slowest ones. It would run a test
# that hangs again in another worker.
XDIST := -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0

test: check ## Run all checks and all tests except the slow ones
	$(BIN)/python -m pytest $(XDIST) $(PYTEST)

test-all: check ## Run all checks and all tests
	$(BIN)/python -m pytest $(XDIST)

fuzz: $(DEVELOP) ## Try mutated files and requests on the product: make fuzz ARGS="--seconds 600 --seed 7"
	$(BIN)/python -m tests.fuzz $(ARGS)

check: $(DEVELOP) ## Check format, lint, types, layers and the generated documentation
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory generated

COG := $(BIN)/python -m cogapp -I docs
GENERATED := docs/commands.md CONTRIBUTING.md
generated: $(DEVELOP) ## Check that the generated parts of the documentation are up to date
	$(COG) --check --check-fail-msg "run make format" $(GENERATED)
	$(BIN)/python docs/make_results.py --check
	$(BIN)/python $(ASSETS)/make_card.py --check

docs: $(DOCUMENT) ## Build the documentation site in site/, for reading offline; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

hooks: $(DEVELOP) ## Run quick checks before each commit, with pre-commit
	$(BIN)/python -m pre_commit install

format: $(DEVELOP) ## Format the code, apply automatic fixes, update generated files
	$(BIN)/python -m ruff check --fix-only .
	$(BIN)/python -m ruff format .
	$(COG) -r $(GENERATED)
	$(BIN)/python docs/make_results.py
	$(BIN)/python $(ASSETS)/make_card.py

# Reproduces the built-in encoder and flora. You can interrupt it at any time: run it again, and it continues. A step is
# repeated only if its photos, the list of taxa or an earlier step have changed; training resumes from its checkpoint.
# To repeat a step, delete its file in $(STEPS).
STEPS := build/assets
PLANTS = $(sort $(wildcard $(addprefix $(DATA)/,inat-santa-cruz-*.tar oxford-flowers-*.tar \
	more/plants-wide-*.tar more/plants-deep-*.tar)))
CAPTIONS = $(sort $(wildcard $(DATA)/general-captions-*.tar $(DATA)/more/general-captions-coco-*.tar))
TEXT_ONLY ?= 0
TERMS := research and non-commercial use, see LICENSE-WEIGHTS.md
taxa: $(DEVELOP) ## List the taxa of the built-in flora: make taxa DATA=folder TEXT_ONLY=species-without-photos
	@test -n "$(PLANTS)" || { echo "no shards in DATA=$(DATA); give the folder that contains the photo shards"; exit 1; }
	$(BIN)/python -m dalip_assets.make_taxa --lists $(DATA) --text-only $(TEXT_ONLY) $(PLANTS) > $(ASSETS)/taxa.new
	mv $(ASSETS)/taxa.new $(ASSETS)/taxa.csv

assets: $(STEPS)/card ## Train, build and measure the built-in encoder and flora: make assets DATA=folder

$(STEPS)/trained: $(PLANTS) $(CAPTIONS) $(ASSETS)/taxa.csv | $(DEVELOP)
	@test -n "$(PLANTS)" || { echo "no shards in DATA=$(DATA); give the folder that contains the photo shards"; exit 1; }
	mkdir -p $(STEPS)
	$(BIN)/dalip train --preset builtin $(PLANTS:%=--data %) $(CAPTIONS:%=--data %) \
		--taxa $(ASSETS)/taxa.csv --descriptions $(DATA)/descriptions.jsonl.gz --terms "$(TERMS)" runs/builtin
	touch $@

$(STEPS)/exported: $(STEPS)/trained
	$(BIN)/dalip export runs/builtin $(ASSETS)/encoder --weights int8 --name dalip-builtin
	touch $@

$(STEPS)/built: $(STEPS)/exported $(PLANTS) $(ASSETS)/taxa.csv
	rm -rf $(STEPS)/flora
	$(BIN)/dalip index build --keep 0 --taxa $(ASSETS)/taxa.csv $(PLANTS:%=--photos %) $(STEPS)/flora
	rm -rf $(ASSETS)/flora $(STEPS)/flora/.lock
	mv $(STEPS)/flora $(ASSETS)/flora
	touch $@

$(STEPS)/measured: $(STEPS)/built
	$(BIN)/python benchmarks/trust.py --data $(DATA) --write
	touch $@

$(STEPS)/restricted: $(STEPS)/built
	$(BIN)/python benchmarks/only.py --data $(DATA) --write
	touch $@

$(STEPS)/explained: $(STEPS)/built
	$(BIN)/python benchmarks/explained.py --data $(DATA) --write
	touch $@

$(STEPS)/general: $(STEPS)/exported
	$(BIN)/python benchmarks/general.py --data $(DATA) "built-in=$(ASSETS)/encoder"
	touch $@

$(STEPS)/card: $(STEPS)/measured $(STEPS)/restricted $(STEPS)/explained $(STEPS)/general
	$(BIN)/python $(ASSETS)/make_card.py
	touch $@

clean: ## Remove the environment, caches and built packages
	rm -rf .venv build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "DALIP needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0] + ". Use a newer one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

# Half-gigabyte downloads fail now and then, and pip gives up within seconds, so wait and retry.
INSTALL := $(BIN)/python -m pip install --quiet --editable
install = $(INSTALL) $(1) || { sleep 15 && $(INSTALL) $(1); } || { sleep 60 && $(INSTALL) $(1); }

# `-e .` and `-e ".[dev]"` share one environment, so a development environment can also serve.
$(SERVE): pyproject.toml | $(BIN)/python
	@echo "Installing the packages for serving, a few hundred megabytes ..."
	$(call install,.)
	touch $@

$(DEVELOP): pyproject.toml | $(BIN)/python
	@echo "Installing the packages for development, several gigabytes because of torch ..."
	$(call install,".[dev]")
	touch $(SERVE) $(DOCUMENT) $@

$(DOCUMENT): pyproject.toml | $(BIN)/python
	$(call install,".[docs]")
	touch $(SERVE) $@
