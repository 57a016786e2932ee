"""A policy steers a migration in the simulated data center, through the same knobs as a person, with its reasons."""

from hosts.livemigration.policy import Do
from hosts.livemigration.request import adjust, request_migration
from hosts.livemigration.shipped import ADAPTIVE, BY_HAND
from hosts.livemigration.supervisor import Supervisor
from hosts.livemigration.terms import ship
from hosts.models import Adjustment, Migration
from hosts.states import MigrationState
from tests.livemigration.conftest import MIB, Place, walk


def begin(place: Place, policy: str = ADAPTIVE, **options: object) -> tuple[Migration, Supervisor]:
    migration = request_migration(place.vm, place.destination, actor="ann", policy=ship(policy), **options)  # type: ignore[arg-type]
    supervisor = place.supervise(migration)
    return migration, supervisor


def never(place: Place) -> None:
    """A guest that no pause below seconds would let go: 200 MiB rewritten in order, faster than the cap."""
    place.dirty(200 * MIB, 90 * MIB)


def orders(migration: Migration) -> list[Adjustment]:
    return list(Adjustment.objects.filter(migration=migration).order_by("id"))


def test_it_saves_a_guest_that_would_never_converge_under_the_cap(place: Place) -> None:
    place.dirty(60 * MIB, 80 * MIB)
    place.learn()  # an earlier migration of an idle guest told what the line takes
    migration, supervisor = begin(place, bandwidth=45 * MIB, max_downtime_ms=400)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE
    assert not migration.used_postcopy
    assert migration.pause_ms is not None
    assert migration.pause_ms <= 400
    assert migration.max_downtime_ms is not None
    assert migration.max_downtime_ms > 400  # more than the budget, because the cap is lifted then


def test_it_goes_to_post_copy_where_the_floor_says_never(place: Place) -> None:
    never(place)
    migration, supervisor = begin(place, bandwidth=40 * MIB)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE
    assert migration.used_postcopy
    order = orders(migration)[-1]
    assert (order.kind, order.actor) == (Do.POSTCOPY, "policy Adaptive")
    assert order.applied_at
    assert "It would never be below" in order.because


def test_it_cancels_with_what_it_would_need_where_nothing_is_allowed(place: Place) -> None:
    never(place)
    migration, supervisor = begin(place, bandwidth=40 * MIB, postcopy_allowed=False, auto_converge=False)
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.CANCELLED
    assert migration.because.startswith("Cancelled by policy Adaptive. It would never be below")
    assert place.copies() == {"s1": "running"}


def test_it_leaves_alone_what_a_person_turned(place: Place) -> None:
    never(place)
    migration, supervisor = begin(place, bandwidth=40 * MIB, postcopy_allowed=False, auto_converge=True)
    walk(supervisor, lambda: supervisor.state is MigrationState.COPYING)
    adjust(migration, Adjustment.MAX_DOWNTIME, 123, actor="ben")
    supervisor.nudge()
    walk(supervisor, lambda: Migration.objects.get(pk=migration.pk).iterations >= 3)
    migration.refresh_from_db()
    assert migration.max_downtime_ms == 123
    supervisor.close()


def test_it_turns_nothing_by_hand(place: Place) -> None:
    never(place)
    migration, supervisor = begin(place, BY_HAND, bandwidth=40 * MIB)
    walk(supervisor, lambda: Migration.objects.get(pk=migration.pk).iterations >= 4)
    assert orders(migration) == []
    supervisor.close()


def test_it_keeps_the_version_it_ran_under(place: Place) -> None:
    migration, supervisor = begin(place)
    supervisor.close()
    migration.refresh_from_db()
    assert str(migration.policy) == "Adaptive, version 1"
    assert migration.max_downtime_ms == 300
    assert migration.postcopy_allowed


def test_a_worker_that_takes_over_knows_what_was_decided_and_turned(place: Place) -> None:
    never(place)
    migration, first = begin(place, bandwidth=40 * MIB, postcopy_allowed=False, auto_converge=True)
    walk(first, lambda: first.state is MigrationState.COPYING)
    adjust(migration, Adjustment.MAX_DOWNTIME, 150, actor="ben")
    first.nudge()
    first.step()
    first.close()
    second = place.supervise(migration)
    walk(second, lambda: Migration.objects.get(pk=migration.pk).iterations >= 3)
    migration.refresh_from_db()
    assert migration.max_downtime_ms == 150
    second.close()
