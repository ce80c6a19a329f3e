# Every target makes its own .venv where it is missing or older than pyproject.toml.
# It needs a Python of 3.11 or later; choose one with `make test PYTHON=python3.13`.

PYTHON ?=
VENV   ?= .venv
ARGS   ?=
SEEDS  ?= 1000
FIRST  ?= 0

BIN    := $(abspath $(VENV))/bin
# One pair of stamps for each Python that was asked for by name: asking for another is noticed.
NAMED  := $(if $(PYTHON),-$(notdir $(PYTHON)))
RUN    := $(VENV)/.ready-to-run$(NAMED)
DEV    := $(VENV)/.ready-to-develop$(NAMED)
# What the benchmark is compared with is large, so it has an environment of its own, where asked for.
PEERS  := $(VENV)-peers/.ready-to-compare$(NAMED)
BENCH  := $(if $(filter --peers --plot%,$(ARGS)),$(PEERS),$(DEV))
CODE   := actors serialization transport
TYPED  := $(CODE) $(wildcard examples benchmarks tests/typing)

.DEFAULT_GOAL := help
.PHONY: help demo test simulate mutants check format bench savina load soak chaos fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(RUN) ## count the words of a source tree on several nodes, and lose one (ARGS="PATH --nodes 3")
	@$(BIN)/python -m examples.wordcount $(ARGS)

test: $(DEV) ## run all tests (ARGS="-k name" for some)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal $(ARGS)

simulate: $(DEV) ## run many seeds of the simulated cluster (SEEDS=10000 FIRST=0)
	@$(BIN)/python -m actors.testing.simulate tests.simulation.workload:check --first $(FIRST) --seeds $(SEEDS) $(ARGS)

mutants: $(DEV) ## take away what promises rest on, one thing at a time: each time a seed must notice
	@$(BIN)/python -m tests.simulation.mutants --seeds $(SEEDS) $(ARGS)

check: $(DEV) ## lint, check formatting, types (mypy and basedpyright) and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/basedpyright $(TYPED)
	$(BIN)/lint-imports

format: $(DEV) ## let ruff format the code and repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH) ## measure it beside the same written by hand (ARGS="--only W1,W4", ARGS=--peers)
	$(dir $(BENCH))bin/python -m benchmarks $(ARGS)

savina: $(DEV) ## run the Savina suite (ARGS="--only counting --workers 2")
	$(BIN)/python -m benchmarks.savina $(ARGS)

load: $(DEV) ## have a sender outrun its receiver, and watch the memory of both (ARGS="--seconds 10")
	$(BIN)/python -m benchmarks.load $(ARGS)

soak: $(DEV) ## do everything at once for ten minutes, and see that nothing grows (ARGS="--minutes 1")
	$(BIN)/python -m benchmarks.soak $(ARGS)

chaos: $(DEV) ## kill, stop, cut off and keep busy real processes, and see what the others make of it (ARGS="--rounds 10")
	$(BIN)/python -m benchmarks.chaos $(ARGS)

fuzz: $(DEV) ## a million mutated messages, hostile streams at nodes without keys and with (FIRST=0 ARGS="--only inputs --inputs 50000")
	$(BIN)/python -m benchmarks.fuzz --first $(FIRST) $(ARGS)

clean: ## remove .venv, .venv-peers and everything that was made
	rm -rf $(VENV) $(VENV)-peers build dist *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): pyproject.toml tools/venv.sh
	@rm -f $(VENV)/.ready-*
	@tools/venv.sh $(VENV) run $(PYTHON)
	@touch $@

$(DEV): pyproject.toml tools/venv.sh
	@rm -f $(VENV)/.ready-*
	@tools/venv.sh $(VENV) dev $(PYTHON)
	@touch $@ $(RUN)

$(PEERS): pyproject.toml tools/venv.sh
	@rm -f $(dir $@).ready-*
	@tools/venv.sh $(VENV)-peers peers $(PYTHON)
	@touch $@
