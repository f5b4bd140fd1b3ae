VENV := .venv
BIN := $(VENV)/bin
TYPES := .venv-types
PYTHON ?= python3
ARGS ?=

.PHONY: run test types campaign mutants bench docs picture build deploy debian-tools clean
SEED ?= 1
CYCLES ?= 300000

run: $(VENV)/run.stamp
	@$(BIN)/vigil sim $(ARGS)

test: $(VENV)/test.stamp debian-tools types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist worksteal

# mypy and MicroPython's stubs would get in each other's way among the test's packages.
types: $(TYPES)/stamp
	@$(TYPES)/bin/python -m host_tools.type_check

# Random packs, limits and faults, judged by an independent oracle: SEED=1 CYCLES=300000 ARGS=...
campaign: $(VENV)/test.stamp
	@$(BIN)/python -m host_tools.campaign --seed $(SEED) --cycles $(CYCLES) $(ARGS)
	@$(BIN)/python -m host_tools.campaign.rubbish $(SEED)
	@$(BIN)/python -m host_tools.campaign.jbd_rubbish $(SEED)
	@$(BIN)/python -m host_tools.campaign.pylontech_rubbish $(SEED)
	@$(BIN)/python tests/system/phones_for_long.py 600 $(SEED)
	@$(BIN)/python -m host_tools.campaign.radio_rubbish $(SEED)

# Breaks the firmware on purpose and looks which test notices: ARGS="--only WORD" for some of it.
mutants: $(VENV)/test.stamp
	@$(BIN)/python -m host_tools.mutants $(ARGS)

bench: $(VENV)/test.stamp debian-tools
	$(BIN)/python -m host_tools.bench

build: $(VENV)/build.stamp
	@$(BIN)/python -m host_tools.build "$(BOARD)" $(if $(ROMFS),--romfs)

deploy: $(VENV)/build.stamp
	@$(BIN)/python -m host_tools.deploy "$(BOARD)" "$(PORT)"

picture: $(VENV)/run.stamp
	$(BIN)/python -m host_tools.sim.view.picture docs/live.svg

docs: $(VENV)/run.stamp
	@$(BIN)/python -m host_tools.handbook
	@$(BIN)/python -m host_tools.build.wiring
	@$(BIN)/python -m host_tools.build.package

# The kernels are compared with C for the same processor, and with bytecode by counted instructions;
# mbpoll is a Modbus client that people use, mosquitto a broker.
# Without root nothing is installed, and tests and bench say what is missing.
debian-tools:
	@{ command -v arm-none-eabi-gcc && command -v valgrind && command -v mbpoll && command -v mosquitto; } >/dev/null || [ "$$(id -u)" != 0 ] || { apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc-arm-none-eabi mbpoll mosquitto valgrind >/dev/null; }

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Vigil's host tools need Python 3.11 or newer (PYTHON=... chooses one)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: on Debian, apt-get install python3-venv" >&2; rm -rf $(VENV); exit 2; }

$(VENV)/run.stamp: $(BIN)/python pyproject.toml
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[sim]'
	@touch $@

$(VENV)/test.stamp: $(BIN)/python pyproject.toml
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[sim,test,bench]'
	@touch $@ $(VENV)/run.stamp

$(TYPES)/stamp: Makefile
	@rm -rf $(TYPES)
	@$(PYTHON) -m venv $(TYPES)
	@$(TYPES)/bin/python -m pip install -q --disable-pip-version-check mypy==2.4.1
	@for port in rp2 esp32; do $(TYPES)/bin/python -m pip install -q --disable-pip-version-check --no-deps --target $(TYPES)/$$port micropython-$$port-stubs==1.29.0.post1 micropython-stdlib-stubs==1.29.0.post2 || exit 1; done
	@touch $@

$(VENV)/build.stamp: $(BIN)/python pyproject.toml
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[build,deploy]'
	@touch $@

clean:
	rm -rf $(VENV) $(TYPES) .run build .pytest_cache .ruff_cache *.egg-info
