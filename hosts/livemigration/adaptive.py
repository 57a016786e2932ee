"""Adaptive: the limit follows what the pause will be, not what QEMU believes; where it can’t end, it says so. Pure.

A cap on the bandwidth holds only while the guest runs: the stop phase has the whole line. QEMU's test uses the capped
rate all the same. So with B the rate now, L the line, c the cost of switching, and a pause budget P, the limit is

    limit = (P - c) L / (m B)        B = 60 MiB/s, L = 330 MiB/s, P = 0.3 s, c = 0.06 s, m = 1.1: 1.2 s

under which QEMU stops the guest as soon as X <= B limit = (P - c) L / m remain, and it stands still for X / L + c <= P.
m covers how much QEMU's bandwidth of the last 100 ms is over the mean: the guest stops when that figure is high.

Where passes come to rest at a floor X* = f(X* / B) above that, waiting helps nobody: migration.md, sections 4 and 5.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hosts.livemigration.decision import Decision, Facts, allow_pause, way_out
from hosts.livemigration.policy import MIB, Do, Policy
from hosts.livemigration.prediction import throughput
from hosts.livemigration.readings import Pass, Reading, passes

#: the least by which the limit stays below what the budget would bear; QEMU's bandwidth jumps
_MARGIN = 1.1
#: a limit is moved only where it is wrong by more than this share
_WORTH_UP, _WORTH_DOWN = 1.05, 0.8
#: the rate has to stand on readings over this many seconds
_SEEN_S = 0.8
#: a cap is what binds if at least this share of it is used
_BINDS = 0.85
#: a floor must be above what the budget bears by this factor before it is acted on
_SURE = 1.1
#: passes that shrink by less than this share, twice, have come to rest
_SHRINK = 0.05
#: post-copy that would last longer than this is a risk too long, in seconds
_LONGEST_POSTCOPY_S = 60.0


def adaptive(policy: Policy, readings: Sequence[Reading], facts: Facts) -> Decision | None:
    """The next thing to do, or None: it is on its way."""
    speed = throughput(readings)
    if speed <= 0 or _span_s(readings) < _SEEN_S:
        return None
    line = line_now(facts, speed)
    bears = bearable(policy, facts, readings, speed=speed, line=line)
    limit = max(1.0, 1000 * bears / speed)
    if Do.MAX_DOWNTIME not in facts.turned and (moved := _move_limit(policy, facts, limit, speed=speed, line=line)):
        return moved
    return _escalate(policy, readings, facts, bears=bears, speed=speed, line=line)


def line_now(facts: Facts, speed: float) -> float:
    """L: what the rest will travel at. Where the cap is what binds, the line as learnt; else what is seen now."""
    if facts.bandwidth is not None and facts.line is not None and speed >= _BINDS * facts.bandwidth:
        return max(speed, facts.line)
    return speed


def bearable(policy: Policy, facts: Facts, readings: Sequence[Reading], *, speed: float, line: float) -> float:
    """The bytes that may remain when the guest stops: (P - c) L / m. At least what 10 ms take, else it never ends."""
    budget_s = (facts.budget_ms or policy.max_downtime_ms) / 1000
    peak = max((reading.throughput for reading in readings[-15:]), default=0.0) / speed
    return max(0.01, budget_s - facts.switch_s) * line / min(2.0, max(_MARGIN, peak))


def first_limit_ms(policy: Policy, facts: Facts) -> int:
    """The limit to begin with, before anything was seen: the budget, and what the known line adds to it under a cap."""
    budget_ms = facts.budget_ms or policy.max_downtime_ms
    factor = max(1.0, facts.line / facts.bandwidth) if facts.line and facts.bandwidth else 1.0
    limit = max(10.0, budget_ms - 1000 * facts.switch_s) * factor / _MARGIN
    return allow_pause(limit, "").value or 1


def _move_limit(policy: Policy, facts: Facts, limit: float, *, speed: float, line: float) -> Decision | None:
    budget_ms = facts.budget_ms or policy.max_downtime_ms
    if limit > _WORTH_UP * facts.max_downtime_ms:
        lifted = line > 1.05 * speed
        why = (
            f"While the guest stands still the line takes {line / MIB:.0f} MiB/s, not {speed / MIB:.0f}: with this "
            f"limit it still pauses no longer than {budget_ms} ms."
            if lifted
            else f"At {speed / MIB:.0f} MiB/s a pause of up to {budget_ms} ms bears this limit."
        )
        return allow_pause(limit, why)
    if limit < _WORTH_DOWN * facts.max_downtime_ms:
        why = f"The line takes {line / MIB:.0f} MiB/s, less than it did: the pause would be longer than {budget_ms} ms."
        return allow_pause(limit, why)
    return None


def _escalate(
    policy: Policy, readings: Sequence[Reading], facts: Facts, *, bears: float, speed: float, line: float
) -> Decision | None:
    seen = [each for each in passes(readings) if each.number > 1]
    if not seen or seen[-1].bytes <= bears:
        return None  # it ends at the next sync
    rest = floor(seen, facts, speed)
    if rest is None or rest <= _SURE * bears:
        return None
    least_s = rest / line + facts.switch_s
    because = (
        f"It would never be below {rest / MIB:.0f} MiB: that needs a pause of {least_s:.1f} s, and "
        f"{(facts.budget_ms or policy.max_downtime_ms) / 1000:g} s are allowed."
    )
    if not steady(readings):
        return None  # a link that stumbles is no place for post-copy, and no measure of a floor
    if seen[-1].bytes / line > _LONGEST_POSTCOPY_S:
        facts = replace(facts, postcopy_possible=False)
    return way_out(policy.ways_out, facts, because=because, finish_ms=1150 * seen[-1].bytes / speed + 20)


def floor(seen: Sequence[Pass], facts: Facts, speed: float) -> float | None:
    """X*: where the passes come to rest, in bytes; None while nobody can tell.

    f(T) is what a pass of T seconds leaves; it is concave: f(T) / T rises as passes get shorter. From two points
    of it, f = W (1 - exp(-k T)) is fitted, and X* = f(X* / B) is found by iteration. A second's dirty rate from before
    the start is such a point. Passes that twice did not shrink are at rest, whatever the fit says.

        W = 100 MiB, k = 0.8/s (80 MiB/s), B = 60 MiB/s: 84, 84 … 54 MiB
    """
    sizes = [each.bytes for each in seen]
    if len(sizes) >= 3 and all(two > (1 - _SHRINK) * one for one, two in pairwise(sizes[-3:])):
        return float(min(sizes[-3:]))
    points = [(one.seconds, float(two.bytes)) for one, two in pairwise(seen) if one.seconds]
    if facts.dirty_rate_before and len(points) < 2:
        points.append((1.0, facts.dirty_rate_before))
    if len(points) < 2:
        return None
    return _rest(_through(points[-2], points[-1]), sizes[-1], speed)


def _rest(curve: tuple[float, float], begin: float, speed: float) -> float:
    """Follow X <- W (1 - exp(-k X / B)) until it rests; it falls, so a hundred steps are plenty."""
    size, pace = curve
    remains = begin
    for _ in range(100):
        left = size * -math.expm1(-pace * remains / speed) if size else pace * remains / speed
        if abs(left - remains) < 0.001 * MIB:
            break
        remains = left
    return remains


def _through(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """W and k of f = W (1 - exp(-k T)) through two points; W = 0 means a straight line of slope k instead."""
    (short, less), (long, more) = sorted((one, other))
    if less <= 0 or long < 1.05 * short or more / less >= 0.98 * long / short:
        return 0.0, max(less / short, more / long)
    low, high = 1e-6, 50.0 / short
    if more <= 1.001 * less:
        return max(less, more), high
    for _ in range(50):
        pace = (low + high) / 2
        if math.expm1(-pace * long) / math.expm1(-pace * short) > more / less:
            low = pace
        else:
            high = pace
    return less / -math.expm1(-low * short), low


def steady(readings: Sequence[Reading], *, window_s: float = 3.0) -> bool:
    """Whether bytes flowed all the time lately: no half second of the last three carried under a fourth of the mean."""
    recent = [each for each in readings if (readings[-1].at - each.at).total_seconds() <= window_s]
    mean = throughput(readings)
    start = recent[0]
    for reading in recent:
        seconds = (reading.at - start.at).total_seconds()
        if seconds >= 0.5:
            if (reading.processed_bytes - start.processed_bytes) / seconds < mean / 4:
                return False
            start = reading
    return True


def _span_s(readings: Sequence[Reading]) -> float:
    return (readings[-1].at - readings[0].at).total_seconds()
