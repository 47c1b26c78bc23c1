# Everything runs inside .venv, which `make install` creates from exact pins.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Tests and benchmarks start hundreds of processes: each is to find what the one before it has compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo test exhaustive lint bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/hybrid-tui demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder

# What `make test` leaves out: many variants of what one of its tests shows once.
exhaustive: $(STAMP)
	$(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder -m exhaustive

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Minutes each. benchmarks/ also holds example.py (a minute), coverage.py and large_search.py (ten minutes), and
# xquad_r.py (needs a model). gpu.py is all that only a GPU can show, in eight minutes.
bench: $(STAMP)
	$(BIN)/python benchmarks/dashboard.py
	$(BIN)/python benchmarks/ranking.py

clean:
	rm -rf $(VENV) build dist *.egg-info
