# On a fresh machine with Python 3.10 to 3.13 and make:
#   make table    installs into .venv and runs the attention table
#   make test     installs into .venv and runs the fast tests
# For contributors:
#   make check    format, lint, types and the fast tests: what continuous integration runs
#   make slow     all tests, and those of the layers and networks under JAX and PyTorch
#   make lowest   the fast tests with the lowest versions that setup.cfg allows
#   make families tries attention on every family of keras.applications, for docs/attaching.md
#   make docs     builds the documentation into site/
#   make format   formats, and fixes what ruff can fix
PYTHON ?= python3
RUN := .venv/bin/python
LOWEST := .venv-lowest/bin/python
# Two processes: many tests wait for one of theirs, which keeps a single core busy.
TESTS := -m pytest -q -n 2 --dist loadfile --durations=15
# TensorFlow's CUDA libraries are gigabytes, wanted only where there is a GPU.
CUDA := $(shell command -v nvidia-smi >/dev/null 2>&1 && echo ,cuda)

.PHONY: table test slow jax torch check lowest families docs format clean

table: .venv/installed-all
	$(RUN) -m benchmarks.run --table attention

test: .venv/installed-dev
	$(RUN) $(TESTS) -m "not slow"

slow: .venv/installed-dev jax torch
	$(RUN) $(TESTS)

jax: .venv/installed-dev
	KERAS_BACKEND=jax $(RUN) $(TESTS) -m "not slow" tests/attention_fer

torch: .venv/installed-dev
	if $(RUN) -c "import torch" 2>/dev/null; \
	then KERAS_BACKEND=torch $(RUN) $(TESTS) -m "not slow" tests/attention_fer; \
	else echo "PyTorch is not installed: its tests are skipped."; fi

check: .venv/installed-dev
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(RUN) $(TESTS) -m "not slow"

# Old releases warn about each other: here only what fails counts.
lowest: .venv-lowest/installed
	$(LOWEST) $(TESTS) -m "not slow" -W default

families: .venv/installed-dev
	$(RUN) tests/attention_fer/attached_families.py

docs: .venv/installed-dev
	$(RUN) -m mkdocs build --strict

format: .venv/installed-dev
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

clean:
	rm -rf .venv .venv-lowest site

.venv/installed-%: setup.cfg pyproject.toml constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[$*$(CUDA)]"
	touch $@

.venv-lowest/installed: setup.cfg pyproject.toml
	test -x $(LOWEST) || $(PYTHON) -m venv .venv-lowest
	$(LOWEST) -m pip install -q --disable-pip-version-check uv
	$(LOWEST) -m uv pip compile -q setup.cfg --extra dev --resolution lowest-direct \
	    -o .venv-lowest/requirements.txt
	$(LOWEST) -m uv pip install -q -r .venv-lowest/requirements.txt
	$(LOWEST) -m uv pip install -q --no-deps -e .
	touch $@
