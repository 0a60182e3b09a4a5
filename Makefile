# Two commands matter to a newcomer: `make demo` and `make test`. `make` alone lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
KEEP ?=
ANEW ?=
SEED ?=
SCENARIO ?= quickstart
JOBS ?= 2
MINUTES ?= 10
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tidemill/tools
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command 'make lock'

# Demo and tests start dozens of processes: each would compile the whole project anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help bootstrap demo test test-long test-faults fault-table soak test-gpu gpu-proof fuzz check format bench load pictures collector sbom licences wheels lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

bootstrap: $(STAMP) ## the virtual environment, from hash-pinned locks

$(STAMP): requirements/dev.txt pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Tidemill needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@echo 'Installing the locked requirements into $(VENV) (about a minute the first time) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt || \
	  { echo 'Not installed: is the package index within reach? PIP_INDEX_URL or pip.conf name another one.' >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . --editable clients/python
	@touch $@

demo: $(STAMP) ## the main job, shown: a real model answers real requests from a real Kafka (KEEP=1 leaves it up)
	@$(BIN)/python -m loadtest demo $(if $(KEEP),--keep)

test: $(STAMP) ## the test suite, real Kafka included (JOBS=2 files at a time)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m 'not long and not faults and not gpu'

test-long: $(STAMP) ## what takes minutes
	@$(BIN)/python -m pytest -m long

test-faults: $(STAMP) ## what breaks brokers, networks and workers, about 30 minutes (JOBS=2 files at a time); its results are for `make fault-table`
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m 'faults or fault_row'

fault-table: $(STAMP) ## the table of docs/reliability.md, of all runs of test-faults since `make fault-table ANEW=1`
	@$(BIN)/python -m tests.fault_table $(if $(ANEW),--anew)

soak: MINUTES = 30
soak: $(STAMP) ## faults at random over both deliveries: MINUTES=30, SEED= to make the same choices again
	@$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

test-gpu: $(STAMP) ## what needs an NVIDIA GPU and the extra `gpu`
	@$(BIN)/python -m pytest -m gpu

gpu-proof: $(STAMP) ## all that is claimed of a GPU, shown on one in under five minutes; without one a dry run, which ends with 3
	@$(BIN)/python -m tests.gpu.proof

fuzz: $(STAMP) ## every decoder of a stranger's bytes, by inputs that reach new code: MINUTES=10 over all
	@$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

bench: $(STAMP) ## the figures of docs/performance.md
	@$(BIN)/python -m loadtest bench

load: $(STAMP) ## a load test with its verdict: SCENARIO=quickstart, tiers, backlog, spike, overload or soak; or office-hours
	@$(BIN)/python -m loadtest $(if $(filter office-hours,$(SCENARIO)),office-hours --replay,run $(SCENARIO) --embedded)

pictures: $(STAMP) ## the pictures of docs/, of a real run; needs Debian's chromium and chromium-driver
	@$(BIN)/python -m tests.pictures

collector: ## OpenTelemetry's collector, which a test sends to (needs Go, and minutes the first time)
	@mkdir -p $(TOOLS)/otelcol
	@cd $(TOOLS)/otelcol && go run go.opentelemetry.io/collector/cmd/builder@v0.165.0 --config $(CURDIR)/tests/acceptance/collector.yaml

check: $(STAMP) ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/mypy --python-version 3.10 clients/python/tidemill_client
	@$(BIN)/lint-imports --no-cache

format: $(STAMP) ## put the code into shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

sbom: $(STAMP) ## CycloneDX lists of what a worker runs, one for each kind of machine, in dist/
	@$(BIN)/python requirements/bill.py --to dist

wheels: $(STAMP) ## the wheels of tidemill and of tidemill-client, in dist/
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist . clients/python

licences: $(STAMP) ## what a worker runs, and under which terms
	@$(BIN)/python requirements/bill.py --licences

lock: ## compile requirements/*.in into hash-pinned locks (needs uv)
	@for name in run load transforms otel parquet dev gpu; do \
	  $(LOCK) --override requirements/overrides.txt \
	    requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	@for name in cpu build; do \
	  $(LOCK) requirements/$$name.in -o requirements/$$name.txt || exit 1; done

clean: ## remove the virtual environment and caches
	@rm -rf $(VENV) .mypy_cache .ruff_cache clients/python/.ruff_cache .pytest_cache .hypothesis
