"""The classic model of pre-copy, to be better than: every page dirtied is a new one, at a constant rate.

V0 = RSS;  T_i = V_i / B;  V_{i+1} = R T_i;  total = (V0 / B) (1 - (R/B)^(n+1)) / (1 - R/B);  pause = V_n / B + 22 ms
n: the first with V_n <= B x allowed pause.  (Clark 2005, Liu 2011)
"""

import math

from hosts.livemigration.forecast.constants import Constants
from hosts.livemigration.forecast.records import MIB, Orders, Prospect, Range, Verdict
from hosts.livemigration.forecast.trace import seen
from tests.bench.migration_logs import Known

_CONSTANTS = Constants()


def geometric_before(known: Known) -> Prospect | None:
    """From RSS and the dirty rate of one second."""
    rate = min(known.guest.dirty, key=lambda sample: sample.seconds).rate if known.guest.dirty else 0.0
    volume = float(known.guest.rss_bytes or known.guest.memory_bytes)
    return _series(volume, rate, _speed(known.orders), known.orders, already_s=0.0)


def geometric_running(known: Known) -> Prospect | None:
    """From what remains, with the rate of the last pass."""
    so_far = seen(known.ticks, syncs=dict(known.syncs), now_s=known.now_s)
    if so_far is None or not so_far.intervals:
        return None
    last = so_far.intervals[-1]
    speed = so_far.speed or _speed(known.orders)
    volume = so_far.remaining
    if volume is None:
        volume = last.fresh / last.seconds * so_far.last_pass_s
    return _series(volume, last.fresh / last.seconds, speed, known.orders, already_s=so_far.elapsed_s)


def _speed(orders: Orders) -> float:
    line = orders.line * _CONSTANTS.line_share if orders.line else math.inf
    return min(orders.cap or math.inf, line, 330.0 * MIB)


def _series(volume: float, rate: float, speed: float, orders: Orders, *, already_s: float) -> Prospect:
    seconds, passes = already_s, 0
    while volume > speed * orders.max_downtime_ms / 1000 and passes < 1000:
        took = volume / speed
        seconds += took
        volume = rate * took
        passes += 1
        if rate >= speed:
            return _prospect(None, None, rate, speed)
    pause_s = volume / speed + 0.022
    return _prospect(seconds + pause_s, 1000 * pause_s, rate, speed)


def _prospect(seconds: float | None, pause_ms: float | None, rate: float, speed: float) -> Prospect:
    ends = seconds is not None
    return Prospect(
        verdict=Verdict.YES if ends else Verdict.NO,
        probability=float(ends),
        seconds=_point(seconds),
        bytes=None,
        pause_ms=_point(pause_ms),
        passes=None,
        floor_bytes=0.0,
        least_pause_ms=0.0,
        dirty_rate=rate,
        speed=speed,
    )


def _point(value: float | None) -> Range | None:
    return None if value is None else Range(low=value, median=value, high=value)
