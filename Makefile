# Entry points for people and for continuous integration. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint fmt fuzz bench bench-engine bench-compression fit-costs bench-budget lock clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA ?=
CLIPS ?= 300
NATIVE := $(shell find firmware/lib/sotto/src/frontend firmware/lib/sotto/include training/native -name '*.[ch]' 2>/dev/null)

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

setup: $(STAMP) ## install the locked Python packages, the compilers and the emulator

$(STAMP): requirements.lock pyproject.toml .ci/setup.sh $(NATIVE)
	bash .ci/setup.sh
	@touch $@

demo: setup ## speak three words, train, compress, build, emulate an STM32F405, report
	$(BIN)/sotto run training/recipes/demo.toml --out build/demo/generated --work build/demo

test: setup lint ## every check: style, types, unit, C under sanitizers, cross, emulated boards
	$(BIN)/python -m pytest -q

lint: setup ## ruff, mypy, clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files -z '*.c' '*.h' ':!:generated' | xargs -0 -r $(BIN)/clang-format --dry-run --Werror

fmt: setup ## rewrite Python and C in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files -z '*.c' '*.h' ':!:generated' | xargs -0 -r $(BIN)/clang-format -i

fuzz: setup ## hostile bytes to the firmware, by libFuzzer: five minutes of processor time a target
	bash .ci/setup_fuzz.sh
	PYTHONPATH=tests $(BIN)/python tests/fuzz/campaign.py

bench: setup ## the figures that the documents quote, on recordings: make bench DATA=DIR
	@test -d "$(DATA)" || { echo 'error: DATA="$(DATA)" is no folder' >&2; \
	  echo '  next: make bench DATA=DIR, a folder of labelled recordings (docs/data.md)' >&2; exit 2; }
	@mkdir -p build/bench
	$(BIN)/python -m training.bench_frontend --data $(DATA) --json | tee build/bench/frontend.json
	for board in stm32f405 mps2_m4 mps2_m7; do \
	  $(BIN)/sotto validate --data $(DATA) --limit $(CLIPS) --board $$board --json \
	    > build/bench/parity_$$board.json || exit 1; \
	done
	@grep -H -E '"(clips|accuracy|identical_[a-z]+|instructions_per_[a-z]+)"' build/bench/parity_*.json

bench-engine: setup ## instructions, cycles, flash, RAM and stack on emulated cores, beside TFLite-Micro
	$(BIN)/python -m host_tools.commands._bench_engine

bench-compression: setup ## every method of compression beside smaller students: DATA=DIR
	@test -d "$(DATA)" || { echo 'error: DATA="$(DATA)" is no folder' >&2; \
	  echo '  next: make bench-compression DATA=DIR, a folder of labelled recordings' >&2; exit 2; }
	$(BIN)/python -m host_tools.commands._bench_compression --data $(DATA) $(BENCH_OPTIONS)

fit-costs: setup ## by what `sotto compile` estimates instructions, from measurements on emulated cores
	$(BIN)/python -m host_tools.commands._fit_costs --write

bench-budget: setup ## make today's figures those that the tests hold
	$(BIN)/python -m host_tools.commands._bench_engine --write-budget

lock: ## resolve pyproject.toml anew into requirements.lock (hashes, Python 3.11 and 3.12)
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --python-version 3.11 \
	  --no-emit-index-url --no-emit-find-links --no-header -o requirements.lock

clean: ## remove what was built; keeps .venv
	rm -rf build .pio
