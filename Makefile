# make demo: build and run the main job.  make test: build and run the tests.  make check: those that take no minutes, while
# one works.  make docs: build the site into docs/_build/html.  Each makes its own environment in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check bench docs lint clean

demo: $(VENV)/.installed
	$(BIN)/fastloss evaluate examples/diabetes.csv --y-true y_true --y-pred y_pred \
		--loss squared_error --loss absolute_error --loss huber:delta=50 --loss log_cosh --loss quantile:alpha=0.9
	$(BIN)/fastloss evaluate examples/breast_cancer.csv --y-true label --y-pred score \
		--loss binary_cross_entropy --loss binary_focal --loss brier --loss zero_one
	$(BIN)/fastloss bench

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses=auto

check: lint
	$(BIN)/python -m pytest -m "not slow" --numprocesses=auto --quiet

bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks losses --quick

docs: $(VENV)/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -n -b html docs docs/_build/html

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf build dist *.egg-info .venv fastloss/_core/*.so docs/_build docs/api docs/losses docs/plots docs/tables

# What is compiled; an edited Python file needs no new installation.
SOURCES := setup.py pyproject.toml $(wildcard fastloss/*.pxd fastloss/_core/*.pyx fastloss/_core/*.pxd fastloss/_core/*.h) $(shell find src_c -type f)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable '.[cli]'
	touch $@

$(VENV)/.installed-test: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable '.[cli,test]'
	touch $(VENV)/.installed $@

$(VENV)/.installed-docs: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable '.[cli,docs]'
	touch $(VENV)/.installed $@
