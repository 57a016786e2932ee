# Godwit's commands. `make demo` and `make test` need nothing that was installed by hand (Debian, Ubuntu).
PY := .venv/bin/python
PORT ?= 8000
# Handed to pytest: make test ARGS="-k migration"
ARGS ?=

.PHONY: help demo test bench-drain bench-live bench-forecast bench-monitor bench-policies lint clean bench-faults bench-arrival

help:
	@echo "make demo        set up what is missing, run Godwit with its demo, print address and login; Ctrl-C ends it"
	@echo "make test        set up what is missing, run the linters and every test"
	@echo "make bench-live  measure the live path against the lab and the simulated data center"
	@echo "make bench-monitor  how well one worker watches 200 migrations at once (simulated data center)"
	@echo "make bench-forecast  replay recorded migrations: how good the forecast is (LOGS=dir)"
	@echo "make bench-policies  every policy on 24 workloads and 48 held out, simulated, side by side"
	@echo "make bench-arrival  what a PAUSED arrival costs in pause, against real libvirt and QEMU"
	@echo "make bench-faults  the fault table against real libvirt and QEMU, Godwit's processes among the victims (ARGS=…)"
	@echo "make bench-drain  how close draining hosts comes to what the lines allow; the planner's time (ARGS=…)"
	@echo "make lint        ruff, mypy, import contracts"
	@echo "make clean       end what runs here; remove var/ and .venv/ with all data in them"

demo:
	@deploy/bootstrap --demo
	@$(PY) manage.py up --demo --port $(PORT)

test:
	@deploy/bootstrap --test
	@deploy/checks lint tests $(ARGS)

bench-live:
	@deploy/bootstrap --test
	@$(PY) -m tests.bench.live $(ARGS)

bench-monitor:
	@deploy/bootstrap --test
	@$(PY) -m tests.bench.monitor $(ARGS)

bench-arrival:
	@deploy/bootstrap --test
	@$(PY) -m tests.bench.arrival $(ARGS)

bench-policies:
	@deploy/bootstrap --test
	@$(PY) -m tests.bench.policies $(ARGS)

# LOGS=dir: recorded migrations, *.jsonl
bench-forecast:
	@deploy/bootstrap --test
	@$(PY) -m tests.bench.forecast $(if $(LOGS),--logs $(LOGS))

# ARGS="--only F01,H05 --repeat 3"
bench-faults:
	@deploy/bootstrap --test
	@$(PY) -m tests.bench.faults $(ARGS)

# ARGS="--only host16,plan"
bench-drain:
	@deploy/bootstrap --test
	@$(PY) -m tests.bench.drain $(ARGS)

lint:
	@deploy/bootstrap --test
	@deploy/checks lint

clean:
	@deploy/clean
