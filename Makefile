# Every target does its own set-up: git, make and Python 3.11 are enough to start with.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up test check unit chaos bench docs notebooks lock clean venv venv-dev kafka

PY := .venv/bin/python

help: ## this list
	@echo "make <target>"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

up: venv ## broker, worker, server and sample traffic in one go; FOR=30 stops after 30 s
# With a terminal the command gets its own foreground process group: Ctrl-C reaches it and not make, so the exit code is its own.
	@if [ -t 0 ]; then set -m; fi; .venv/bin/trustscore up $(if $(FOR),--for $(FOR)) $(ARGS); exit $$?

# Two workers, each with brokers of its own (4 s to start): loadgroup would share one, but pytest 9.2 with xdist 3.8 ignores it.
test: check kafka ## lint, types, import contracts and all tests, on the embedded broker and on Apache Kafka
	@$(PY) -m pytest -q -n 2 --dist loadfile $(ARGS)

unit: venv-dev ## the tests that open no socket, quickly
	@$(PY) -m pytest -q -n 2 --dist loadfile --ignore=tests/integration --ignore=tests/chaos -m "not integration and not notebook" $(ARGS)

# Three times as long as anything else here: minutes of kills, half a minute of partition, a million bad messages.
chaos: venv-dev kafka ## faults in their long versions; SEED=7 draws other moments, ARGS="-k kills" some of them
	@CHAOS_SEED=$(or $(SEED),1) $(PY) -m pytest -v tests/chaos -m "chaos or chaos_long" $(ARGS)

check: venv-dev ## lint, format, types, import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --show-timings | grep -vE '[╔╗╚╝║╦╩╣╠═╬]' | grep -v '^$$'

bench: venv-dev kafka ## benchmarks; ONLY=name runs one
	@$(PY) -m benchmarks $(ONLY) $(ARGS)

docs: venv-dev ## write docs/reference/ anew from the code
	@$(PY) infra/reference.py

notebooks: venv-dev ## execute notebooks/*.ipynb in place
	@$(PY) infra/notebooks.py

lock: ## recompute requirements/*.txt (needs uv on PATH)
	@infra/lock.sh

clean: ## remove what can be made again: .venv, caches, trustscore-data
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* dist build trustscore-data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@infra/venv.sh run

venv-dev:
	@infra/venv.sh dev

kafka: venv-dev
	@$(PY) infra/kafka/jars.py
