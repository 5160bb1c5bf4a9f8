# The two commands of the README are `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
DATA ?= daypass-data
# How many mutated requests `make fuzz` tries: the million takes some minutes.
FUZZ ?= 1000000
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

# What ministack, a peer of the benchmarks, runs from: it wants an older botocore than we do.
PEERS := .venv-peers

.PHONY: demo test check bench bench-sts bench-startup bench-functions fuzz serve lock clean

demo: $(INSTALLED)
	$(BIN)/daypass demo

serve: $(INSTALLED)
	$(BIN)/daypass serve --data $(DATA)

test: check
	$(BIN)/python -m pytest -n 2

check: $(INSTALLED_DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED_DEV)
	$(BIN)/python -m benchmarks.server

bench-sts: $(INSTALLED_DEV) $(PEERS)/.installed
	$(BIN)/python -m benchmarks.sts

bench-startup: $(INSTALLED_DEV) $(PEERS)/.installed
	$(BIN)/python -m benchmarks.startup

bench-functions: $(INSTALLED_DEV) $(PEERS)/.installed
	$(BIN)/python -m benchmarks.functions

fuzz: $(INSTALLED_DEV)
	$(BIN)/python -m tests.sigv4.fuzz $(FUZZ)

$(INSTALLED): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(INSTALLED_DEV): $(INSTALLED) requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

$(PEERS)/.installed: benchmarks/peers.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/peers.lock
	touch $@

# Needs uv (https://docs.astral.sh/uv) on the path.
lock:
	uv pip compile pyproject.toml --extra demo --group dev --universal --generate-hashes --no-header -q -o requirements-dev.lock
	uv pip compile pyproject.toml --extra demo --group build -c requirements-dev.lock --universal --generate-hashes --no-header -q -o requirements.lock
	uv pip compile benchmarks/peers.in --universal --generate-hashes --no-header -q -o benchmarks/peers.lock

clean:
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .import_linter_cache .hypothesis
