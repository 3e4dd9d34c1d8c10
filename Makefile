# Sets itself up and runs everything. Needs git, make and Python 3.11 or newer; nothing else.

# The interpreter that a new .venv is made with: make test PYTHON=python3.13
PYTHON = python3

VENV = .venv
BIN = $(VENV)/bin
LOCK = pyproject.toml constraints.txt
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
RULE = PenguiFlow runs on Python 3.11 or newer; name one: make PYTHON=python3.13 ...
INSTALL = $(PIP) install --constraint constraints.txt --build-constraint constraints.txt

.NOTPARALLEL:
.PHONY: help demo test lint bench prove clean

help:
	@echo "make demo    run the shipped scenarios and write the report to reports/report.html"
	@echo "make test    run the tests"
	@echo "make lint    ruff, import-linter, mypy and pyright"
	@echo "make bench   how fast it is: the programs in benchmarks/"
	@echo "make prove   the long proofs: the programs in benchmarks/proofs/"
	@echo "make clean   remove .venv, caches and reports"
	@echo "Each sets up .venv first, where it is missing; PYTHON=python3.13 chooses what it is made with."

demo: $(VENV)/.sim
	@$(BIN)/penguiflow sim run scenarios --report reports

test: $(VENV)/.test
	@$(BIN)/python -m pytest -p xdist.plugin --numprocesses auto --dist loadfile

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright

bench: $(VENV)/.bench
	@set -e; for program in benchmarks/[!_]*.py; do echo "$$program"; $(BIN)/python "$$program"; done

prove: $(VENV)/.bench
	@set -e; for program in benchmarks/proofs/[!_]*.py; do \
	  [ -f "$$program" ] || { echo "benchmarks/proofs holds no program yet" >&2; exit 1; }; \
	  echo "$$program"; $(BIN)/python "$$program"; \
	done

# A stamp in .venv stands for what is installed there; a change of the lock files installs anew.
$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is not found; $(RULE)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is too old: `$(PYTHON) --version 2>&1`; $(RULE)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: it has no ensurepip; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --upgrade pip
	@touch $@

$(VENV)/.sim: $(VENV)/.python $(LOCK)
	$(INSTALL) --editable '.[sim]'
	@touch $@

$(VENV)/.test: $(VENV)/.sim
	$(INSTALL) --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.sim
	$(INSTALL) --group lint
	@touch $@

$(VENV)/.bench: $(VENV)/.sim
	$(INSTALL) --group bench
	@touch $@

clean:
	rm -rf $(VENV) .incidents .mutations .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	git clean -fdXq reports
