# make demo   a new machine: installs, evaluates a bundled model, makes it safer, evaluates it again, compares three stages
# make test   a new machine: installs, runs every check
# make fuzz   the readers, with ten thousand inputs each
# make stress a hundred kills, and twelve draws of calls that go wrong
PYTHON ?= python3
BIN := .venv/bin
DEMO_ITEMS := 240
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint types tests fuzz stress bench browser clean

# The last command shows the verdict; with --gate it would also end with its exit code.
demo: .venv/.local
	$(BIN)/anjian eval tiny/distill --suite chisafety --limit $(DEMO_ITEMS) --out runs/demo/before
	$(BIN)/anjian enhance tiny/distill --out models/tiny-safe
	$(BIN)/anjian eval hf/models/tiny-safe --suite chisafety --limit $(DEMO_ITEMS) --out runs/demo/after --min-coverage 0
	$(BIN)/anjian compare tiny/base tiny/distill models/tiny-safe --run runs/demo --limit $(DEMO_ITEMS) --epochs 1 --out report

test: lint types tests

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

# Tests take all cores, so each process gets one thread.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal

tests: .venv/.dev browser
	$(PYTEST)

# Every property test with ten thousand inputs.
fuzz: .venv/.dev
	ANJIAN_FUZZ=10000 $(PYTEST) -m hypothesis --timeout 3600

# Kills, faults and echoed secrets, many more than in `make test`.
stress: .venv/.dev
	ANJIAN_KILLS=100 ANJIAN_FAULT_SEEDS=12 $(PYTEST) tests/test_kills.py tests/test_faults.py tests/test_secrets.py

bench: .venv/.dev
	$(BIN)/python bench/engine.py
	$(BIN)/python bench/local.py
	$(BIN)/python bench/training.py

# The report is tested in a real browser, with fonts that have Chinese characters.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } || \
	echo "no Chromium here: the tests of the report in a browser are skipped"

.venv/bin/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

.venv/.local: pyproject.toml constraints.txt | .venv/bin/pip
	$(PIP) --editable ".[local,train,math]"
	@touch $@

.venv/.dev: .venv/.local
	$(PIP) --group dev
	@touch $@

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
