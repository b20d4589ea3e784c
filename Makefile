# Two commands for everybody: `make demo` and `make test`. Both set up .venv by themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2
export PYTHONHASHSEED := 0

.PHONY: demo test test-all check format card bench-speed bench-quality bench-rings install clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (a few minutes the first time; the README states sizes)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ecorisk needs Python 3.11 or later; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,dev]'
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/ecorisk demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -m "not slow"

test-all: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope -m slow

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# docs/model-card.md, from the bundled labour certification records.
card: $(STAMP)
	workspace=$$(mktemp -d) && \
	$(BIN)/ecorisk --workspace $$workspace load h2_labor_certification loaders/samples/h2_labor_certification && \
	$(BIN)/ecorisk --workspace $$workspace train && \
	$(BIN)/ecorisk --workspace $$workspace card --out docs/model-card.md; \
	status=$$?; rm -rf $$workspace; exit $$status

bench-speed: $(STAMP)
	$(BIN)/python -m bench.speed

# Sets that are not under DATA are left out; FOLDER keeps runs, so that a long bench can be done in parts.
DATA ?= ../shared/data
bench-quality: $(STAMP)
	$(BIN)/python -m bench.quality --data $(DATA) $(if $(FOLDER),--folder $(FOLDER)) --freeze

bench-rings: $(STAMP)
	$(BIN)/python -m bench.rings --seed 1 --freeze
	$(BIN)/python -m bench.rings --seed 2 --freeze

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
