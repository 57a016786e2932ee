"""Steering a migration that runs, on the simulated datacenter: it …"""

from hosts.livemigration.request import adjust, request_migration
from hosts.livemigration.supervisor import Supervisor
from hosts.models import Adjustment, Migration
from hosts.states import MigrationState
from tests.livemigration.conftest import MIB, Place, walk
from tests.livemigration.workers import eventually


def begin(place: Place, *, bandwidth: int = 30 * MIB, **options: bool) -> tuple[Migration, Supervisor]:
    """A migration that copies, and would not converge by itself."""
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=bandwidth, **options)
    supervisor = place.supervise(migration)
    walk(supervisor, lambda: supervisor.state is MigrationState.COPYING)
    return migration, supervisor


def test_it_is_cancelled_and_the_guest_stays(place: Place) -> None:
    migration, supervisor = begin(place)
    order = adjust(migration, Adjustment.CANCEL, actor="ben")
    supervisor.nudge()
    walk(supervisor)
    migration.refresh_from_db()
    order.refresh_from_db()
    assert migration.state == MigrationState.CANCELLED
    assert migration.because == "Cancelled by ben. The guest runs on s1."
    assert order.applied_at
    assert place.copies() == {"s1": "running"}
    place.vm.refresh_from_db()
    assert place.vm.host == place.source


def test_it_takes_more_bandwidth_and_arrives(place: Place) -> None:
    migration, supervisor = begin(place)
    order = adjust(migration, Adjustment.BANDWIDTH, None, actor="ben")
    supervisor.nudge()
    walk(supervisor)
    migration.refresh_from_db()
    order.refresh_from_db()
    assert order.applied_at
    assert migration.bandwidth is None
    assert migration.state == MigrationState.DONE
    assert max(migration.samples.values_list("throughput", flat=True)) > 100 * MIB


def test_it_takes_a_longer_pause_and_arrives(place: Place) -> None:
    migration, supervisor = begin(place, bandwidth=100 * MIB)
    adjust(migration, Adjustment.BANDWIDTH, 33 * MIB, actor="ben")
    order = adjust(migration, Adjustment.MAX_DOWNTIME, 60_000, actor="ben")
    supervisor.nudge()
    walk(supervisor)
    migration.refresh_from_db()
    order.refresh_from_db()
    assert order.applied_at
    assert migration.max_downtime_ms == 60_000
    assert migration.state == MigrationState.DONE


def test_it_switches_to_post_copy(place: Place) -> None:
    migration, supervisor = begin(place)
    order = adjust(migration, Adjustment.POSTCOPY, actor="ben")
    supervisor.nudge()
    seen = set()
    walk(supervisor, lambda: seen.add(supervisor.state) or False)  # type: ignore[func-returns-value]
    migration.refresh_from_db()
    order.refresh_from_db()
    assert order.applied_at
    assert MigrationState.POSTCOPY in seen
    assert migration.state == MigrationState.DONE
    assert migration.used_postcopy
    assert migration.pause_ms
    assert place.copies() == {"s2": "running"}


def test_it_writes_the_error_of_an_order_that_came_too_late(place: Place) -> None:
    migration, supervisor = begin(place)
    source, uuid = supervisor.eyes.source, str(place.vm.uuid)
    source.start_postcopy(uuid)
    eventually(lambda: source.domain_status(uuid).reason == "postcopy", seconds=10)  # the row still says COPYING
    order = adjust(migration, Adjustment.CANCEL, actor="ben")
    supervisor.nudge()
    walk(supervisor)
    migration.refresh_from_db()
    order.refresh_from_db()
    assert migration.state == MigrationState.DONE
    assert order.applied_at is None
    assert order.error


def test_it_obeys_in_the_order_of_the_asking(place: Place) -> None:
    migration, supervisor = begin(place)
    for value in (40 * MIB, 50 * MIB, 35 * MIB):
        adjust(migration, Adjustment.BANDWIDTH, value, actor="ben")
    supervisor.nudge()
    supervisor.step()
    migration.refresh_from_db()
    assert migration.bandwidth == 35 * MIB
    assert not Adjustment.objects.filter(applied_at=None).exists()
    supervisor.close()
