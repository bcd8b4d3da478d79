# What one does here, in one place. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test up gen lint bench clean

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PROTOS := $(shell find protos -name '*.proto' -not -path 'protos/third_party/*' -not -path 'protos/gen/*' 2>/dev/null)
STUBS := protos/gen/.made

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/run $(STUBS) ## start the mesh, compare some voices, show the verdict, stop
	@$(BIN)/arena demo

up: $(STAMPS)/run $(STUBS) ## run the mesh in the foreground until Ctrl-C (UP="--ephemeral" forgets its data)
	@$(BIN)/python -m deploy.local $(UP)

test: $(STAMPS)/dev $(STUBS) ## run all tests (TESTS="tests/unit" runs some)
	@$(BIN)/pytest $(or $(TESTS),tests)

gen: $(STAMPS)/run ## write the stubs and the gateway's descriptors from the protos
	@$(BIN)/python protos/generate.py
	@touch $(STUBS)

lint: $(STAMPS)/dev $(STUBS) ## check style, types, imports, protos, generated code and the gateway's configuration
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	@rm -rf $(VENV)/regenerated
	$(BIN)/python protos/generate.py $(VENV)/regenerated
	diff -r -x .made -x __pycache__ protos/gen $(VENV)/regenerated
	$(BIN)/python -m gateway.config --validate

bench: $(STAMPS)/dev $(STUBS) ## measure, as ratios within one run
	@$(BIN)/python -m tests.bench

clean: ## remove what was installed, generated and cached; the data in .arena stays
	rm -rf $(VENV) protos/gen protos/third_party .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.arena/*' -exec rm -rf {} +

$(STUBS): $(PROTOS) protos/generate.py | $(STAMPS)/run
	@echo "Generating stubs."
	@$(BIN)/python protos/generate.py
	@touch $@

# pip speaks only if it fails.
INSTALL = @echo "Installing $(1)." && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input -e "$(1)" >$(VENV)/install.log 2>&1 \
	|| { cat $(VENV)/install.log >&2; echo "error: the installation failed; see above" >&2; exit 1; }

$(STAMPS)/run: pyproject.toml | $(STAMPS)/venv
	$(call INSTALL,.[gen])
	@touch $@

$(STAMPS)/dev: pyproject.toml | $(STAMPS)/venv
	$(call INSTALL,.[dev])
	@touch $@ $(STAMPS)/run

$(STAMPS)/venv:
	@sh deploy/local/make_venv.sh $(VENV)
	@mkdir -p $(STAMPS) && touch $@
