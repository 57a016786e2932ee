"""When a worker dies, another goes on; two never drive one migration: it …"""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from hosts import feed
from hosts.claim import claim
from hosts.livemigration.request import adjust, request_migration
from hosts.livemigration.runner import orphans
from hosts.models import Adjustment, Migration, Sample
from hosts.states import MigrationState
from hosts.virt.records import MigrateSpec
from tests.livemigration.conftest import MIB, Place, walk


def lose_lease(migration: Migration) -> None:
    """Its worker is gone and its lease has run out."""
    Migration.objects.filter(pk=migration.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_it_is_driven_by_one_worker_only(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    supervisor = place.supervise(migration)
    assert claim(Migration, migration.pk, holder="second") is None
    assert orphans() == []
    walk(supervisor)
    supervisor.close()
    assert claim(Migration, migration.pk, holder="third") is not None


def test_it_is_followed_to_its_end_by_the_next_worker(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=60 * MIB)
    first = place.supervise(migration)
    walk(first, lambda: first.state is MigrationState.COPYING)
    lose_lease(migration)
    assert orphans() == [migration.pk]
    second = place.supervise(migration)
    assert second.attempt is None
    walk(second)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE
    assert migration.pause_ms
    assert Sample.objects.filter(migration=migration).count() > 10
    assert place.copies() == {"s2": "running"}


def test_it_is_left_alone_by_a_worker_that_thaws(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=30 * MIB)
    frozen = place.supervise(migration)
    walk(frozen, lambda: frozen.state is MigrationState.COPYING)
    lose_lease(migration)
    second = place.supervise(migration)
    order = adjust(migration, Adjustment.CANCEL, actor="ben")
    frozen.nudge()
    assert frozen.step() is None
    order.refresh_from_db()
    assert order.applied_at is None
    assert place.copies() == {"s1": "running", "s2": "paused"}
    frozen.close()
    migration.refresh_from_db()
    assert migration.lease_holder != ""  # the thawed one did not give away what is the second's
    walk(second)
    migration.refresh_from_db()
    assert migration.state == MigrationState.CANCELLED


def test_it_is_asked_once_where_the_worker_died_before_it_asked(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    Migration.objects.filter(pk=migration.pk).update(state=str(MigrationState.STARTING))
    supervisor = place.supervise(migration)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE
    assert supervisor.attempts == 1


def test_it_ends_well_where_everything_happened_without_a_worker(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    Migration.objects.filter(pk=migration.pk).update(state=str(MigrationState.COPYING))
    place.pool.get(place.source.uri).migrate(
        MigrateSpec(uuid=str(place.vm.uuid), destination_uri=place.destination.uri)
    )
    supervisor = place.supervise(migration)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE
    assert migration.pause_ms is None  # nobody of ours saw it
    assert migration.libvirt_downtime_ms
    place.vm.refresh_from_db()
    assert place.vm.host == place.destination


def test_it_is_cancelled_by_the_next_worker_too(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=30 * MIB)
    first = place.supervise(migration)
    walk(first, lambda: first.state is MigrationState.COPYING)
    adjust(migration, Adjustment.CANCEL, actor="ben")
    lose_lease(migration)
    walk(place.supervise(migration))
    migration.refresh_from_db()
    assert migration.state == MigrationState.CANCELLED
    assert place.copies() == {"s1": "running"}


def test_its_progress_does_not_fall_when_it_is_adopted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[float] = []
    monkeypatch.setattr(feed, "figures", lambda noun, pk, values: shown.append(values.get("progress_percent", -1)))
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=60 * MIB)
    first = place.supervise(migration)
    walk(first, lambda: samples_of(migration) > 15)
    first.close()
    walk(place.supervise(migration))
    percents = [each for each in shown if each >= 0]
    assert percents == sorted(percents)
    assert percents[-1] > percents[0]


def samples_of(migration: Migration) -> int:
    return Sample.objects.filter(migration=migration).count()
