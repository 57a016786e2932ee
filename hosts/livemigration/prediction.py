"""When a running migration ends and how long the guest pauses, from its readings. Pure.

The model is :mod:`hosts.livemigration.forecast` (docs/forecast.md): forms of f(T), the bytes of distinct pages dirtied
in T, weighed by what each pass left dirty, and played through QEMU's loop from the last reading on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hosts.livemigration.evidence import evidence, guest
from hosts.livemigration.forecast.constants import Constants
from hosts.livemigration.forecast.engine import forecast_running
from hosts.livemigration.forecast.records import DirtySample, Guest, Orders, Prospect, Seen, Verdict, samples
from hosts.livemigration.readings import Reading

#: QEMU's default for the longest pause it may take, in ms
DEFAULT_DOWNTIME_MS = 300
#: what a switch-over costs beside the last bytes: device state, measured 22 ms, plus events on their way, in s
SWITCH_S = 0.03
#: the model is asked this often, in seconds; in between its answer runs down with the clock
ASK_EVERY_S = 2.0
_CONSTANTS = Constants()
_THROTTLE = (20, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the migration may take. ``line``: bytes/s without a cap, if known: no cap holds while the guest stands."""

    max_downtime_ms: int = DEFAULT_DOWNTIME_MS
    bandwidth: int | None = None
    line: float | None = None
    dirty_rate_before: float | None = None  # bytes/s over one second, measured before the start
    dirty_rate_long: float | None = None  # and over four
    constants: Constants | None = None  # what was known of the two hosts; None: the lab's
    auto_converge: bool = False
    xbzrle: bool = False

    @property
    def measured(self) -> tuple[DirtySample, ...]:
        """f(T) as it was measured before the start: at one second, and at four where that could matter."""
        return samples(self.dirty_rate_before, self.dirty_rate_long)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Ranges of what is to come; nine in ten fall inside. ``converges`` None: it is not certain."""

    converges: bool | None
    seconds: tuple[float, float] | None  # from the last reading to the end; None: never, as it goes now
    pause_s: tuple[float, float] | None
    last_pass: int | None  # about which pass it will be
    throughput: float
    dirty_rate: float | None
    probability: float | None = None  # that it ends by itself
    seconds_if: tuple[float, float] | None = None  # as ``seconds``, provided that it ends by itself
    about_s: float | None = None  # the median of ``seconds_if``
    pause_about_s: float | None = None
    floor_bytes: float | None = None  # what pre-copy leaves at least


def forecast(readings: Sequence[Reading], limits: Limits) -> Forecast | None:
    """What is to come, or None before memory moves.

    ``throughput`` B is the mean over the last seconds (libvirt's figure is a 100 ms window and jumps). During the first
    pass nothing is known of f but that the pass has to end; from the second on the model is asked, at each pass and
    each two seconds (some 10 ms).
    """
    moving = [reading for reading in readings if reading.total_bytes]
    if not moving:
        return None
    now, speed = moving[-1], throughput(moving)
    rate = now.dirty_rate
    if speed <= 0:
        return Forecast(converges=None, seconds=None, pause_s=None, last_pass=None, throughput=0.0, dirty_rate=rate)
    if rate is None:
        least = now.remaining_bytes / speed
        return Forecast(
            converges=None, seconds=(least, math.inf), pause_s=None, last_pass=None, throughput=speed, dirty_rate=None
        )
    asked = _asked_at(moving)
    told = evidence(asked, throughput(asked))
    if told is None:
        return None
    constants = limits.constants or _CONSTANTS
    known = guest(asked, overhead=constants.rss_overhead, dirty=limits.measured)
    prospect = _prospect(known, _orders(limits), told, constants)
    since_s = told.elapsed_s + (now.at - asked[-1].at).total_seconds()
    return _forecast(prospect, since_s, speed, max(rate, limits.dirty_rate_before or 0.0))


def _asked_at(moving: Sequence[Reading]) -> Sequence[Reading]:
    """The readings up to the first of this second, and of this pass, in which the model can say something."""
    now = _moment(moving[-1])
    for count, reading in enumerate(moving, start=1):
        if _moment(reading) == now and reading.dirty_rate is not None:
            return moving[:count]
    return moving


def _moment(reading: Reading) -> tuple[int, float]:
    return reading.iteration, reading.at.timestamp() // ASK_EVERY_S


@lru_cache(maxsize=1024)
def _prospect(known: Guest, orders: Orders, told: Seen, constants: Constants) -> Prospect:
    return forecast_running(known, orders, told, constants)


def _orders(limits: Limits) -> Orders:
    return Orders(
        cap=None if limits.bandwidth is None else float(limits.bandwidth),
        line=limits.line,
        max_downtime_ms=limits.max_downtime_ms,
        xbzrle=limits.xbzrle,
        auto_converge=_THROTTLE if limits.auto_converge else None,
    )


def _forecast(prospect: Prospect, since_s: float, speed: float, rate: float) -> Forecast:
    """``since_s``: the prospect counts from the first reading, a forecast from the last."""
    span, pause = prospect.seconds, prospect.pause_ms
    rest = None if span is None else (max(0.0, span.low - since_s), max(0.0, span.high - since_s))
    converges = {Verdict.YES: True, Verdict.NO: False, Verdict.UNCERTAIN: None}[prospect.verdict]
    seconds = rest if converges or rest is None else (rest[0], math.inf)
    ends = converges is not False and pause is not None
    return Forecast(
        converges=converges,
        seconds=None if converges is False else seconds,
        pause_s=(pause.low / 1000, pause.high / 1000) if ends and pause is not None else None,
        last_pass=None if prospect.passes is None else round(prospect.passes.median),
        throughput=speed,
        dirty_rate=rate,
        probability=prospect.probability,
        seconds_if=rest,
        about_s=None if span is None else max(0.0, span.median - since_s),
        pause_about_s=pause.median / 1000 if ends and pause is not None else None,
        floor_bytes=prospect.floor_bytes,
    )


def throughput(readings: Sequence[Reading], *, window_s: float = 3.0) -> float:
    """Bytes per second over the last ``window_s`` of work, at least two readings; else libvirt's own figure."""
    last = readings[-1]
    first = last
    for reading in reversed(readings):
        if (last.at - reading.at).total_seconds() > window_s:
            break
        first = reading
    seconds = (last.at - first.at).total_seconds()
    moved = last.processed_bytes - first.processed_bytes
    return moved / seconds if seconds >= 0.5 and moved > 0 else max(0.0, last.throughput)
