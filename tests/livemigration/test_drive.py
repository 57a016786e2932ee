"""Driving a migration, on the simulated datacenter: it …"""

from hosts.livemigration.request import request_migration
from hosts.models import Sample, Transition
from hosts.states import MigrationState
from tests.livemigration.conftest import Place, walk


def states(migration_pk: int) -> list[str]:
    rows = Transition.objects.filter(noun="migration", row=migration_pk, field="state").order_by("id")
    return list(rows.values_list("new", flat=True))


def test_it_arrives_with_samples_and_a_measured_pause(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    supervisor = place.supervise(migration)
    walk(supervisor)
    supervisor.close()
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE, migration.because
    assert states(migration.pk)[:4] == ["queued", "checking", "measuring", "starting"]
    assert place.copies() == {"s2": "running"}
    place.vm.refresh_from_db()
    assert place.vm.host == place.destination
    assert place.vm.dirty_rate
    assert migration.dirty_rate_before
    assert migration.pause_ms is not None
    assert 0 < migration.pause_ms < 2000
    assert migration.iterations >= 2
    assert migration.transferred_bytes
    assert migration.ended_at
    assert migration.lease_holder == ""
    assert Sample.objects.filter(migration=migration).count() >= 5
