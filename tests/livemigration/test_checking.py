"""CHECKING and what is kept beforehand, on the simulated data center: it …"""

import pytest

from hosts.livemigration.foretold import compared
from hosts.livemigration.request import request_migration
from hosts.models import Host, Migration
from hosts.states import MigrationState
from tests.livemigration.conftest import MIB, Place, walk

pytestmark = pytest.mark.django_db


def fresh(migration: Migration) -> Migration:
    return Migration.objects.get(pk=migration.pk)


def test_it_refuses_a_machine_type_that_the_destination_lost_since_and_keeps_why(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    with place.world.present():
        place.world.hosts["s2"].machine_types = frozenset({"pc-q35-6.2"})
    walk(place.supervise(migration))
    migration = fresh(migration)
    assert migration.state == MigrationState.FAILED
    assert "No machine type pc-q35-7.2" in migration.because
    found = {each["check"]: each for each in migration.checks}
    assert found["machine_type"]["outcome"] == "refuses"
    assert found["memory"]["outcome"] == "passes"
    assert place.copies() == {"s1": "running"}


def test_it_goes_by_the_hosts_row_as_it_is_now(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    supervisor = place.supervise(migration)
    Host.objects.filter(pk=place.destination.pk).update(state="maintenance")
    walk(supervisor)
    assert fresh(migration).state == MigrationState.FAILED
    assert "The host is maintenance." in fresh(migration).because


def test_it_keeps_what_was_foretold_and_holds_it_against_what_came(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=150 * MIB)
    supervisor = place.supervise(migration)
    walk(supervisor)
    supervisor.close()
    migration = fresh(migration)
    assert migration.state == MigrationState.DONE, migration.because
    assert migration.expected["sentence"].startswith("It dirties ")
    figures = {each.name: each for each in compared(migration)}
    assert figures["seconds"].fact is not None
    assert abs(figures["seconds"].error or 9) < 1.0
    assert figures["pause_ms"].fact == migration.pause_ms
    assert figures["bytes"].fact == migration.transferred_bytes


def test_it_compares_nothing_where_nothing_was_foretold_or_it_did_not_end_well(place: Place) -> None:
    migration = Migration(vm=place.vm, source=place.source, destination=place.destination, state="done")
    assert compared(migration) == []
    migration.expected = {"seconds": "junk", "pause_ms": [1, 2], "bytes": None}
    assert [each.expected for each in compared(migration)] == [None, None, None]
    migration.expected, migration.state, migration.pause_ms = {"pause_ms": [1, 2, 3]}, "cancelled", 5.0
    assert [each.fact for each in compared(migration)] == [None, None, None]
