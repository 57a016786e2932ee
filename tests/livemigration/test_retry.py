"""A further try on another host: it …"""

from datetime import timedelta

import pytest
from django.utils import timezone

from hosts.livemigration import words
from hosts.livemigration.request import adjust, request_migration
from hosts.livemigration.retry import SAME, delay_s, try_elsewhere
from hosts.models import Adjustment, Host, Migration, Transition
from hosts.virt.sim.host import SimHost
from tests.factory import make_host, make_migration, make_vm
from tests.livemigration.conftest import Place, walk

#: what a try has of its own
OWN = {
    "id", "source", "destination", "ours", "requested_at", "state", "state_since", "because", "cancel_requested_at",
    "not_before", "queue_place", "waits_for", "retry_of", "attempt", "alternatives",
    "started_at", "suspended_at", "resumed_at", "ended_at", "pause_ms", "libvirt_downtime_ms", "total_bytes",
    "disk_total_bytes", "disk_processed_bytes", "checks", "expected",
    "dirty_rate_long_before", "pair", "taught",
    "transferred_bytes", "iterations", "used_postcopy", "dirty_rate_before",
    "lease_holder", "lease_epoch", "lease_until",
}  # fmt: skip


def failed(*others: Host, **fields: object) -> Migration:
    """One to the best host that failed, with these left."""
    vm = make_vm()
    return make_migration(
        vm,
        destination=make_host("t2", cluster=vm.host.cluster),
        state="failed",
        because="t2 cannot take it: no memory.",
        alternatives=[host.pk for host in others],
        **fields,
    )


@pytest.mark.django_db
def test_it_asks_again_for_all_that_was_asked_for() -> None:
    fields = {field.name for field in Migration._meta.concrete_fields}
    assert set(SAME) <= fields
    assert fields - set(SAME) - OWN == set(), "does a further try keep these? name them in SAME or here"


@pytest.mark.django_db
def test_it_takes_the_best_that_is_left_and_up() -> None:
    down, h4, h5 = make_host("t3", state="non_responsive"), make_host("t4"), make_host("t5")
    first = failed(down, h4, h5, bandwidth=5 << 20, priority="drain")
    second = try_elsewhere(first)
    assert second is not None
    assert (second.destination, second.attempt, second.retry_of, second.state) == (h4, 2, first, "queued")
    assert (second.bandwidth, second.priority, second.requested_by) == (5 << 20, "drain", "ann")
    assert second.alternatives == [down.pk, h5.pk]
    assert second.because == "2nd try, on t4. t2 cannot take it: no memory."
    assert second.not_before is not None
    assert abs(second.not_before - timezone.now() - timedelta(seconds=20)) < timedelta(seconds=5)
    assert Transition.objects.get(noun="migration", row=second.pk).new == "queued"


@pytest.mark.django_db
def test_it_waits_twice_as_long_each_time_and_gives_up_after_three() -> None:
    assert [delay_s(attempt) for attempt in (1, 2, 3)] == [20, 40, 80]
    first = failed(make_host("t3"), attempt=4)
    assert try_elsewhere(first) is None
    first.attempt = 3
    assert try_elsewhere(first) is not None


@pytest.mark.django_db
def test_it_never_follows_a_cancel() -> None:
    migration = failed(make_host("t3"))
    Migration.objects.filter(pk=migration.pk).update(cancel_requested_at=timezone.now())
    assert try_elsewhere(migration) is None


@pytest.mark.django_db
def test_it_never_takes_another_host_than_the_person_picked() -> None:
    assert try_elsewhere(failed()) is None


@pytest.mark.django_db
def test_it_is_written_once_only() -> None:
    migration = failed(make_host("t3"))
    assert try_elsewhere(migration) is not None
    assert try_elsewhere(migration) is None
    assert Migration.objects.count() == 2


@pytest.mark.django_db
def test_it_gives_way_to_what_somebody_asked_for_meanwhile() -> None:
    migration = failed(make_host("t3"))
    request_migration(migration.vm, make_host("t9"), actor="ben")
    assert try_elsewhere(migration) is None


@pytest.mark.django_db
def test_one_that_waits_is_cancelled_at_once() -> None:
    second = try_elsewhere(failed(make_host("t3")))
    assert second is not None
    adjust(second, Adjustment.CANCEL, actor="ben")
    second.refresh_from_db()
    assert second.state == "cancelled"
    assert Migration.objects.filter(state="queued").count() == 0


def test_it_goes_to_the_next_host_where_the_destination_refuses(place: Place) -> None:
    """s2 has no room; s3 takes the guest."""
    third = _third(place)
    place.world.hosts["s2"].machine_types = ("pc-q35-99.9",)
    migration = request_migration(place.vm, place.destination, actor="ann", alternatives=[third])
    first = place.supervise(migration)
    walk(first)
    first.close()
    assert first.state == "failed"
    second = Migration.objects.get(retry_of=migration)
    assert "s2 cannot take it" in second.because
    Migration.objects.filter(pk=second.pk).update(not_before=None)
    supervisor = place.supervise(second)
    walk(supervisor)
    supervisor.close()
    assert place.copies() == {"s3": "running"}


def test_it_does_not_where_the_guest_itself_is_not_fit_to_go(place: Place) -> None:
    third = _third(place)
    migration = request_migration(place.vm, place.destination, actor="ann", alternatives=[third])
    with place.world.present():
        place.world.hosts["s1"].copies.pop(place.guest.uuid, None)
    supervisor = place.supervise(migration)
    walk(supervisor)
    supervisor.close()
    assert supervisor.state == "failed"
    assert Migration.objects.count() == 1


@pytest.mark.django_db
def test_the_words_of_one_that_waits_say_place_and_reason() -> None:
    migration = make_migration(queue_place=3, waits_for="h2 already receives 2 of 2")
    assert words.describe(migration) == "Queued: 3rd in line; h2 already receives 2 of 2."


def _third(place: Place) -> Host:
    place.world.add_host(SimHost(name="s3", uuid=place.world.uuid_of("host", "s3"), keepalive_s=2.0))
    return make_host("s3", uuid=place.world.hosts["s3"].uuid, cluster=place.source.cluster)
