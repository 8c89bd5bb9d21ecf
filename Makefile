# Every target does all its set-up: a .venv in the checkout, installed from constraints.txt, again
# only when a pin changed. It needs Python 3.11 or newer and pip.

PYTHON ?= python3
OUT ?= out
DIGEST := $(shell cat constraints.txt pyproject.toml | cksum | cut -d' ' -f1)
INSTALLED := .venv/.installed-$(DIGEST)
PY := .venv/bin/python
PORT ?= 3000
export DAGSTER_HOME := $(CURDIR)/.dagster

.PHONY: report test check ui bench setup
.DEFAULT_GOAL := report

report: setup
	@$(PY) -m assets report $(if $(DATA),--data '$(DATA)') --out '$(OUT)' $(if $(WEEK),--week '$(WEEK)')

test: setup
	$(PY) -m pytest $(ARGS)

check: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

ui: setup
	CXM_DATA='$(if $(DATA),$(abspath $(DATA)))' CXM_OUT='$(abspath $(OUT))' \
	    PYTHONWARNINGS=ignore .venv/bin/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

bench: setup
	$(PY) -m benchmarks $(ARGS)

setup: $(INSTALLED) .dagster/dagster.yaml

$(INSTALLED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo 'Python 3.11 or newer is needed; name one: make PYTHON=python3.11' >&2; exit 2; }
	@echo 'Setting up .venv (some minutes, once) ...' >&2
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PY) -m pip install -qq --disable-pip-version-check --constraint constraints.txt \
	    --editable '.[report,dagster,test,check]'
	@rm -f .venv/.installed-* && touch $@

.dagster/dagster.yaml: assets/dagster.yaml
	@mkdir -p .dagster && cp $< $@
