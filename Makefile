# Bare `make` explains itself. Needed: Python 3.11 or newer, and make; the rest is installed
# into .venv from the hash-pinned locks in requirements/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo run test check fix bench soak shots deb wheel docs lock clean

PY := .venv/bin/python
RUNTIME := .venv/.runtime
DEV := .venv/.dev

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' Makefile

demo: $(RUNTIME) ## Serve a hospital to play with on http://localhost:8080 and print its sign-ins
	@$(PY) -m xinglin demo $(ARGS)

run: $(RUNTIME) ## Serve the hospital kept in ./var (make one with .venv/bin/xinglin init)
	@$(PY) -m xinglin serve --home var $(ARGS)

test: $(DEV) ## Install what the tests need (as root) and run them all; ARGS="-k name" for a few
	@$(PY) -m scripts.peers
	@$(PY) -m pytest -q --tb=short --durations=10 -n auto --dist loadfile $(ARGS)

check: $(DEV) ## Format, lint, types, layers, generated documents; under a minute
	@$(PY) -m scripts.check

fix: $(DEV) ## Correct what the formatter and the linter can
	@$(PY) -m scripts.check --fix

bench: $(DEV) ## Measure against named baselines and write docs/evidence.md
	@$(PY) -m scripts.hook benchmarks $(ARGS)

soak: $(DEV) ## The tests that have a long form, at full length: hours
	@$(PY) -m scripts.peers
	@$(PY) -m pytest -q --tb=short --durations=10 --soak --timeout=0 -m soak $(ARGS)

shots: $(DEV) ## Take a picture of every page into screenshots/; ARGS=readme for the README's
	@$(PY) -m scripts.peers
	@$(PY) -m scripts.hook tests.e2e.shots $(ARGS)

deb: $(DEV) ## Build the Debian package into dist/
	@$(PY) packaging/deb/build.py $(ARGS)

wheel: $(DEV) ## Build the wheel into dist/
	@$(PY) -m hatchling build -t wheel -d dist

docs: $(DEV) ## Write the documents that are generated from the code
	@$(PY) -m scripts.dependencies
	@$(PY) -m scripts.hook scripts.docs

lock: $(DEV) ## Compile the locks anew from pyproject.toml; ARGS=--upgrade for newer releases
	@$(PY) -m scripts.lock $(ARGS)
	@$(PY) scripts/bootstrap.py dev
	@touch $(RUNTIME) $(DEV)
	@$(PY) -m scripts.dependencies --dates

clean: ## Remove everything built or installed here; ./var, your data, stays
	rm -rf .venv build dist screenshots tests/e2e/node_modules .coverage .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an environment is built once, and again when a lock changes.
$(RUNTIME): requirements/runtime.lock requirements/tools.lock scripts/bootstrap.py pyproject.toml
	@python=$$(sh scripts/python.sh) && "$$python" scripts/bootstrap.py runtime
	@touch $@

$(DEV): requirements/dev.lock requirements/tools.lock scripts/bootstrap.py pyproject.toml
	@python=$$(sh scripts/python.sh) && "$$python" scripts/bootstrap.py dev
	@touch $(RUNTIME) $@
