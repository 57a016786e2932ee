"""The queue in the database: it …"""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from hosts.livemigration.admission import admit_now
from hosts.livemigration.request import adjust, request_migration
from hosts.models import Adjustment, Cluster, DataCenter, Migration, Priority, Transition
from tests.factory import make_cluster, make_host, make_migration, make_vm


@pytest.fixture
def ten(db: None) -> list[Migration]:
    """Ten that were asked for, all from one host to another."""
    return make_ten()


def make_ten() -> list[Migration]:
    source, destination = make_host("h1"), make_host("h2")
    return [request_migration(make_vm(host=source), destination, actor="ann") for _ in range(10)]


def states() -> Counter[str]:
    return Counter(Migration.objects.values_list("state", flat=True))


def test_it_starts_two_and_tells_the_others_their_place(ten: list[Migration]) -> None:
    before = ProcrastinateJob.objects.count()  # tests that commit leave theirs behind
    admit_now()
    assert states() == {"checking": 2, "queued": 8}
    third = Migration.objects.get(pk=ten[2].pk)
    assert (third.queue_place, third.waits_for) == (1, "h1 already sends 2 of 2; h2 already receives 2 of 2")
    assert Migration.objects.get(pk=ten[9].pk).queue_place == 8
    assert ProcrastinateJob.objects.count() == before + 2  # one that waits has no job
    started = Migration.objects.get(pk=ten[0].pk)
    assert (started.queue_place, started.waits_for) == (None, "")


def test_it_starts_the_next_where_one_has_ended(ten: list[Migration]) -> None:
    admit_now()
    Migration.objects.filter(pk=ten[0].pk).update(state="done")
    admit_now()
    assert Migration.objects.get(pk=ten[2].pk).state == "checking"
    assert Migration.objects.get(pk=ten[3].pk).queue_place == 1
    assert states() == {"done": 1, "checking": 2, "queued": 7}


def test_it_counts_a_migration_of_another_tool(ten: list[Migration]) -> None:
    make_migration(make_vm(host=ten[0].source), ours=False, state="copying", requested_by="outside Godwit")
    admit_now()
    assert states() == {"copying": 1, "checking": 1, "queued": 9}


def test_it_goes_by_the_limits_of_the_cluster_and_of_the_network(ten: list[Migration]) -> None:
    Cluster.objects.update(most_out=9, most_in=9, most_at_once=5)
    admit_now()
    assert states() == {"checking": 5, "queued": 5}
    Cluster.objects.update(most_at_once=9)
    DataCenter.objects.update(most_on_network=6)
    admit_now()
    assert states() == {"checking": 6, "queued": 4}
    assert Migration.objects.filter(waits_for="the migration network already carries 6 of 6").count() == 4


def test_it_starts_a_drain_before_what_a_person_asked_for_earlier(ten: list[Migration]) -> None:
    Migration.objects.filter(pk=ten[9].pk).update(priority=Priority.DRAIN)
    admit_now()
    assert Migration.objects.get(pk=ten[9].pk).state == "checking"


def test_one_that_waits_is_cancelled_at_once(ten: list[Migration]) -> None:
    admit_now()
    order = adjust(ten[5], Adjustment.CANCEL, actor="ben")
    row = Migration.objects.get(pk=ten[5].pk)
    assert row.state == "cancelled"
    assert row.ended_at is not None
    order.refresh_from_db()
    assert order.applied_at is not None
    admit_now()
    assert Migration.objects.get(pk=ten[6].pk).queue_place == 4
    assert Transition.objects.filter(row=row.pk, noun="migration").latest("pk").actor == "ben"


def test_it_says_when_the_next_try_is_due(db: None) -> None:
    at = timezone.now() + timedelta(seconds=40)
    migration = make_migration(not_before=at)
    assert admit_now() == at
    migration.refresh_from_db()
    assert (migration.state, migration.queue_place) == ("queued", None)
    assert migration.waits_for == f"tried again at {at:%H:%M:%S} UTC"


def test_an_empty_queue_costs_one_query_and_a_long_one_as_many_as_a_short(ten: list[Migration]) -> None:
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            admit_now()
        return len(queries)

    admit_now()
    assert cost() == 5  # is any, savepoint, lock, rows, release
    source, destination = ten[0].source, ten[0].destination
    for _ in range(30):
        request_migration(make_vm(host=source), destination, actor="ann")
    assert cost() == 6  # and one statement that tells them all
    Migration.objects.update(state="done")
    assert cost() == 1


@pytest.mark.django_db(transaction=True)
def test_several_workers_at_once_never_start_more_than_the_limits_allow() -> None:
    before = ProcrastinateJob.objects.count()
    for round_ in range(5):
        cluster = make_cluster(f"c{round_}")
        source, destination = make_host(cluster=cluster), make_host(cluster=cluster)
        with transaction.atomic():
            for _ in range(10):
                request_migration(make_vm(host=source), destination, actor="ann")
        gate = threading.Barrier(6)
        threads = [threading.Thread(target=_admit_at, args=(gate,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = Counter(Migration.objects.filter(source=source).values_list("state", flat=True))
        assert found == {"checking": 2, "queued": 8}
        assert ProcrastinateJob.objects.count() == before + 2 * (round_ + 1)


def _admit_at(gate: threading.Barrier) -> None:
    gate.wait()
    try:
        admit_now()
    finally:
        connections.close_all()
