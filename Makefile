# The commands that people and CI run, one word each. `make demo` and `make test` need nothing but Python 3.11 or later
# and make; both make .venv from the hashed locks. With uv on the path they are some ten times faster.

SHELL := /bin/sh
BIN := .venv/bin
WORKERS ?= 2
SEEDS ?=

.PHONY: help setup dev demo test check coverage soak bench docs pictures lock clean

help:
	@echo "make demo      the whole of it on this machine, with mocks; nothing leaves the machine"
	@echo "make test      checks, tests and their coverage (under 15 minutes on two cores)"
	@echo "make setup     only .venv with .venv/bin/lienthong"
	@echo "make check     ruff, types, and the rooms; seconds"
	@echo "make soak      the long proofs in full; hours"
	@echo "make bench     the figures of docs/benchmarks.md, on this machine"
	@echo "make docs      write the generated parts of the documents anew"
	@echo "make pictures  the console's pictures in docs/pictures, from an invented day (needs chromium)"
	@echo "make coverage  whether every branch of bus and signing was taken, from the last make test"
	@echo "make lock      new locks from pyproject.toml (needs uv)"

setup: .venv/.core

dev: .venv/.dev

.venv/.core: requirements.lock pyproject.toml .ci/setup
	@.ci/setup requirements.lock
	@touch $@

# The dev lock holds the core lock's very versions and more, so that one installation serves both.
.venv/.dev: requirements-dev.lock requirements.lock pyproject.toml .ci/setup
	@.ci/setup requirements-dev.lock
	@touch .venv/.core $@

demo: setup
	@$(BIN)/lienthong demo

test: check
	@.ci/system-packages
	$(BIN)/pytest -n $(WORKERS) --cov --cov-report=term:skip-covered -p tests.house.branches

check: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/house/test_rooms.py

coverage: dev
	$(BIN)/python -m tests.house.branches

soak: dev
	$(BIN)/pytest -m soak --timeout=0 -n $(WORKERS)

bench: setup
	$(BIN)/lienthong bench

docs: dev
	$(BIN)/python -m tests.house.pages

pictures: dev
	@.ci/system-packages
	$(BIN)/python -m tests.house.pictures

lock:
	PATH="$$PATH:$(BIN)" .ci/lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov dist build
