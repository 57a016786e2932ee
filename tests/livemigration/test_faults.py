"""Hosts that fail under a migration, on the simulated datacenter: it …"""

import pytest

from hosts.livemigration.request import request_migration
from hosts.livemigration.supervisor import Supervisor
from hosts.models import Migration
from hosts.states import MigrationState
from hosts.virt.connect import connect
from hosts.virt.pool import Pool
from hosts.virt.records import PowerVerb
from hosts.virt.sim import faults
from tests.livemigration.conftest import MIB, Place, walk


def begin(place: Place) -> tuple[Migration, Supervisor]:
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=30 * MIB)
    supervisor = place.supervise(migration)
    walk(supervisor, lambda: supervisor.state is MigrationState.COPYING)
    return migration, supervisor


def test_it_fails_before_anything_moves_where_the_vm_vanished(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    with place.world.present():
        del place.world.hosts["s1"].copies[place.guest.uuid]
    walk(place.supervise(migration))
    migration.refresh_from_db()
    assert (migration.state, migration.because) == (MigrationState.FAILED, "db is not on s1 any more.")


def test_it_fails_before_anything_moves_where_the_vm_does_not_run(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    place.pool.get(place.source.uri).power(str(place.vm.uuid), PowerVerb.POWER_OFF)
    walk(place.supervise(migration))
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert migration.because.startswith("db is down since this was asked for.")


def test_it_fails_with_the_destinations_reason(place: Place) -> None:
    place.world.hosts["s2"].machine_types = frozenset({"pc-q35-6.2"})
    migration = request_migration(place.vm, place.destination, actor="ann")
    walk(place.supervise(migration))
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert migration.because.startswith("s2 cannot take it: ")
    assert "pc-q35-7.2" in migration.because
    assert place.copies() == {"s1": "running"}


def test_it_fails_safely_where_the_destination_never_answers(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hosts.livemigration.walk.PATIENCE_S", 1.0)
    with place.world.present():
        faults.kill_daemon(place.world, "s2")
    migration = request_migration(place.vm, place.destination, actor="ann")
    walk(place.supervise(migration))
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert migration.because.startswith("A host did not answer")


def test_it_ends_on_the_source_where_the_destinations_qemu_dies(place: Place) -> None:
    migration, supervisor = begin(place)
    with place.world.present():
        faults.kill_destination(place.world, place.guest.uuid)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert migration.because.endswith("The guest runs on s1.")
    assert place.copies() == {"s1": "running"}


def test_it_says_lost_where_the_guests_own_qemu_dies(place: Place) -> None:
    migration, supervisor = begin(place)
    with place.world.present():
        faults.crash_guest(place.world, place.guest.uuid)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.LOST
    assert "Start it again from its disk" in migration.because


def test_it_says_so_where_the_guest_is_powered_off_under_way(place: Place) -> None:
    migration, supervisor = begin(place)
    place.pool.get(place.source.uri).power(str(place.vm.uuid), PowerVerb.POWER_OFF)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert "powered off" in migration.because


def test_it_probes_while_the_source_is_down_and_finds_the_guest_again(place: Place) -> None:
    migration, supervisor = begin(place)
    with place.world.present():
        faults.restart_daemon(place.world, "s1", seconds=2.0)
    walk(supervisor, lambda: supervisor.state is MigrationState.PROBING)
    migration.refresh_from_db()
    assert "s1 does not answer" in migration.because
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert migration.because.endswith("The guest runs on s1.")
    assert place.copies() == {"s1": "running"}


def test_it_copies_on_while_only_we_cannot_reach_the_destination(place: Place) -> None:
    migration, supervisor = begin(place)
    place.pool.close()
    supervisor = _with_short_deadlines(place, migration)
    with place.world.present():
        faults.isolate(place.world, "s2")
    before = migration.samples.count()
    looks = iter(range(40))
    walk(supervisor, lambda: next(looks, None) is None)
    assert supervisor.state is MigrationState.COPYING
    assert migration.samples.count() > before
    with place.world.present():
        faults.rejoin(place.world, "s2")
    supervisor.eyes.source.set_bandwidth(str(place.vm.uuid), None)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE


def _with_short_deadlines(place: Place, migration: Migration) -> Supervisor:
    """The next worker, whose connections give up after half a second."""
    place.pool = Pool(opener=lambda uri: connect(uri, deadline_s=0.5))
    Migration.objects.filter(pk=migration.pk).update(lease_until=None)
    return place.supervise(migration)
