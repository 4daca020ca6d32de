# On a fresh machine with Python 3.10 to 3.13 and make:
#   make table   installs into .venv and runs the attention table
#   make test    installs into .venv and runs the tests
PYTHON ?= python3
RUN := .venv/bin/python
# Two processes: many tests wait for one of theirs, which keeps a single core busy.
TESTS := -m pytest -q -n 2 --dist loadfile
# TensorFlow's CUDA libraries are gigabytes, wanted only where there is a GPU.
CUDA := $(shell command -v nvidia-smi >/dev/null 2>&1 && echo ,cuda)

.PHONY: table test slow check format clean

table: .venv/installed-all
	$(RUN) -m benchmarks.run --table attention

test: .venv/installed-dev
	$(RUN) $(TESTS) -m "not slow"

slow: .venv/installed-dev
	$(RUN) $(TESTS)

check: .venv/installed-dev
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(RUN) $(TESTS) -m "not slow"

format: .venv/installed-dev
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

clean:
	rm -rf .venv

.venv/installed-%: setup.cfg pyproject.toml constraints.txt
	test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[$*$(CUDA)]"
	touch $@
