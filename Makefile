# The project's tasks. `make demo` and `make test` set up all that they need.
SHELL := /bin/bash
PYTHON ?= python3
# Which build of torch: cpu, default (that of your package index: with CUDA on Linux), or auto,
# which is cpu where there is no NVIDIA GPU. TORCH_INDEX names a package index for torch alone.
TORCH ?= auto
TORCH_INDEX ?=
VIDEO ?=
OUT ?= demo-out
PORT ?= 8000
RUNS ?= 3
HOST ?= 127.0.0.1
EVERY ?= 20

BIN := .venv/bin
# Into this environment or nowhere: never into one that the system manages.
PIP := $(BIN)/python -m pip --disable-pip-version-check --require-virtualenv install --quiet \
	--constraint constraints.txt

.PHONY: help demo demo-failover docs serve test test-all test-cpus test-compose test-web bench bench-check chaos check check-docker format clean

help:  ## list the tasks
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/created:
	@scripts/check_python.sh "$(PYTHON)"
	$(PYTHON) -m venv .venv
	@touch $@

.venv/run: .venv/created pyproject.toml constraints.txt
	@echo "Installing Maskstream into .venv (first time: a few minutes)"
	@TORCH_INDEX="$(TORCH_INDEX)" scripts/install_torch.sh "$(TORCH)" $(PIP)
	$(PIP) --editable '.[server,train]'
	@touch $@

.venv/dev: .venv/run
	$(PIP) --editable '.[dev]'
	@touch $@

demo: .venv/run  ## segment a video (VIDEO=any.mp4, or examples/cars.mp4) into OUT=demo-out
	@$(BIN)/python scripts/demo.py --out "$(OUT)" $(if $(VIDEO),--video "$(VIDEO)")

serve: .venv/run  ## run the server on HOST and PORT
	@$(BIN)/maskstream serve --host $(HOST) --port $(PORT)

demo-failover: .venv/run  ## the page with two servers, of which the serving one is killed every EVERY=20 s
	@$(BIN)/python scripts/demo_failover.py --redis "$$(scripts/redis_server.sh)" --port $(PORT) --every $(EVERY)

check: .venv/dev check-docker  ## style, types, the floors of the architecture, images
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-docker: .venv/dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check_docker.sh

# Tests with a real redis-server and Prometheus. Many of them wait for servers: more run at a time
# than there are cores. Files go in the order of `tests/conftest.py`, and bytecode is written, lest
# every worker and every process of a test compile all modules again.
WORKERS ?= $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN))
PYTEST = OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= MASKSTREAM_REDIS_SERVER="$$(scripts/redis_server.sh)" \
	MASKSTREAM_PROMETHEUS="$$(scripts/prometheus.sh)" \
	$(BIN)/python -m pytest --quiet -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 15

test: check  ## check, then all tests but the slow ones: what every change has to pass
	$(PYTEST) -m "not slow"

test-all: check  ## check, then all tests, with more examples of the laws: before a release
	MASKSTREAM_THOROUGH=1 $(PYTEST)

test-cpus: .venv/dev  ## the tests against recordings, as other CPUs would compute them
	@scripts/test_cpus.sh

test-compose: .venv/dev  ## the deployment in real containers, with kills (needs a container engine)
	$(BIN)/python -m pytest --quiet -rs tests/compose

WEB_PACKAGES := clients/web/node_modules/.package-lock.json

$(WEB_PACKAGES): clients/web/package-lock.json
	npm ci --prefix clients/web --no-audit --no-fund --loglevel=error

test-web: .venv/dev $(WEB_PACKAGES)  ## the web client and the page, with their types (needs Node), in Chromium
	$(PIP) --editable '.[web]'
	@scripts/chromium.sh || true
	$(PYTEST) -rs tests/web tests/page

chaos: .venv/dev  ## kill servers and Redis under long streams (RUNS=3 of 300 frames)
	OMP_NUM_THREADS=1 MASKSTREAM_REDIS_SERVER="$$(scripts/redis_server.sh)" \
		$(BIN)/python scripts/chaos.py --runs $(RUNS)

bench: .venv/dev  ## measure this machine into docs/performance.md; reports stay in bench-out
	OMP_NUM_THREADS=1 $(BIN)/python scripts/performance_page.py --folder bench-out

bench-check: .venv/dev  ## measure the demo model's steps: a fifth slower than recorded fails
	OMP_NUM_THREADS=1 $(BIN)/maskstream bench check docs/performance-ratios.json

docs: .venv/dev  ## the documentation site into site/, with warnings as errors
	$(BIN)/python scripts/api_documents.py
	$(BIN)/python scripts/rest_page.py
	$(BIN)/zensical build --clean --strict

format: .venv/dev  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment and what the demo made
	rm -rf .venv demo-out site .mypy_cache .ruff_cache .pytest_cache
