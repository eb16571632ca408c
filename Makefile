PYTHON ?= python

.PHONY: help check lint types layers doctests tests sweep benchmarks-smoke docs site format

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | expand -t 20

check: lint types layers doctests docs site benchmarks-smoke tests  ## all that CI runs

lint:  ## style and formatting
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:  ## static types of the package, and of what its users type
	$(PYTHON) -m mypy sparse_tconv tests/typed_user_code.py
	$(PYTHON) -m pyright

layers:  ## imports point down
	$(PYTHON) -c "from importlinter.cli import lint_imports_command as run; run(['--no-logo'])"

doctests:  ## the examples in the docstrings
	$(PYTHON) -m pytest --doctest-modules sparse_tconv

tests:  ## the tests, a tenth of the random settings
	$(PYTHON) -m pytest

sweep:  ## the tests, all random settings; writes tests/sweep-summary.txt
	SPARSE_TCONV_SWEEP=1 $(PYTHON) -m pytest

# asv keeps what it knows of the machine in the home directory: here it gets one beside its results.
ASV = cd benchmarks && HOME="$$PWD/.asv/home" ASV_PYTHONPATH="$$PWD/.." OMP_WAIT_POLICY=passive $(PYTHON) -m asv

benchmarks-smoke:  ## every benchmark of the asv suite once
	mkdir -p benchmarks/.asv/home
	$(ASV) machine --yes --machine smoke
	$(ASV) run --python=same --quick --machine smoke --show-stderr

docs:  ## the site in docs/_build/html; a warning is an error
	$(PYTHON) -m sphinx -W --keep-going -b html docs docs/_build/html

site:  ## the explorer, and the site that `make docs` built, in Chromium
	$(PYTHON) -m pytest -q -p no:cacheprovider docs/check_explorer.py
	$(PYTHON) docs/check_site.py

format:  ## put the code into house style
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
