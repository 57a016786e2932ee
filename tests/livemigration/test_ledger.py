"""What many journals have not stored yet is stored together; it …"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from hosts.livemigration.ledger import Page, store
from hosts.livemigration.readings import Point
from hosts.models import Migration, Sample
from tests.factory import make_migration

pytestmark = pytest.mark.django_db

MIB = 1 << 20
BEGAN = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def reading(number: int, **figures: Any) -> Point:
    known: dict[str, Any] = {
        "at": BEGAN + number * timedelta(seconds=0.2),
        "remaining_bytes": 500 * MIB - number,
        "processed_bytes": number * MIB,
        "total_bytes": 512 * MIB,
        "throughput": 330.5 * MIB,
        "dirty_rate": None,
        "iteration": 1,
    }
    return Point(**known | figures)


def page(migration: Migration, *points: Point, highest_pass: int = 1) -> Page:
    return Page(migration=migration.pk, points=points, highest_pass=highest_pass)


def figures_of(migration: Migration) -> tuple[int, int | None, int | None]:
    migration.refresh_from_db()
    return migration.iterations, migration.transferred_bytes, migration.total_bytes


def test_it_takes_as_many_statements_for_twenty_as_for_one(django_assert_num_queries: Any) -> None:
    pages = [page(make_migration(), *map(reading, range(5))) for _ in range(20)]
    with django_assert_num_queries(2 + 2):  # with the transaction's savepoint, set and released
        store(pages)
    assert Sample.objects.count() == 100


def test_it_keeps_every_figure_as_it_was_read() -> None:
    migration = make_migration()
    point = reading(
        1, dirty_rate=61.25 * MIB, iteration=3, expected_downtime_ms=290.5, throttle_percent=20,
        postcopy_requests=7, disk_remaining_bytes=1 << 40,
    )  # fmt: skip
    store([page(migration, point)])
    sample = Sample.objects.get(migration=migration)
    assert {name: getattr(sample, name) for name in Point.__slots__} == {
        name: getattr(point, name) for name in Point.__slots__
    }


def test_it_tells_each_migration_apart() -> None:
    one, other = make_migration(), make_migration()
    store([page(other, reading(9), highest_pass=4), page(one, reading(1), reading(2), highest_pass=2)])
    assert figures_of(one) == (2, 2 * MIB, 512 * MIB)
    assert figures_of(other) == (4, 9 * MIB, 512 * MIB)
    assert Sample.objects.filter(migration=one).count() == 2


def test_it_leaves_what_another_process_has_stored_for_that_moment() -> None:
    migration = make_migration()
    store([page(migration, reading(1, throughput=100.0))])
    store([page(migration, reading(1, throughput=200.0), reading(2))])
    assert list(Sample.objects.order_by("at").values_list("throughput", flat=True)) == [100.0, 330.5 * MIB]


def test_it_never_lowers_what_the_completed_job_has_told() -> None:
    migration = make_migration(iterations=7, transferred_bytes=900 * MIB, total_bytes=512 * MIB)
    store([page(migration, reading(3, total_bytes=0), highest_pass=5)])
    assert figures_of(migration) == (7, 900 * MIB, 512 * MIB)


def test_it_writes_nothing_at_all_where_one_page_cannot_be_written() -> None:
    migration = make_migration()
    gone = Page(migration=migration.pk, points=[reading(2, throughput=None)], highest_pass=9)
    with pytest.raises(IntegrityError):
        store([page(migration, reading(1)), gone])
    assert not Sample.objects.exists()
    assert figures_of(migration)[0] == 0


def test_it_asks_the_database_nothing_where_there_is_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        store([page(Migration(pk=1))])
        store([])
