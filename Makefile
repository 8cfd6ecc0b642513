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
PACK := .venv-pack
BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check --quiet
FUZZER := target/cargo-fuzz/bin/cargo-fuzz
FUZZ_TARGETS := splits_agree oracle arguments total
# Folders count too: a file that was taken away is a change.
SOURCES := Cargo.toml Cargo.lock pyproject.toml LICENSE $(wildcard README.md) \
	$(shell find rust python -not -path '*/__pycache__*' -not -path 'rust/core/tests*' -not -name '*.so')

# maturin's level is 6, and pyproject.toml cannot set it: 9 makes a wheel 2 % smaller.
COMPRESS := --compression-level 9

# The binding asks an interpreter for its version when it is compiled.
export PYO3_PYTHON := $(abspath $(BIN)/python)

.PHONY: help demo test test-rust test-python test-references test-integrations fuzz fuzz-core lint types dev wheel \
	wheel-pure bench bench-peers bench-instructions bench-million bench-rust bench-python bench-prompts bench-vllm \
	bench-report clean nightly interpreter tools components

help: ## list the words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: interpreter ## play a long agent turn through the release wheel; without Rust, in pure Python (ARGS=--help)
	@if cargo --version >/dev/null 2>&1; then \
		$(MAKE) --no-print-directory $(DEMO)/.ready; $(DEMO)/bin/gemma4-parser demo $(ARGS); \
	else \
		echo "no Rust toolchain found: the demo runs with the pure-Python implementation"; \
		GEMMA4_PARSER_IMPLEMENTATION=python PYTHONPATH=python "$(PYTHON)" -m gemma4_parser demo $(ARGS); \
	fi

test: lint test-rust types test-python ## everything that must pass
	@echo "make test: all passed"

test-rust: $(VENV)/.tools ## tests and documentation of the crates
	cargo build --locked --package gemma4-parser
	cargo test --locked --workspace
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

test-python: $(VENV)/.wheel ## tests of the package, against the installed wheel
	$(BIN)/python -m pytest $(ARGS)

test-references: $(VENV)/.wheel ## Google's template and grammar and vLLM's parsers against this one; fetches 600 MB once
	$(BIN)/python tests/references/prepare.py
	GEMMA4_REFERENCES=target/references $(BIN)/python -m pytest tests/references --verbose $(ARGS)

test-integrations: $(VENV)/.wheel ## in the servers that bench-peers installed, or GEMMA4_PEERS=/path/to/python:… names
	$(BIN)/python tests/integrations/run.py -- $(ARGS)

fuzz: $(VENV)/.wheel ## the implementations against each other, for FUZZ_SECONDS (3600); FUZZ_SEED repeats a run
	$(BIN)/python tests/fuzz.py

fuzz-core: $(FUZZER) ## the fuzz targets of the core by coverage, each for FUZZ_SECONDS (600); needs nightly Rust
	"$(PYTHON)" fuzz/seeds.py
	@for target in $(FUZZ_TARGETS); do \
		echo "fuzz-core: $$target, $(or $(FUZZ_SECONDS),600) seconds"; \
		mkdir -p fuzz/corpus/$$target; \
		PATH="$(dir $(abspath $(FUZZER))):$$PATH" cargo +nightly fuzz run --sanitizer none $$target \
			fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(or $(FUZZ_SECONDS),600) \
			-max_len=4096 -timeout=20 -dict=fuzz/gemma4.dict -print_funcs=0 -print_final_stats=1; \
	done

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
	$(BIN)/maturin build --release --locked $(COMPRESS) --interpreter $(BIN)/python --out dist

wheel-pure: $(PACK)/.ready ## the pure-Python wheel, for every platform, in dist/; needs no Rust
	$(PACK)/bin/python -m hatchling build --target wheel --directory dist

bench: $(VENV)/.wheel ## this parser and those that bench-peers installed (ARGS=--record keeps the result, ARGS=--help)
	@$(if $(findstring --record,$(ARGS)),$(BIN)/python $(PIP) install matplotlib)
	$(BIN)/python bench/run.py $(ARGS)

bench-peers: interpreter ## install the parsers to compare with: vLLM, SGLang, transformers, mlx-lm (6 GB)
	"$(PYTHON)" bench/peers/install.py

bench-instructions: $(VENV)/.wheel ## instructions by callgrind, against the newest record (ARGS=--quick, ARGS=--record)
	$(BIN)/python bench/instructions.py $(ARGS)

bench-million: | interpreter tools ## growth from 1k to 1M tokens, by callgrind: half an hour (ARGS=--record, ARGS="--only prose")
	"$(PYTHON)" bench/million.py $(ARGS)

bench-rust: | tools ## times of the core, by criterion: some minutes (ARGS=numbers is a filter, ARGS=--help)
	cd bench/rust && cargo bench --locked --bench core -- $(ARGS)

bench-python: $(VENV)/.wheel ## times of the calls from Python, by pytest-benchmark (ARGS="-k parse", ARGS=--help)
	$(BIN)/python $(PIP) install --requirement bench/requirements.txt
	$(BIN)/python -m pytest bench/python -p no:cacheprovider --benchmark-columns=median,iqr,rounds \
		--benchmark-sort=name $(ARGS)

bench-prompts: $(VENV)/.wheel ## times of rendering, against transformers with Google's template (ARGS=--record)
	$(BIN)/python bench/prompts.py $(ARGS)

bench-vllm: $(VENV)/.wheel ## a step through vLLM 0.33's own server path, beside its built-in parser (ARGS=--record)
	$(BIN)/python bench/vllm_deltas.py $(ARGS)

bench-report: $(VENV)/.wheel ## the pictures and tables of the newest records, also in README.md
	$(BIN)/python $(PIP) install matplotlib
	$(BIN)/python bench/growth.py
	$(BIN)/python bench/report.py

clean: ## remove everything that was built or fetched
	rm -rf target bench/rust/target fuzz/target dist $(VENV) $(DEMO) $(PACK) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find python tests -name __pycache__ -prune -exec rm -rf {} +

interpreter:
	@if [[ -z "$(PYTHON)" ]] || ! "$(PYTHON)" -c '$(MODERN)'; then \
		echo "make: Python 3.11 or newer is needed; PYTHON=… names one" >&2; exit 1; fi

tools: interpreter
	@if ! cargo --version >/dev/null; then \
		echo "make: cargo is missing (or rustup has no toolchain); https://rustup.rs tells how to install Rust" >&2; exit 1; fi

components: | tools
	@cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt || \
		{ echo "make: rustfmt is missing and rustup cannot add it" >&2; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || rustup component add clippy || \
		{ echo "make: clippy is missing and rustup cannot add it" >&2; exit 1; }

nightly: | tools
	@cargo +nightly --version >/dev/null 2>&1 || { echo "make: fuzzing needs a nightly toolchain:" \
		"rustup toolchain install nightly --profile minimal" >&2; exit 1; }

$(FUZZER): | nightly
	cargo install cargo-fuzz --version 0.13.2 --locked --root target/cargo-fuzz

# The tools, pinned.
$(VENV)/.tools: requirements-dev.txt | tools
	$(BIN)/python -c '$(MODERN)' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python $(PIP) install --requirement requirements-dev.txt
	@touch $@

# The working tree as a wheel, installed: what the tests test.
$(VENV)/.wheel: $(SOURCES) $(VENV)/.tools
	rm -rf $(VENV)/wheels
	$(BIN)/maturin build --release --locked --quiet $(COMPRESS) --interpreter $(BIN)/python --out $(VENV)/wheels
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

$(PACK)/.ready: requirements-dev.txt | interpreter
	@$(PACK)/bin/python -c '$(MODERN)' 2>/dev/null || "$(PYTHON)" -m venv --clear $(PACK)
	@$(PACK)/bin/python $(PIP) install "$$(grep '^hatchling==' requirements-dev.txt)"
	@touch $@
