# Every job is one word; `make help` lists them. Needed: Rust, Python 3.11 or newer, GNU make. All else is fetched.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

MODERN := import sys; sys.exit(sys.version_info < (3, 11))
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
ifeq ($(origin PYTHON), undefined)
PYTHON := $(shell for name in $(CANDIDATES); do \
	if "$$name" -c '$(MODERN)' >/dev/null 2>&1; then echo "$$name"; break; fi; done)
endif

VENV := .venv
DEMO := .venv-demo
BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check --quiet
# Folders count too: a file that was taken away is a change.
SOURCES := Cargo.toml Cargo.lock pyproject.toml LICENSE $(wildcard README.md) \
	$(shell find rust python -not -path '*/__pycache__*' -not -path 'rust/core/tests*' -not -name '*.so')

# The binding asks an interpreter for its version when it is compiled.
export PYO3_PYTHON := $(abspath $(BIN)/python)

.PHONY: help demo test test-rust test-python lint types dev wheel bench bench-instructions bench-report clean tools \
	components

help: ## list the words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO)/.ready ## build the release wheel and play a long agent turn through it (ARGS=--help lists options)
	@$(DEMO)/bin/gemma4-parser demo $(ARGS)

test: lint test-rust types test-python ## everything that must pass
	@echo "make test: all passed"

test-rust: $(VENV)/.tools ## tests and documentation of the crates
	cargo build --locked --package gemma4-parser
	cargo test --locked --workspace
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

test-python: $(VENV)/.wheel ## tests of the package, against the installed wheel
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.tools components ## formats and lints
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.wheel ## types of the package, the tests and the extension's stubs
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest gemma4_parser._rust

dev: $(VENV)/.wheel ## .venv with the tools and a build of the working tree
	@echo "ready: source $(BIN)/activate"

wheel: $(VENV)/.tools ## the release wheel, in dist/
	$(BIN)/maturin build --release --locked --interpreter $(BIN)/python --out dist

bench: $(VENV)/.wheel ## what a step costs from Python, whole outputs, memory (ARGS=--record keeps the result)
	$(BIN)/python bench/python/steps.py $(ARGS)

bench-instructions: $(VENV)/.tools ## instructions of the core at doubling lengths, by callgrind (ARGS=--record)
	$(BIN)/python bench/instructions.py $(ARGS)

bench-report: $(VENV)/.tools ## the curves and tables of the newest records
	$(BIN)/python $(PIP) install matplotlib
	$(BIN)/python bench/growth.py
	$(BIN)/python bench/report.py

clean: ## remove everything that was built or fetched
	rm -rf target bench/rust/target dist $(VENV) $(DEMO) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find python tests -name __pycache__ -prune -exec rm -rf {} +

tools:
	@if [[ -z "$(PYTHON)" ]] || ! "$(PYTHON)" -c '$(MODERN)'; then \
		echo "make: Python 3.11 or newer is needed; PYTHON=… names one" >&2; exit 1; fi
	@if ! cargo --version >/dev/null; then \
		echo "make: cargo is missing (or rustup has no toolchain); https://rustup.rs tells how to install Rust" >&2; exit 1; fi

components: | tools
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt || \
		{ echo "make: rustfmt is missing and rustup cannot add it" >&2; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy || \
		{ echo "make: clippy is missing and rustup cannot add it" >&2; exit 1; }

# The tools, pinned.
$(VENV)/.tools: requirements-dev.txt | tools
	$(BIN)/python -c '$(MODERN)' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python $(PIP) install --requirement requirements-dev.txt
	@touch $@

# The working tree as a wheel, installed: what the tests test.
$(VENV)/.wheel: $(SOURCES) $(VENV)/.tools
	rm -rf $(VENV)/wheels
	$(BIN)/maturin build --release --locked --quiet --interpreter $(BIN)/python --out $(VENV)/wheels
	$(BIN)/python $(PIP) install --force-reinstall --no-deps --no-index $(VENV)/wheels/*.whl
	@touch $@

$(DEMO)/.ready: $(SOURCES) requirements-dev.txt | tools
	@$(DEMO)/bin/python -c '$(MODERN)' 2>/dev/null || "$(PYTHON)" -m venv --clear $(DEMO)
	@echo "building the release wheel (a minute or two the first time)"
	@$(DEMO)/bin/python $(PIP) install "$$(grep '^maturin==' requirements-dev.txt)"
	@rm -rf $(DEMO)/wheels
	@$(DEMO)/bin/maturin build --release --locked --quiet --interpreter $(DEMO)/bin/python --out $(DEMO)/wheels
	@$(DEMO)/bin/python $(PIP) install --force-reinstall --no-deps --no-index $(DEMO)/wheels/*.whl
	@touch $@
