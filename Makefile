# make demo   sets up, then checks drivers and replays a real recorded program
# make test   sets up, then runs every test
# make lint   formatting, types, layers
# make check-all  every operation on every kernel and architecture, with correct drivers
# make bench  figures of the README, beside SPIN, in one run

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready

.PHONY: demo test lint check-all bench setup tools clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# Tools that are not Python packages: strace records workloads, spin is the peer of tests and
# benchmarks.
tools:
	@{ command -v strace && command -v spin; } >/dev/null || { apt-get update -qq && apt-get install -y -qq strace spin; }

demo: setup tools
	$(VENV)/bin/shootdown demo

test: setup tools
	$(PY) -m pytest -q -n 2 --dist worksteal

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

check-all: setup
	$(VENV)/bin/shootdown matrix --workers 2

bench: setup tools
	$(PY) -m benchmarks.run

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
