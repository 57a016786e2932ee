"""Moving a VM that is down, on the simulated datacenter: it …"""

import time

import pytest

from hosts.livemigration import offline
from hosts.livemigration.offline import Where, where
from hosts.livemigration.recovery import ABSENT, UNKNOWN
from hosts.livemigration.request import (
    DestinationRefused,
    NotAdjustable,
    NotMovable,
    ValueRefused,
    adjust,
    request_migration,
)
from hosts.livemigration.supervisor import Supervisor
from hosts.models import VM, Adjustment, Migration, Transition
from hosts.states import MigrationState
from hosts.virt.records import DomainState, DomainStatus, PowerVerb
from hosts.virt.sim import faults
from tests.livemigration.conftest import Place, walk

OFF = DomainStatus(state=DomainState.SHUTOFF, reason="destroyed")


@pytest.fixture
def down(place: Place) -> Place:
    """The guest is off, and its row says so."""
    place.pool.get(place.source.uri).power(str(place.vm.uuid), PowerVerb.POWER_OFF)
    VM.objects.filter(pk=place.vm.pk).update(state="down", reason="destroyed")
    return place


def ask(place: Place) -> tuple[Migration, Supervisor]:
    migration = request_migration(place.vm, place.destination, actor="ann")
    return migration, place.supervise(migration)


def starting(place: Place) -> tuple[Migration, Supervisor]:
    migration, supervisor = ask(place)
    walk(supervisor, lambda: supervisor.state is MigrationState.STARTING)
    return migration, supervisor


def test_it_moves_the_definition_the_short_way_and_leaves_the_vm_down(down: Place) -> None:
    migration, supervisor = ask(down)
    walk(supervisor)
    migration.refresh_from_db()
    states = Transition.objects.filter(noun="migration", row=migration.pk, field="state").order_by("id")
    assert list(states.values_list("new", flat=True)) == ["queued", "checking", "starting", "confirming", "done"]
    assert down.copies() == {"s2": "shutoff"}
    down.vm.refresh_from_db()
    assert down.vm.host == down.destination
    assert migration.because.endswith("and on no other host. The VM is down there.")
    assert (migration.pause_ms, migration.total_bytes) == (None, None)


def test_it_starts_there_afterwards(down: Place) -> None:
    walk(ask(down)[1])
    down.pool.get(down.destination.uri).power(str(down.vm.uuid), PowerVerb.START)
    assert down.copies() == {"s2": "running"}


def test_it_needs_no_memory_there(down: Place) -> None:
    down.world.hosts["s2"].memory_bytes = 1 << 20
    migration, supervisor = ask(down)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE, migration.because


def test_it_refuses_what_would_stay_behind(down: Place) -> None:
    VM.objects.filter(pk=down.vm.pk).update(managed_save=True)
    with pytest.raises(NotMovable, match="memory is saved"):
        ask(down)
    VM.objects.filter(pk=down.vm.pk).update(managed_save=False, devices=["tpm tpm-crb"])
    with pytest.raises(NotMovable, match="TPM"):
        ask(down)
    VM.objects.filter(pk=down.vm.pk).update(devices=[], snapshots=1)
    with pytest.raises(NotMovable, match="snapshots"):
        ask(down)
    VM.objects.filter(pk=down.vm.pk).update(snapshots=0)
    with pytest.raises(ValueRefused, match="definition moves alone"):
        request_migration(down.vm, down.destination, actor="ann", copy_disks=True)
    with pytest.raises(DestinationRefused, match="on this host"):
        request_migration(down.vm, down.source, actor="ann")


def test_it_says_so_where_the_vm_was_started_meanwhile(down: Place) -> None:
    migration, supervisor = ask(down)
    down.pool.get(down.source.uri).power(str(down.vm.uuid), PowerVerb.START)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert "was started since this was asked for" in migration.because
    assert down.copies() == {"s1": "running"}


def test_it_overwrites_no_definition(down: Place) -> None:
    with down.world.present() as world:
        world.hosts["s2"].copies[down.guest.uuid] = world.hosts["s1"].copies[down.guest.uuid]
    migration, supervisor = ask(down)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert "s2 has a definition of db already" in migration.because


def test_nothing_of_it_can_be_steered_or_cancelled_once_it_has_begun(down: Place) -> None:
    migration, supervisor = starting(down)
    for kind, value in ((Adjustment.CANCEL, None), (Adjustment.BANDWIDTH, 1 << 20), (Adjustment.POSTCOPY, None)):
        with pytest.raises(NotAdjustable, match="nothing but its definition"):
            adjust(migration, kind, value, actor="ann")
    walk(supervisor)


def test_a_worker_that_died_before_the_call_is_followed_by_one_that_asks(
    down: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "RETRY_S", 0.6)
    monkeypatch.setattr(offline, "begin", lambda _it: None)
    migration, supervisor = starting(down)
    supervisor.close()
    assert down.copies() == {"s1": "shutoff"}
    monkeypatch.undo()
    monkeypatch.setattr(offline, "RETRY_S", 0.6)
    walk(down.supervise(migration))
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE, migration.because
    assert down.copies() == {"s2": "shutoff"}


def test_a_worker_that_died_after_the_call_is_followed_by_one_that_looks(down: Place) -> None:
    migration, supervisor = starting(down)
    supervisor.close()
    time.sleep(0.5)
    walk(down.supervise(migration))
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE, migration.because
    assert down.copies() == {"s2": "shutoff"}


def test_one_definition_is_left_where_the_answer_was_lost(down: Place) -> None:
    """The destination defines it, and the line goes dead before the source has heard: both keep theirs."""
    migration, supervisor = ask(down)

    def defined() -> bool:
        with down.world.present() as world:
            if down.guest.uuid in world.hosts["s2"].copies:
                faults.cut(world, "s1", "s2")
                return True
        return False

    deadline = time.monotonic() + 10
    while not defined():
        supervisor.step()
        assert time.monotonic() < deadline
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE, migration.because
    assert down.copies() == {"s2": "shutoff"}


@pytest.mark.parametrize("victim", ["s1", "s2"])
@pytest.mark.parametrize("after_s", [0.0, 0.12, 0.25, 0.4])
def test_after_a_daemon_s_death_one_host_has_the_definition(
    down: Place, victim: str, after_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offline, "RETRY_S", 0.6)
    migration, supervisor = starting(down)
    time.sleep(after_s)
    with down.world.present() as world:
        faults.restart_daemon(world, victim, seconds=1.0)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state in (MigrationState.DONE, MigrationState.FAILED), migration.because
    holds = "s2" if migration.state == MigrationState.DONE else "s1"
    assert down.copies() == {holds: "shutoff"}


def test_while_a_host_is_silent_nothing_is_done(down: Place) -> None:
    _, supervisor = starting(down)
    with down.world.present() as world:
        faults.kill_daemon(world, "s2")
    walk(supervisor, lambda: supervisor.state is MigrationState.PROBING)
    assert "Until both answer" in supervisor.row.because
    with down.world.present() as world:
        faults.start_daemon(world, "s2")
    walk(supervisor)
    assert len(down.copies()) == 1


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        (OFF, ABSENT, Where.SOURCE),
        (ABSENT, OFF, Where.DESTINATION),
        (OFF, OFF, Where.BOTH),
        (ABSENT, ABSENT, Where.NOWHERE),
        (UNKNOWN, OFF, Where.UNKNOWN),
        (OFF, UNKNOWN, Where.UNKNOWN),
    ],
)
def test_it_reads_both_hosts(source: object, destination: object, expected: Where) -> None:
    assert where(source, destination) is expected  # type: ignore[arg-type]
