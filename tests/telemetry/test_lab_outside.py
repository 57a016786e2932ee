"""Real libvirt hosts: what virsh does outside Godwit shows in the rows, by itself."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from deploy.lab import Lab, LabError
from hosts.models import VM, Host, Migration, Transition
from hosts.states import HostState, VMState
from hosts.telemetry.listener import Pace
from hosts.virt.clock import WALL
from tests.factory import make_host
from tests.telemetry.collecting import all_up, collecting, host, until, vm

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

#: no beat helps: events alone
EVENTS = Pace(beat_s=600.0, poll_s=0.2, deadline_s=6.0, non_responsive_s=3.0, retry_first_s=0.3, retry_most_s=1.0)


@pytest.fixture
def listening(lab: Lab) -> Iterator[Lab]:
    """A collector listens to h1 and h2; the guest "walker" runs on h1."""
    lab.guest("walker", "h1", dirty_mb=8, dirty_rate=4)
    lab.await_beat("walker")
    for name in ("h1", "h2"):
        unknown = dict.fromkeys(("uuid", "cpus", "answered_at", "cpu_percent", "memory_free_bytes"))
        make_host(name, uri=lab.hosts[name].uri, state="connecting", **unknown)
    with collecting(EVENTS):
        all_up("h1", "h2")
        until(lambda: VM.objects.filter(name="walker", state=VMState.UP).exists(), what="walker up")
        yield lab


def test_it_sees_what_virsh_does_to_a_guest(listening: Lab) -> None:
    row = vm("walker")
    for words, state in (
        ("suspend", VMState.PAUSED),
        ("resume", VMState.UP),
        ("destroy", VMState.DOWN),
        ("start", VMState.UP),
    ):
        listening.virsh("h1", words, "walker")
        until(lambda state=state: vm("walker").state == state, what=f"{state} after {words}")  # type: ignore[misc]
    assert vm("walker").up_since_exact
    listening.virsh("h1", "desc walker --title --live --config 'Walks about'")
    until(lambda: vm("walker").title == "Walks about", what="the title")
    listening.virsh("h1", "destroy walker; undefine walker")
    until(lambda: vm("walker").state == VMState.MISSING, what="missing")
    listening.guest("walker", "h2")
    until(lambda: (vm("walker").state, vm("walker").host.name) == (VMState.UP, "h2"), what="on h2")
    assert vm("walker").pk == row.pk


def test_it_follows_a_migration_that_virsh_makes(listening: Lab) -> None:
    before = vm("walker")
    listening.migrate("walker", "h1", "h2")
    until(lambda: vm("walker").host.name == "h2", what="on h2")
    WALL.sleep(0.5)
    after = vm("walker")
    assert (after.pk, after.up_since, after.state) == (before.pk, before.up_since, VMState.UP)
    told = Transition.objects.filter(noun="vm", row=after.pk).order_by("id")
    assert list(told.values_list("field", "old", "new")) == [("state", "", "up"), ("host", "h1", "h2")]


def test_it_opens_a_row_for_a_migration_that_virsh_makes(listening: Lab) -> None:
    listening.dirty("walker", 32, 30.0, "random")

    def move() -> None:
        with suppress(LabError):  # it will be aborted
            listening.migrate("walker", "h1", "h2", "--bandwidth", "16")

    thread = threading.Thread(target=move)
    thread.start()
    until(Migration.objects.exists, what="the row")
    until(lambda: Migration.objects.get().iterations >= 2, what="passes")
    row = Migration.objects.get()
    assert (row.ours, row.source.name, row.destination and row.destination.name) == (False, "h1", "h2")
    assert vm("walker").host.name == "h1"
    listening.virsh("h1", "domjobabort", "walker")
    thread.join(60)
    WALL.sleep(1.0)
    assert (vm("walker").host.name, vm("walker").state) == ("h1", VMState.UP)


def test_it_loses_a_killed_daemon_at_once_and_comes_back(listening: Lab) -> None:
    listening.kill_daemon("h1")
    until(lambda: host("h1").state == HostState.CONNECTING, what="connecting")
    listening.start_daemon("h1")
    until(lambda: host("h1").state == HostState.UP, what="up")
    listening.virsh("h1", "suspend", "walker")
    until(lambda: vm("walker").state == VMState.PAUSED, what="events again")
    assert Host.objects.get(name="h2").state == HostState.UP


def test_it_calls_a_frozen_daemon_non_responsive_and_knows_all_again(listening: Lab) -> None:
    listening.stop_daemon("h1")
    until(lambda: host("h1").state == HostState.NON_RESPONSIVE, seconds=60, what="non-responsive")
    until(lambda: vm("walker").state == VMState.UNKNOWN, what="unknown")
    assert host("h2").state == HostState.UP
    listening.cont_daemon("h1")
    until(lambda: (host("h1").state, vm("walker").state) == (HostState.UP, VMState.UP), seconds=60, what="back")
