"""``manage.py simulate`` as a process: it says where it listens, serves, ends cleanly, and finds its world again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hosts.virt.clock import ManualClock
from hosts.virt.connect import connect
from hosts.virt.records import DomainState, PowerVerb
from hosts.virt.sim.demo import demo_world

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def _simulate(*options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "simulate", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert process.stdout is not None
        assert "40 simulated hosts with 600 VMs" in process.stdout.readline()
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.fixture
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODWIT_SIM_SOCKET", str(tmp_path / "sim.sock"))
    monkeypatch.setenv("GODWIT_SIM_SNAPSHOT", str(tmp_path / "sim.json"))


@pytest.mark.usefixtures("_own_place")
def test_it_serves_its_hosts_and_finds_its_world_again() -> None:
    with _simulate("--pace", "0"):
        first = connect("sim://edge-h01")
        guest = next(each for each in first.domains() if each.status.state is DomainState.RUNNING)
        first.power(guest.uuid, PowerVerb.POWER_OFF)
    with _simulate("--pace", "0"):
        again = connect("sim://edge-h01")
        assert again.host_facts() == _facts_of_demo()
        assert again.domain_status(guest.uuid).state is DomainState.SHUTOFF
    with _simulate("--pace", "0", "--fresh"):
        assert connect("sim://edge-h01").domain_status(guest.uuid).state is DomainState.RUNNING


def _facts_of_demo() -> object:
    return demo_world(ManualClock()).hosts["edge-h01"].facts()


@pytest.mark.usefixtures("_own_place")
def test_an_order_without_a_simulator_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "simulate", "--order", "freeze edge-h01"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "No simulator answers" in done.stderr
