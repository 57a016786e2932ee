"""The guardian on the simulated datacenter: it …"""

from datetime import timedelta

import pytest

from hosts.livemigration.request import request_migration
from hosts.models import Doubt, Migration
from hosts.states import MigrationState
from hosts.virt.sim import faults
from hosts.virt.sim.phases import Phase
from tests.livemigration.conftest import MIB, Place, walk
from tests.livemigration.guarding import acts, guarding, together


def _phase(place: Place) -> Phase | None:
    with place.world.present():
        job = place.world.migrations.get(place.guest.uuid)
        return job.phase if job is not None else None


def _break_at_resume(place: Place, act: object) -> None:
    """Do ``act`` at the moment when the guest goes on on the destination: on the world's own time."""

    def hear(host: str, event: object) -> None:
        if host == "s2" and getattr(event, "detail", "") == "resumed/migrated":
            stop()
            place.world.after(0.0, act)  # type: ignore[arg-type]

    stop = place.world.watch(hear)


def test_it_leaves_a_good_migration_alone(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    with guarding() as guardian:
        together(guardian, place.supervise(migration))
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE
    assert acts(migration) == []
    assert not Doubt.objects.exists()


def test_it_ends_the_split_of_a_destination_daemon_killed_at_resume(place: Place) -> None:
    """H05: the source runs again 60 ms later, the destination's QEMU runs on."""
    place.guest.image_locked = False
    _break_at_resume(place, lambda: faults.restart_daemon(place.world, "s2", seconds=3.0))
    migration = request_migration(place.vm, place.destination, actor="ann")
    with guarding() as guardian:
        supervisor = place.supervise(migration)
        together(guardian, supervisor, lambda: place.copies() == {"s1": "running", "s2": "running"})
        together(guardian, supervisor, lambda: place.copies() == {"s1": "paused", "s2": "running"}, seconds=2.0)
        together(guardian, supervisor)
    migration.refresh_from_db()
    assert acts(migration) == ["suspend_source", "end_source"]
    assert (migration.state, place.copies()) == (MigrationState.DONE, {"s2": "running"})
    assert Doubt.objects.get().because.startswith("The destination ran the guest")


def test_it_ends_the_old_copy_where_the_reply_is_lost(place: Place) -> None:
    """H06, H13: before libvirt gives up and lets the source run again."""
    place.guest.image_locked = False
    place.world.hosts["s1"].keepalive_s = 28.0
    _break_at_resume(place, lambda: faults.cut(place.world, "s1", "s2"))
    migration = request_migration(place.vm, place.destination, actor="ann")
    with guarding() as guardian:
        together(guardian, place.supervise(migration), seconds=15.0)
    migration.refresh_from_db()
    assert acts(migration) == ["end_source"]
    assert (migration.state, place.copies()) == (MigrationState.DONE, {"s2": "running"})


def test_it_destroys_the_zombie_of_a_source_daemon_killed_at_resume(place: Place) -> None:
    """H04."""
    _break_at_resume(place, lambda: faults.restart_daemon(place.world, "s1", seconds=2.0))
    migration = request_migration(place.vm, place.destination, actor="ann")
    with guarding() as guardian:
        together(guardian, place.supervise(migration))
    migration.refresh_from_db()
    assert acts(migration) == ["end_source"]
    assert (migration.state, place.copies()) == (MigrationState.DONE, {"s2": "running"})


def test_it_takes_a_guest_back_that_stands_still_at_switch_over(place: Place) -> None:
    """H11, H18: 28 s of standstill become 2 s, and the row says who did it."""
    place.world.hosts["s1"].keepalive_s = 28.0

    def hear(host: str, event: object) -> None:
        if host == "s1" and getattr(event, "detail", "") == "suspended/migrated":
            stop()
            place.world.after(0.0, lambda: faults.cut(place.world, "s1", "s2"))

    stop = place.world.watch(hear)
    migration = request_migration(place.vm, place.destination, actor="ann")
    with guarding() as guardian:
        supervisor = place.supervise(migration)
        together(guardian, supervisor, lambda: _phase(place) is Phase.SWITCHING)
        began = place.world.clock.now()
        together(guardian, supervisor, lambda: place.copies()["s1"] == "running")
        assert timedelta(seconds=1.5) < place.world.clock.now() - began < timedelta(seconds=3.0)
        together(guardian, supervisor)
    migration.refresh_from_db()
    assert acts(migration) == ["abort"]
    assert (migration.state, place.copies()) == (MigrationState.FAILED, {"s1": "running"})
    assert "stood still" in migration.because


@pytest.mark.parametrize("keepalive_s", [28.0, 2.0], ids=["before libvirt notices", "after libvirt noticed"])
def test_it_pauses_post_copy_that_stays_stuck_and_resumes_it(
    place: Place, keepalive_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G10, G11; G02 with a resume that comes too late for libvirt's own."""
    monkeypatch.setattr("hosts.livemigration.guardian.arbiter.PAUSE_S", 4.0)
    place.world.hosts["s1"].keepalive_s = keepalive_s
    migration, supervisor = _in_postcopy(place)
    with guarding() as guardian:
        together(guardian, supervisor, lambda: bool(guardian.watches))
        with place.world.present():
            faults.cut(place.world, "s1", "s2")
        together(guardian, supervisor, lambda: "pause_postcopy" in acts(migration))
        together(guardian, supervisor, lambda: supervisor.state is MigrationState.POSTCOPY_PAUSED)
        with place.world.present():
            faults.mend(place.world, "s1", "s2")
        together(guardian, supervisor)
    migration.refresh_from_db()
    assert {"pause_postcopy", "resume_postcopy"} == set(acts(migration))
    assert len(acts(migration)) < 8
    assert (migration.state, place.copies()) == (MigrationState.DONE, {"s2": "running"})


def _in_postcopy(place: Place) -> tuple[Migration, object]:
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=20 * MIB)
    supervisor = place.supervise(migration)
    walk(supervisor, lambda: supervisor.state is MigrationState.COPYING)
    with place.world.present():
        faults.slow(place.world, "s1", "s2", bytes_per_s=10.0 * MIB)
    place.pool.get(place.source.uri).start_postcopy(place.guest.uuid)
    walk(supervisor, lambda: supervisor.state is MigrationState.POSTCOPY)
    return migration, supervisor


def test_it_lets_a_guest_that_arrived_paused_go_on_once_the_source_has_ended(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    Migration.objects.filter(pk=migration.pk).update(arrives_paused=True)
    migration.refresh_from_db()
    with guarding() as guardian:
        together(guardian, place.supervise(migration))
    migration.refresh_from_db()
    assert acts(migration) == ["resume_destination"]
    assert (migration.state, place.copies()) == (MigrationState.DONE, {"s2": "running"})
    assert migration.pause_ms
