"""The forecast of a migration that runs: it …"""

import pytest

from hosts.livemigration.forecast.engine import forecast_before, forecast_running
from hosts.livemigration.forecast.pages import Form, exponential, hot_and_cold, sequential
from hosts.livemigration.forecast.records import MIB, Guest, Interval, Orders, Seen, Verdict
from hosts.livemigration.forecast.trace import Tick, seen

CAPPED = Orders(cap=60 * MIB)
GUEST = Guest(memory_bytes=512 * MIB, rss_bytes=318 * MIB)


def copied(form: Form, *, passes: int, speed: float = 60 * MIB, nonzero: float = 180 * MIB) -> list[Tick]:
    """Ticks each 100 ms of a guest that writes by ``form``, up to the beginning of pass ``passes`` + 1."""
    ticks: list[Tick] = []
    at, left, done, number, began = 0.6, nonzero, 0.0, 1, 0.6
    while number <= passes:
        ticks.append(Tick(at_s=at, iteration=number, remaining=left, done=done, sent=done))
        step = min(left, 0.1 * speed)
        at, left, done = at + 0.1, left - step, done + step
        if left < 0.3 * speed:
            left += form.dirtied(at - began) if number == 1 else form.fresh(left, at - began)
            number, began = number + 1, at
    ticks.append(Tick(at_s=at, iteration=number, remaining=left, done=done, sent=done))
    return ticks


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (sequential(100 * MIB, 25 * MIB), "sequential"),
        (exponential(60 * MIB, 120 * MIB), "exponential"),
        (hot_and_cold(150 * MIB, 80 * MIB), "hot and cold"),
    ],
)
def test_measures_what_each_interval_left_dirty(form: Form, name: str) -> None:
    told = seen(copied(form, passes=3))
    assert told is not None
    first = told.intervals[0]
    assert first.fresh == pytest.approx(form.dirtied(first.seconds), rel=0.01)
    assert told.speed == pytest.approx(60 * MIB, rel=0.03)


def test_knows_better_after_two_passes_than_before_the_start() -> None:
    form = sequential(100 * MIB, 25 * MIB)
    told = seen(copied(form, passes=2))
    assert told is not None
    before, after = forecast_before(GUEST, CAPPED), forecast_running(GUEST, CAPPED, told)
    assert before.seconds is not None
    assert after.seconds is not None
    assert after.verdict is Verdict.YES
    assert after.seconds.high - after.seconds.low < 0.5 * (before.seconds.high - before.seconds.low)
    assert after.dirty_rate == pytest.approx(25 * MIB, rel=0.4)  # over one second: in order 25, at random 33


def test_never_ends_before_now() -> None:
    told = seen(copied(hot_and_cold(150 * MIB, 80 * MIB), passes=3))
    assert told is not None
    found = forecast_running(GUEST, CAPPED, told)
    assert found.seconds is not None
    assert found.seconds.median > told.elapsed_s


def test_gives_up_on_a_guest_that_outruns_the_cap_and_names_its_floor() -> None:
    told = seen(copied(sequential(100 * MIB, 80 * MIB), passes=3))
    assert told is not None
    found = forecast_running(GUEST, CAPPED, told)
    assert found.verdict is Verdict.NO
    assert found.floor_bytes == pytest.approx(100 * MIB, rel=0.12)


def test_takes_a_pause_limit_that_was_raised_on_the_way() -> None:
    told = seen(copied(sequential(100 * MIB, 80 * MIB), passes=3))
    assert told is not None
    eased = forecast_running(GUEST, Orders(cap=60 * MIB, max_downtime_ms=1800), told)
    assert eased.verdict is Verdict.YES


def test_waits_for_memory_to_move() -> None:
    assert seen([]) is None
    assert seen([Tick(at_s=0.2, iteration=0, remaining=0, done=0, sent=0)]) is None


def test_holds_a_sync_it_heard_of_and_has_not_read() -> None:
    ticks = copied(sequential(100 * MIB, 25 * MIB), passes=1)[:-1]
    sync_s = ticks[-1].at_s + 0.08
    told = seen(ticks, syncs={1: 0.6, 2: sync_s}, now_s=sync_s)
    assert told is not None
    assert told.iteration == 2
    assert told.remaining is None
    found = forecast_running(GUEST, CAPPED, told)
    assert found.seconds is not None
    assert sync_s <= found.seconds.low < found.seconds.median


def test_bears_a_pass_that_nothing_explains() -> None:
    odd = Interval(seconds=1.0, fresh=5000 * MIB)
    told = Seen(elapsed_s=5, iteration=3, in_pass_s=0, remaining=50 * MIB, speed=60 * MIB, intervals=(odd,))
    assert forecast_running(GUEST, CAPPED, told).probability >= 0
