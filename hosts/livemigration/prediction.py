"""When a running migration ends and how long the guest pauses, from its readings. Pure.

The loop of QEMU (7.2 source, same shape in 10.2): a pass sends what was dirty; when what remains is below
``throughput x allowed pause`` the bitmap is synced, and if it is still below, the guest stops and the rest goes out.
What counts is f(T), the bytes of distinct pages dirtied in T: concave, and never above the working set.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hosts.livemigration.readings import Pass, Reading, passes, stalled

#: QEMU's default for the longest pause it may take, in ms
DEFAULT_DOWNTIME_MS = 300
#: what a switch-over costs beside the last bytes: device state, measured 22 ms, plus events on their way, in s
SWITCH_S = 0.03
_MOST_PASSES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the migration may take. ``line``: bytes/s without a cap, if known: no cap holds while the guest stands."""

    max_downtime_ms: int = DEFAULT_DOWNTIME_MS
    bandwidth: int | None = None
    line: float | None = None
    dirty_rate_before: float | None = None  # bytes/s over one second, measured before the start


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Ranges of what is to come. ``converges`` None: the two forms disagree, so it is not certain."""

    converges: bool | None
    seconds: tuple[float, float] | None  # from the last reading to the end; None: never, as it goes now
    pause_s: tuple[float, float] | None
    last_pass: int | None  # about which pass it will be
    throughput: float
    dirty_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    seconds: float
    left: float
    passes: int


def forecast(readings: Sequence[Reading], limits: Limits) -> Forecast | None:
    """What is to come, or None before memory moves.

    ``throughput`` B is the mean over the last seconds (libvirt's figure is a 100 ms window and jumps). Forms of f
    bracket the truth: *steady*, f(T) = r T with the rate r of the last pass; *in order*, f(T) = min(r1 T, W) with the
    rate r1 measured over a second before the start and W the largest pass seen (a pass that dirtied the whole working
    set hides the true rate: it says r = W / T, which is about B); and *hot set*, f(T) = W (1 - exp(-k T)) fitted to the
    last two passes. From X remaining, a pass takes X / B and leaves f(X / B):

        r = 46 MiB/s, B = 110 MiB/s, X = 120 MiB: passes of 1.1, 0.46, 0.19 s ..., below 33 MiB after the second

    A pause is X / L + 0.03 s, L the line where known and else B: then the true one is rather shorter.
    """
    moving = [reading for reading in readings if reading.total_bytes]
    if not moving:
        return None
    now, rate = moving[-1], moving[-1].dirty_rate
    speed = throughput(moving)
    if speed <= 0:
        return Forecast(converges=None, seconds=None, pause_s=None, last_pass=None, throughput=0.0, dirty_rate=rate)
    if rate is None:  # the first pass: nothing is known of f but that this pass has to end
        least = now.remaining_bytes / speed
        return Forecast(
            converges=None, seconds=(least, math.inf), pause_s=None, last_pass=None, throughput=speed, dirty_rate=None
        )
    elapsed = (now.at - passes(moving)[-1].began_at).total_seconds()
    runs = [_run(now.remaining_bytes, elapsed, speed, form, limits) for form in _forms(moving, rate, limits)]
    if stalled(moving):  # a form that has passes shrink is refuted by those that did not
        runs = [run if run is not None and run.passes <= 1 else None for run in runs]
    return _bracket(now, runs, speed, max(rate, limits.dirty_rate_before or 0.0), limits)


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


def _forms(readings: Sequence[Reading], rate: float, limits: Limits) -> list[Callable[[float], float]]:
    forms: list[Callable[[float], float]] = [lambda seconds: rate * seconds]
    seen = [each for each in passes(readings) if each.number > 1 and each.bytes > 0]
    if limits.dirty_rate_before and seen:
        pace, most = limits.dirty_rate_before, max(each.bytes for each in seen)
        forms.append(lambda seconds: min(pace * seconds, most))
    fitted = _hot_set(seen)
    if fitted is not None:
        size, pace = fitted
        forms.append(lambda seconds: size * (1 - math.exp(-pace * seconds)))
    return forms


def _hot_set(seen: list[Pass]) -> tuple[float, float] | None:
    """W (bytes) and k (1/s) of f(T) = W (1 - exp(-k T)) through the last two (T, f(T)); None where it is no such curve.

    f of pass n is what pass n + 1 began with. With q = f2 / f1 and T2 = m T1 the two determine W and k; k by halving.
    """
    known = [(one.seconds, two.bytes) for one, two in pairwise(seen) if one.seconds]
    if len(known) < 2:
        return None
    (short, less), (long, more) = sorted(known[-2:])
    if long < 1.1 * short or not 1.0 < more / less < long / short:
        return None
    low, high = 1e-6, 100.0 / short
    for _ in range(60):
        pace = (low + high) / 2
        if (1 - math.exp(-pace * long)) / (1 - math.exp(-pace * short)) > more / less:
            low = pace
        else:
            high = pace
    return less / (1 - math.exp(-low * short)), low


def _run(
    remaining: float, elapsed: float, speed: float, dirtied: Callable[[float], float], limits: Limits
) -> _Run | None:
    """Play the loop to its end; None if it does not end: a pass leaves no less than it began with.

    ``elapsed``: seconds since the pass that runs now began, in which the guest dirtied pages too.
    """
    threshold = speed * limits.max_downtime_ms / 1000
    seconds, began_with = 0.0, remaining + elapsed * speed
    for number in range(_MOST_PASSES):
        took = remaining / speed
        seconds += took
        left = dirtied(took + elapsed)
        if left <= threshold:
            return _Run(seconds=seconds, left=left, passes=number)
        if left >= 0.995 * began_with:
            return None
        remaining, began_with, elapsed = left, left, 0.0
    return None


def _bracket(now: Reading, runs: list[_Run | None], speed: float, rate: float, limits: Limits) -> Forecast:
    ended = [run for run in runs if run is not None]
    if not ended:
        return Forecast(converges=False, seconds=None, pause_s=None, last_pass=None, throughput=speed, dirty_rate=rate)
    line = max(limits.line or 0.0, speed)
    pauses = [run.left / line + SWITCH_S for run in ended]
    ends = [run.seconds + pause for run, pause in zip(ended, pauses, strict=True)]
    certain = len(ended) == len(runs)
    return Forecast(
        converges=True if certain else None,
        seconds=(0.85 * min(ends), 1.15 * max(ends) if certain else math.inf),
        pause_s=(min(pauses), max(pauses)),
        last_pass=now.iteration + max(run.passes for run in ended),
        throughput=speed,
        dirty_rate=rate,
    )
