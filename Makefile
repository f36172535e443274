# Two commands: `make run` and `make test`. The rest is for whoever changes the code; see CONTRIBUTING.md.
# All paths are relative, so a folder with spaces in its name is no trouble.

PYTHON ?= python3
ARGS ?=
PY := .venv/bin/python
PIP := $(PY) -m pip install --no-compile --no-deps --require-hashes --no-input --progress-bar off --disable-pip-version-check
IS_RIGHT := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
# For tools that import the settings: servers for that moment.
THROWAWAY := $(PY) -m dialer.throwaway

.PHONY: help run test chaos check format lock bench clean

help:
	@echo 'make run     start everything and print the address (PORT=8010 make run for another port)'
	@echo 'make test    every test (ARGS="-k words" for some)'
	@echo 'make chaos   kill, freeze and crash everything in the middle of CALLS=2000 calls (SEED=1; MUTANT=all for planted bugs)'
	@echo 'make check   lint, types, layers, templates, migrations'
	@echo 'make format  put code and templates into their form'
	@echo 'make bench   measure (ARGS=dispatch for one part)'
	@echo 'make lock    resolve requirements/*.in again (ARGS=--upgrade for newer versions)'
	@echo 'make clean   remove the environment and caches; data in .state stays'

run: .venv/run.stamp
	@exec $(PY) -m dialer.supervisor

test: .venv/dev.stamp
	@command -v chromium >/dev/null || { \
	  echo 'Chromium is not installed. The browser tests need it; as root:' >&2; \
	  echo '  apt-get install -y --no-install-recommends chromium fonts-noto-core' >&2; \
	  if [ "$$CI" = true ]; then exit 1; fi; \
	  echo 'Going on without them: they will be reported as skipped.' >&2; }
	@$(PY) -m pytest -n 3 --dist worksteal $(ARGS)

CALLS ?= 2000
chaos: .venv/dev.stamp
	@$(PY) -m tests.chaos --calls $(CALLS) $(if $(SEED),--seed $(SEED)) $(if $(MUTANT),--mutant $(MUTANT)) $(ARGS)

check: .venv/dev.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(THROWAWAY) $(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports; raise SystemExit(lint_imports())'
	$(PY) -m djlint templates --check --quiet
	$(THROWAWAY) $(PY) manage.py check --fail-level WARNING
	$(THROWAWAY) $(PY) manage.py makemigrations --check --dry-run

format: .venv/dev.stamp
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) -m djlint templates --reformat --quiet

bench: .venv/dev.stamp
	@$(PY) -m bench $(ARGS)

# uv resolves for all platforms and Pythons at once; pip installs, because it knows the machine's own index settings.
lock: .venv/dev.stamp
	@$(PY) -m pip install -qq --disable-pip-version-check uv
	@for name in run embedded dev; do \
	  UV_CUSTOM_COMPILE_COMMAND='make lock' $(PY) -m uv pip compile --quiet --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url $(ARGS) requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results staticfiles

# --- the environment --------------------------------------------------------------------------------------------------

# An environment whose Python is gone (an upgrade of the machine, another machine) is made anew.
ifneq ($(wildcard .venv/*.stamp),)
$(shell $(PY) -c '$(IS_RIGHT)' 2>/dev/null || rm -f .venv/*.stamp)
endif

.venv/run.stamp: requirements/embedded.txt .venv/made.stamp
	@$(call install,requirements/embedded.txt)
	@touch $@

.venv/dev.stamp: requirements/dev.txt requirements/embedded.txt .venv/made.stamp
	@$(call install,requirements/dev.txt)
	@touch .venv/run.stamp $@

# Each candidate is run: a python3.12 on the path may be a shim that only fails.
.venv/made.stamp:
	@if ! $(PY) -c '$(IS_RIGHT)' 2>/dev/null; then \
	  found=; \
	  for python in '$(PYTHON)' python3.12 python3.11; do \
	    if "$$python" -c '$(IS_RIGHT)' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo 'Python 3.11 or 3.12 is needed, and $(PYTHON), python3.12 and python3.11 are not it.' >&2; \
	    echo 'Install one (apt install python3 python3-venv), or name it: PYTHON=/path/to/python3.12 make run' >&2; \
	    exit 1; \
	  fi; \
	  if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found cannot make an environment: apt install python3-venv" >&2; exit 1; \
	  fi; \
	  echo "Making .venv with $$("$$found" --version)"; \
	  "$$found" -m venv --clear .venv || { echo 'The environment cannot be made: apt install python3-venv' >&2; exit 1; }; \
	fi
	@touch $@

# pip's own output goes to a file: it is shown, without its notes about local settings, only if something failed.
define install
echo 'Installing $(1) (about half a minute the first time)'; \
$(PIP) -r $(1) >.venv/pip.log 2>&1 || { \
  grep -v 'is ignored' .venv/pip.log >&2; \
  if grep -qiE "command '?[^ ]*(gcc|cc|make)'? failed|No such file or directory: '?(gcc|cc|make)|unable to execute" .venv/pip.log; then \
    echo 'A package has no wheel for this machine and must be compiled: apt install build-essential python3-dev' >&2; \
  fi; \
  exit 1; }
endef
