# `make help` lists the targets. Every target installs what it needs from this repository's lock files.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements-dev.txt)
# Twice as many test processes as the machine has cores, for most tests wait for servers. Each starts its own, unless a
# cluster is given.
WORKERS ?= $(if $(HEDGEHOG_TEST_KUBECONFIG),1,$(shell expr 2 \* $$(nproc)))
# Test processes with their own Airflow: each mostly waits, and takes 2 GB of memory.
STACKS ?= $(if $(HEDGEHOG_TEST_KUBECONFIG),1,3)
# Airflow is many processes: without compiled files, each compiles all that it imports. Some environments forbid to keep them.
export PYTHONDONTWRITEBYTECODE :=

# Prints what a target is about to do, in the words of `make help`.
SAY = sed -n 's/^$@:.*\#\# /$@: /p' Makefile

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(INSTALLED): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=… names another)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 has no venv module; on Debian: apt install python3-venv"; exit 1; }
	@echo "installing Python packages into $(VENV) (once; about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt -r requirements-dev.txt
	@touch $@

.PHONY: install
install: $(INSTALLED) ## Create .venv with everything in the lock files
	@echo "$(VENV) has everything in the lock files"

.PHONY: devcluster
devcluster: ## Build the development Kubernetes API server once (about 5 minutes; kept outside the tree)
	@$(SAY)
	devcluster/build.sh

.PHONY: gitea
gitea: ## Build the Git host of the tests and the demo once (about 3 minutes; kept outside the tree), if there is a C compiler
	@$(SAY)
	@if command -v "$${CC:-cc}" > /dev/null || command -v gcc > /dev/null; then devcluster/build.sh gitea; \
	else echo "Gitea is not built, and its tests are skipped: there is no C compiler (Debian: gcc)"; fi

# Some shells export HOST, the name of the machine, which is not meant.
DEMO_HOST = $(if $(or $(filter command,$(origin HOST)),$(filter gitea plain,$(HOST))),$(HOST))

.PHONY: demo
demo: $(INSTALLED) devcluster ## Run the whole product on this machine; HOST=gitea|plain, ONCE=1 checks it and ends, RESET=1 starts afresh, TROUBLE=1 adds trouble
	@$(SAY)
	PYTHONPATH=plugins:. $(BIN)/python -m devstack.demo $(if $(DEMO_HOST),--host $(DEMO_HOST)) $(if $(ONCE),--once) $(if $(RESET),--reset) $(if $(TROUBLE),--trouble)

.PHONY: test
test: $(INSTALLED) devcluster gitea ## Run all tests, including those on real servers
	@$(SAY)
	ui/run.sh test
	$(BIN)/python -m pytest -q -m "not e2e and not endurance" -n $(WORKERS) --dist loadfile
	$(BIN)/python -m pytest -q -m "e2e or endurance" -n $(STACKS) --dist loadfile --no-loadscope-reorder tests/endurance tests/e2e

.PHONY: test-unit
test-unit: $(INSTALLED) ## Run the quick tests, which need no server
	@$(SAY)
	ui/run.sh test
	$(BIN)/python -m pytest -q -m "not e2e and not real and not endurance" -n $(WORKERS) --dist loadfile

.PHONY: replay
replay: $(INSTALLED) ## Replay recorded answers of a real cluster on the validation engine; CASES=FILE
	@$(SAY)
	PYTHONPATH=plugins:. $(BIN)/python -m devstack.replay $(CASES)

.PHONY: replay-hydration
replay-hydration: $(INSTALLED) ## Replay recorded runs of `hhfab validate`, hydration included; CASES=FILE
	@$(SAY)
	PYTHONPATH=plugins:. $(BIN)/python -m devstack.replay_hydration $(CASES)

.PHONY: replay-gateway
replay-gateway: $(INSTALLED) ## Replay recorded verdicts of the gateway's dataplane validator on the validation engine; CASES=FILE
	@$(SAY)
	PYTHONPATH=plugins:. $(BIN)/python -m devstack.replay_gateway $(CASES)

.PHONY: check
check: $(INSTALLED) ## Check code style, spelling, types, import contracts, generated docs, DAG parse times, pages
	@$(SAY)
	$(BIN)/ruff check .
	$(BIN)/hadolint Dockerfile
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python docs/prose.py
	$(BIN)/mypy
	PYTHONPATH=plugins $(BIN)/lint-imports --no-cache
	PYTHONPATH=plugins:. $(BIN)/python docs/generate.py --check
	PYTHONPATH=plugins:. $(BIN)/python benchmarks/parse.py --check
	ui/run.sh check
	git diff --check

.PHONY: format
format: $(INSTALLED) ## Format the code and regenerate the docs
	@$(SAY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	PYTHONPATH=plugins:. $(BIN)/python docs/generate.py
	ui/run.sh types
	ui/run.sh format

.PHONY: ui
ui: $(INSTALLED) ## Build the pages in ui/ into the plugin, which keeps the result: users need no Node
	@$(SAY)
	ui/run.sh types
	ui/run.sh build

.PHONY: pictures
pictures: $(INSTALLED) devcluster ## Take the pictures of docs/pages.md again, in a real browser
	@$(SAY)
	ui/run.sh test
	HEDGEHOG_PICTURES=1 $(BIN)/python -m pytest -q tests/e2e/pages/test_every_page.py

.PHONY: bench
bench: $(INSTALLED) devcluster ## Run every benchmark, print one table, write benchmarks/results.json
	@$(SAY)
	devcluster/build.sh kubectl > /dev/null
	PYTHONPATH=plugins:. $(BIN)/python -m benchmarks $(BENCH)

.PHONY: chaos
chaos: $(INSTALLED) devcluster ## Kill processes and cut connections at random, then compare; SEED= KILLS= OUTAGES= MINUTES= AIRFLOW=1
	@$(SAY)
	PYTHONPATH=plugins:. $(BIN)/python -m devstack.chaos $(if $(AIRFLOW),--airflow) $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS)) $(if $(OUTAGES),--outages $(OUTAGES)) $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: fuzz
fuzz: $(INSTALLED) ## Feed hostile random input to every reader of outside data; SEED= MINUTES=
	@$(SAY)
	PYTHONPATH=plugins:. $(BIN)/python -m devstack.fuzz $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: soak
soak: $(INSTALLED) devcluster ## Let an installation run undisturbed while hours are simulated; RUNS=
	@$(SAY)
	PYTHONPATH=plugins:. $(BIN)/python -m devstack.soak $(if $(RUNS),--runs $(RUNS))

.PHONY: lock
lock: $(INSTALLED) ## Resolve requirements*.in into the lock files again
	@$(SAY)
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links requirements-dev.in -o requirements-dev.txt
