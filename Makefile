# gilfree: `make bench` and `make test` each install what they need. `make help` lists all targets.

PYTHON3 ?= python3
PYTHON ?= 3.14
SCENARIO ?= asgi,wsgi,wsgi-threads
BACKEND ?= local
PROFILE ?= fast

# A run that is resumed keeps what it began with: with RESUME the defaults above are omitted.
given = $(if $(RESUME),$(if $(filter command,$(firstword $(origin $1))),$($1)),$($1))
# A variable that is set becomes an option, and FULL=1 a flag; an empty one is omitted.
BENCH_OPTIONS = $(addprefix --python ,$(call given,PYTHON)) $(addprefix --scenario ,$(call given,SCENARIO)) \
  $(addprefix --backend ,$(call given,BACKEND)) $(addprefix --profile ,$(call given,PROFILE)) \
  $(if $(BLOCKS),--blocks $(BLOCKS)) $(if $(BUDGET),--budget $(BUDGET)) $(if $(DURATION),--duration $(DURATION)) \
  $(if $(filter-out 0,$(FULL)),--full) $(if $(RESUME),--resume $(RESUME)) $(if $(NAME),--name $(NAME)) $(if $(LIMIT),--limit $(LIMIT)) \
  $(if $(filter-out local,$(BACKEND)),$(ELSEWHERE))
# REGISTRY and the like are often in the environment for other reasons: BACKEND=local ignores them.
ELSEWHERE = $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(CONTEXT),--context $(CONTEXT)) \
  $(if $(NAMESPACE),--namespace $(NAMESPACE)) $(if $(filter-out 0,$(YES)),--yes)

GILFREE = .venv/bin/gilfree
RUN = .venv/bin/python -m

# One target after the other, also under `make -j`: a measurement needs the machine for itself.
.NOTPARALLEL:
.PHONY: help setup ready images rebuild bench bench-overhead cluster-overhead simulate bench-compare pythons doctor show test test-slow lint goldens format clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24
	@echo "  variables of bench: PYTHON=3.14 SCENARIO=asgi,wsgi,wsgi-threads BACKEND=local|docker|kubernetes BLOCKS= BUDGET=14m DURATION= PROFILE=fast|release FULL=1 RESUME=last LIMIT=foreign_cpu=0.2"
	@echo "  variables of BACKEND=docker and kubernetes: REGISTRY=HOST[/PREFIX] CONTEXT= NAMESPACE= YES=1"

setup: ## install the toolkit into .venv (the other targets include this)
	@command -v $(PYTHON3) >/dev/null || { printf '%s\n' "gilfree: there is no $(PYTHON3); Python 3.11 or newer is needed" \
	  "  remedy: install it (on Debian: apt-get install python3), or name one: make … PYTHON3=/path/to/python3" >&2; exit 2; }
	@$(PYTHON3) toolkit/setup/bootstrap.py

bench: setup ## measure (BACKEND=local: on this machine), print the decision and the tables
	@$(GILFREE) bench $(BENCH_OPTIONS)

show: setup ## print the decision and the tables of the newest run again
	@$(GILFREE) show

bench-overhead: setup ## measure what the agents cost, against Granian and rewrk started by hand
	@$(GILFREE) selftest overhead --python $(PYTHON) --profile $(PROFILE)

cluster-overhead: setup ## measure what a trial on a cluster costs, against a Job that does nothing
	@$(GILFREE) selftest cluster-overhead --python $(PYTHON) --profile $(PROFILE) $(if $(REGISTRY),--registry $(REGISTRY)) \
	  $(if $(CONTEXT),--context $(CONTEXT)) $(if $(NAMESPACE),--namespace $(NAMESPACE))

simulate: setup ## how often verdicts are right, on simulated campaigns (FAST=1: seconds)
	@$(GILFREE) selftest simulate $(if $(filter-out 0,$(FAST)),--fast)

bench-compare: setup ## time comparing and reporting 1,000 points with 20 blocks each
	@$(GILFREE) selftest scale --only campaign

pythons: setup ## find or build the pair of interpreters
	@$(GILFREE) pythons --python $(PYTHON) --profile $(PROFILE)

images: setup ## build the images that are not current (REGISTRY=HOST: and push them)
	@$(GILFREE) images build --python $(PYTHON) --profile $(PROFILE) $(if $(REGISTRY),--push --registry $(REGISTRY))

rebuild: setup ## check, update gilfree.lock, build, test, promote (BENCH=1: and measure new against old)
	@$(GILFREE) images rebuild --python $(PYTHON) $(if $(filter-out file,$(origin PROFILE)),--profile $(PROFILE)) \
	  $(if $(REGISTRY),--registry $(REGISTRY)) $(if $(filter-out 0,$(BENCH)),--bench)

doctor: setup ## list what this machine has and lacks
	@$(GILFREE) doctor

# mypy checks for this Python, not for 3.11: stubs that uv.lock has for a newer Python do not pass for an older one.
lint: setup ## ruff, mypy and the import contract: folders import only from those below them
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@.venv/bin/lint-imports --no-logo
	@$(RUN) mypy --python-version "$$(.venv/bin/python -c 'import sys; print(*sys.version_info[:2], sep=".")')"

ready: setup
	@$(RUN) toolkit.bench.ready

test: ready lint ## all tests but the slow ones
	@$(RUN) pytest -m "not slow"

test-slow: ready ## the tests that take minutes
	@$(RUN) pytest -m slow

goldens: setup ## regenerate the golden manifests of tests/golden; `git diff` shows what changed
	@$(RUN) tests.bench.goldens

format: setup ## let ruff fix what it can
	@$(RUN) ruff check --fix
	@$(RUN) ruff format

clean: ## remove .venv and caches of tools; keeps results and the user's cache folder
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
