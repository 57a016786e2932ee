"""What a pair of hosts taught, from rows: it …"""

from datetime import timedelta

import pytest
from django.utils import timezone

from hosts.livemigration import pairs, words
from hosts.livemigration.forecast.constants import Constants, restored
from hosts.livemigration.request import request_migration
from hosts.models import Host, Migration, Sample
from tests.factory import make_host, make_migration, make_vm
from tests.livemigration.conftest import MIB, Place, walk

pytestmark = pytest.mark.django_db


def done(source: Host, destination: Host, *, speed: float = 110.0, minutes_ago: int = 0, **fields: object) -> Migration:
    """One that is done: 330 MiB in the first pass, 30 MiB in the second, 0.4 s of setup, a pause of 0.32 s."""
    started = timezone.now() - timedelta(minutes=minutes_ago, seconds=30)
    row: Migration = make_migration(
        make_vm(host=source, memory_bytes=1024 * MIB), destination=destination, state="done", started_at=started,
        suspended_at=started + timedelta(seconds=4.0), ended_at=started + timedelta(seconds=6), pause_ms=320.0,
        pair={"rss_bytes": 400 * MIB}, **fields,
    )  # fmt: skip
    for number in range(18):
        at_s = 0.4 + 0.2 * (number + 1)
        sent = speed * 0.2 * (number + 1) * MIB
        Sample.objects.create(
            migration=row, at=started + timedelta(seconds=at_s), processed_bytes=int(sent), total_bytes=1024 * MIB,
            remaining_bytes=30 * MIB, throughput=speed * MIB, iteration=1 if number < 15 else 2,
        )  # fmt: skip
    return row


@pytest.fixture
def two() -> tuple[Host, Host]:
    return make_host("a1"), make_host("a2")


def test_it_reads_setup_overhead_speed_and_pause_from_the_rows(two: tuple[Host, Host]) -> None:
    row = done(*two)
    pairs.remember(row)
    row.refresh_from_db()
    assert row.taught["setup_s"] == pytest.approx(0.4, abs=0.01)
    assert row.taught["free_speed"] == pytest.approx(110 * MIB)
    assert row.taught["overhead"] == pytest.approx(70 * MIB)
    assert row.taught["pause_s"] == pytest.approx(0.32)
    assert row.taught["rest_bytes"] == pytest.approx(30 * MIB, rel=0.02)


def test_it_makes_constants_of_them_for_this_pair_alone_with_count_and_age(two: tuple[Host, Host]) -> None:
    for minutes in (30, 20, 10):
        pairs.remember(done(*two, minutes_ago=minutes))
    known = pairs.known(*two)
    assert known.count == 3
    assert known.newest_at is not None
    assert timezone.now() - known.newest_at < timedelta(minutes=11)
    assert known.constants.free_speed == pytest.approx(110 * MIB)
    assert known.constants.stop_speed == pytest.approx(113 * MIB, rel=0.1)  # 30 MiB in 0.32 s, less the switch
    assert pairs.known(two[1], two[0]) == pairs.UNKNOWN
    assert pairs.of_source(two[0]).keys() == {two[1].pk}


@pytest.mark.parametrize("fields", [{"bandwidth": 40 * MIB}, {"used_postcopy": True}, {"xbzrle": True}])
def test_it_learns_no_speed_where_something_else_held_it(two: tuple[Host, Host], fields: dict[str, object]) -> None:
    row = done(*two, **fields)
    pairs.remember(row)
    assert "free_speed" not in row.taught
    assert "setup_s" in row.taught


def test_it_learns_nothing_of_what_failed_or_another_tool_did(two: tuple[Host, Host]) -> None:
    theirs = done(*two, ours=False)
    failed = make_migration(make_vm(host=two[0]), destination=two[1], state="failed")
    pairs.remember(theirs)
    pairs.remember(failed)
    assert pairs.known(*two) == pairs.UNKNOWN


def test_a_running_migration_is_forecast_with_what_its_row_keeps(two: tuple[Host, Host]) -> None:
    pairs.remember(done(*two))
    known = pairs.known(*two)
    row = make_migration(make_vm(host=two[0]), destination=two[1], state="copying", pair=known.as_json())
    row.refresh_from_db()
    assert words.limits(row).constants == known.constants
    assert restored(None) is None
    assert restored(pairs.UNKNOWN.as_json()) is None
    assert known.constants != Constants()


def test_a_whole_migration_measures_twice_keeps_what_was_known_and_teaches_the_next(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GODWIT_MEASURE_LONG", "1")
    migration = request_migration(place.vm, place.destination, actor="ann")
    supervisor = place.supervise(migration)
    walk(supervisor)
    supervisor.close()
    migration.refresh_from_db()
    assert migration.state == "done", migration.because
    assert migration.dirty_rate_before is not None
    assert migration.dirty_rate_long_before is not None
    assert migration.dirty_rate_long_before < migration.dirty_rate_before
    assert migration.pair is not None
    assert migration.pair["count"] == 0
    assert migration.taught is not None
    assert migration.taught["free_speed"] > MIB
    assert pairs.known(place.source, place.destination).count == 1
