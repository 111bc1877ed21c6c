# A bare machine needs Python >= 3.11 with venv, and make. Everything else is installed into .venv from pinned versions.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: run test check train bench calibrate docs clean

run: .venv/run.stamp  ## judge every offer for the example and write build/german-7b.html
	$(BIN)/stellwerk match examples/german-7b.toml --html build/german-7b.html

test:  ## provision (network), then everything that has to pass (offline)
	scripts/test

check: .venv/test.stamp  ## style, types, and the layer law
	scripts/check

train: .venv/test.stamp  ## plan a tiny model for this machine, train it for about a minute, compare; goes on after a kill
	$(BIN)/stellwerk run examples/first-run.toml --on local --seconds 60 --out build/first-run

bench: .venv/test.stamp  ## measure the speeds and write bench.json
	$(BIN)/python benchmarks/run.py

calibrate: .venv/test.stamp  ## fit the planner's constants to the tables in calibration/ and print every table
	$(BIN)/python scripts/calibrate.py

docs: .venv/docs.stamp  ## build the documentation into build/docs
	$(BIN)/sphinx-build --fail-on-warning --quiet docs build/docs

clean:
	rm -rf build .venv bench.json

.venv/%.stamp: requirements/%.lock pyproject.toml
	scripts/provision $(PYTHON) $*
