# Every target sets itself up; only Python 3.11 and make are needed.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
ARGS   ?=
# Many tests wait, so one process more than the two processors of the smallest machine.
PYTEST := $(BIN)/pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder

.PHONY: help demo run test quick check lint types bench firings kills day dashboards pictures lock format clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## / — /'

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## the whole program on loopback, nothing to configure (ARGS="--for 30s")
	$(BIN)/gpu-monitor demo $(ARGS)

run: $(READY)  ## the daemon with config/monitor.yaml (ARGS="-c FILE")
	$(BIN)/gpu-monitor run $(ARGS)

test: $(READY)  ## every test
	$(PYTEST) $(ARGS)

quick: $(READY)  ## the tests that take no time
	$(PYTEST) -m "not slow" $(ARGS)

lint: $(READY)  ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict
	$(BIN)/mypy

check: lint types test  ## what CI runs

bench: $(READY)  ## speed and size, each as a ratio to a floor of the same run
	$(BIN)/python -m tests.bench $(ARGS)

dashboards: $(READY)  ## write grafana/json from its source
	$(BIN)/python -m grafana

firings: $(READY)  ## a thousand firings of a rule in a market that refuses and loses answers
	$(BIN)/python -m tests.bench.firings $(ARGS)

kills: $(READY)  ## the daemon killed at each step of a purchase, twenty seeds each (ARGS="--seeds 3")
	$(BIN)/python -m tests.proofs kills $(ARGS)

day: $(READY)  ## a day at 60 times its speed, killed twenty times, beside an undisturbed one; 25 minutes
	$(BIN)/python -m tests.proofs day $(ARGS)

pictures: $(READY)  ## draw the dashboards from a real Prometheus, and write grafana/PANELS.md
	$(BIN)/python -m tests.pictures

format: $(READY)  ## rewrite the sources as the linters want them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(READY)  ## renew requirements.lock, and what of it the image needs, from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
	  --upgrade --quiet --output-file requirements.lock
	sed -nE 's/^([^ ]+==[^ ]+).*/\1/p' requirements.lock | $(BIN)/uv pip compile pyproject.toml --constraints - \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command "make lock" --quiet --output-file deploy/requirements.lock

clean:  ## remove what these targets made
	rm -rf $(VENV) build dist
