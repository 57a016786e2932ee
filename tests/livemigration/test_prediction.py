"""The forecast from readings: it …"""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hosts.livemigration.convergence import remedies
from hosts.livemigration.prediction import Limits, forecast
from hosts.livemigration.readings import Point, stalled

START = datetime(2026, 1, 1, tzinfo=UTC)
MIB = 1 << 20


def run(
    rate: float, speed: float, *, size: int = 300, ws: int = 100, seconds: float = 60, limit_ms: int = 300
) -> list[Point]:
    """QEMU's loop, read at 5 Hz: a guest of ``size`` MiB that rewrites ``ws`` MiB in order at ``rate`` MiB/s."""
    readings: list[Point] = []
    at, left, sent, number, known = 0.0, float(size), 0.0, 1, None
    began = 0.0
    while at < seconds:
        readings.append(
            Point(
                at=START + timedelta(seconds=at),
                remaining_bytes=int(left * MIB),
                processed_bytes=int(sent * MIB),
                total_bytes=size * MIB,
                throughput=speed * MIB,
                dirty_rate=known,
                iteration=number,
            )
        )
        at += 0.2
        step = min(left, speed * 0.2)
        left, sent = left - step, sent + step
        if left <= speed * limit_ms / 1000:
            interval = at - began
            dirtied = min(ws, rate * interval)
            left, number, began, known = min(max(ws, left), left + dirtied), number + 1, at, dirtied / interval * MIB
            if left <= speed * limit_ms / 1000:
                break
    return readings


def test_it_is_silent_before_memory_moves() -> None:
    empty = replace(run(10, 60)[0], total_bytes=0)
    assert forecast([], Limits()) is None
    assert forecast([empty], Limits()) is None


def test_it_promises_nothing_in_the_first_pass_but_its_end() -> None:
    outlook = forecast(run(10, 60)[:10], Limits())
    assert outlook is not None
    assert outlook.converges is None
    assert outlook.seconds is not None
    assert 3 < outlook.seconds[0] < 5
    assert math.isinf(outlook.seconds[1])


def test_it_sees_a_guest_converge_that_writes_slower_than_the_line() -> None:
    history = run(20, 60)
    for length in range(2, len(history)):
        seen = history[:length]
        if seen[-1].iteration < 2:
            continue
        outlook = forecast(seen, Limits(dirty_rate_before=20.0 * MIB))
        assert outlook is not None
        assert outlook.converges is True
        left = (history[-1].at - seen[-1].at).total_seconds()
        assert outlook.seconds is not None
        assert outlook.seconds[0] <= left + 1.5
        assert outlook.seconds[1] >= left - 1.5


def test_it_is_not_certain_after_one_pass_of_a_guest_that_nobody_measured() -> None:
    """60 MiB dirtied in three seconds: in order at 20 MiB/s, or a set of 65 MiB written over and over."""
    history = run(20, 60)
    second = next(count for count, each in enumerate(history, start=1) if each.iteration == 2)
    outlook = forecast(history[:second], Limits())
    assert outlook is not None
    assert outlook.converges is not False
    assert outlook.probability is not None
    assert outlook.probability > 0.5


def test_it_sees_a_guest_that_never_converges() -> None:
    history = run(80, 60, seconds=40)
    outlook = forecast(history, Limits())
    assert outlook is not None
    assert outlook.converges is False
    assert stalled(history)
    ways = remedies(history, outlook, postcopy_allowed=True)
    assert [way.kind for way in ways] == ["bandwidth", "max_downtime", "postcopy"]
    assert ways[0].value is not None
    assert ways[0].value > 60 * MIB
    assert [way.kind for way in remedies(history, outlook, postcopy_allowed=False)] == ["bandwidth", "max_downtime"]


def test_its_remedies_would_have_helped() -> None:
    history = run(80, 60, seconds=40)
    outlook = forecast(history, Limits())
    assert outlook is not None
    bandwidth, pause = remedies(history, outlook, postcopy_allowed=False)
    assert bandwidth.value is not None
    assert pause.value is not None
    assert run(80, bandwidth.value / MIB, seconds=60)[-1].at < START + timedelta(seconds=40)
    assert run(80, 60, seconds=60, limit_ms=pause.value)[-1].at < START + timedelta(seconds=40)


def test_it_takes_a_longer_allowed_pause_as_an_earlier_end() -> None:
    history = run(40, 60, seconds=8)
    short, long = (forecast(history, Limits(max_downtime_ms=each)) for each in (100, 1500))
    assert short is not None
    assert long is not None
    assert short.seconds is not None
    assert long.seconds is not None
    assert long.seconds[0] <= short.seconds[0]


@settings(deadline=None, max_examples=50)
@given(
    rate=st.floats(0, 200),
    speed=st.floats(1, 500),
    ws=st.integers(1, 300),
    cut=st.integers(1, 200),
    limit_ms=st.integers(1, 5000),
)
def test_its_ranges_are_ranges_and_nothing_is_negative(
    rate: float, speed: float, ws: int, cut: int, limit_ms: int
) -> None:
    outlook = forecast(run(rate, speed, ws=ws, seconds=20)[:cut], Limits(max_downtime_ms=limit_ms))
    assert outlook is not None
    for bounds in (outlook.seconds, outlook.pause_s):
        if bounds is not None:
            assert 0 <= bounds[0] <= bounds[1]
            assert math.isfinite(bounds[0])
    if outlook.converges is False:
        assert outlook.seconds is None
