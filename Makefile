# make demo   review a thread that is shipped with the project, and draft the replies
# make test   everything CI runs that needs nothing but this checkout
# make bench  how long start-up and a review take, and what a large file costs
# make release VERSION=1.2.3   checks, changelog, version, commit, tags and artifacts; it says what to push, and pushes nothing
#
# Needs Python 3.11 or later with venv (Debian: apt install git make python3-venv). The first run of each
# downloads Python packages; after that none of them needs the network.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= auto
DRAFTS := demo-drafts

# Debian packages that some tests use; without one, those tests are skipped and say so
OPTIONAL := public-inbox-httpd:public-inbox git-send-email:git-email mutt:mutt neomutt:neomutt aerc:aerc lei:lei mandoc:mandoc zsh:zsh cc:gcc

.PHONY: demo test bench release clean

demo: $(VENV)/installed
	@# exit code 1 says "there are remarks", which is what a demo is for
	@$(BIN)/reviewbot thread tests/threads/demo.mbox --kernel 6.10 --config tests/threads/demo.toml \
		--drafts $(DRAFTS) --again || test $$? -eq 1
	@echo; echo "The drafts, as a mail program or \`git send-email\` takes them:"; ls $(DRAFTS)/new/*
	@echo; echo "To call the program: $(BIN)/reviewbot --help"
	@echo "To have it on your path: pipx install . (or see docs/installing.md)"

test: $(VENV)/installed-dev
	@for each in $(OPTIONAL); do \
		PATH="$$PATH:$$(git --exec-path)" command -v $${each%%:*} >/dev/null || \
		echo "$${each%%:*} is missing, its tests are skipped (Debian: apt install $${each#*:})"; done
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@# what measures time has the machine to itself; all other tests run side by side
	$(BIN)/pytest -m alone
	$(BIN)/pytest -m 'not alone' -n $(JOBS) --dist worksteal

bench: $(VENV)/installed-dev
	$(BIN)/python tests/bench/startup.py
	$(BIN)/python tests/bench/cost.py

release: $(VENV)/installed-dev
	@$(BIN)/python shipping/release.py "$(VERSION)"

clean:
	rm -rf $(VENV) $(DRAFTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is not Python 3.11 or later with venv (Debian: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/installed
