# Needs Python >= 3.11 and make, nothing else. Everything is installed into .venv; `make test` also sets up
# the browser that the report is tested in (tests/browser/install.sh).
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
DEV := .venv/.dev
SIZE ?= quick
REPLICATES ?= 200
JOBS ?= 1

.PHONY: demo test cover lint fast bench diagnosis portfolio examples clean

demo: $(INSTALLED)                ## make the sample data and its report in demo-report/
	$(BIN)/abgap demo --out demo-report --data sample_data

test: $(DEV)                      ## lint, types, floors, all tests
	tests/browser/install.sh
	tests/spark/install.sh
	$(MAKE) --no-print-directory lint
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder --durations=8

cover: $(DEV)                     ## all tests once more, and which lines they run; takes a quarter longer
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder --cov --cov-report=term:skip-covered

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast: $(DEV)                      ## the tests without browser, demo, real data and Spark
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder -m "not browser and not demo and not data and not spark"

examples: $(INSTALLED)            ## rebuild reports/examples/ from the sample data
	$(BIN)/python -m abgap.lab.examples

diagnosis: $(INSTALLED)           ## mark the diagnosis by scenarios of known truth: docs/diagnosis.md
	$(BIN)/python -m abgap.lab.diagnosis --replicates $(REPLICATES) --jobs $(JOBS)

portfolio: $(INSTALLED)           ## measure the portfolio in worlds of known truth: docs/portfolio.md
	$(BIN)/python -m abgap.lab.portfolio

bench: $(DEV)                     ## speed against statements by hand and against peers; SIZE=full for the published sizes
	$(BIN)/python -m benchmarks --size $(SIZE)
	$(BIN)/python -m benchmarks.report --size $(SIZE)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("abgap needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(DEV): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev
	@touch $@

clean:
	rm -rf .venv demo-report benchmarks/.venvs benchmarks/data .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* htmlcov
