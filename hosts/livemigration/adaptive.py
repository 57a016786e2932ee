"""Adaptive: the limit follows what the pause will be, not what QEMU believes; where it can’t end, it says so. Pure.

A cap on the bandwidth holds only while the guest runs: the stop phase has the whole line. QEMU's test uses the capped
rate all the same. So with B the rate now, L the line, c the cost of switching, and a pause budget P, the limit is

    limit = (P - c) L / (m B)        B = 60 MiB/s, L = 330 MiB/s, P = 0.3 s, c = 0.06 s, m = 1.07: 1.2 s

under which QEMU stops the guest as soon as X <= B limit = (P - c) L / m remain, and it stands still for X / L + c <= P.
m covers how much QEMU's bandwidth of the last 100 ms is over the mean: the guest stops when that figure is high.

Where passes come to rest at a floor X* = f(X* / B) above that, waiting helps nobody: migration.md, sections 4 and 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from hosts.livemigration.decision import Decision, Facts, allow_pause, way_out
from hosts.livemigration.policy import MIB, Do, Policy
from hosts.livemigration.prediction import throughput
from hosts.livemigration.readings import Reading

#: the least by which the limit stays below what the budget would bear; QEMU's bandwidth jumps
_MARGIN = 1.05
#: a limit is moved only where it is wrong by more than this share
_WORTH_UP, _WORTH_DOWN = 1.05, 0.8
#: the rate has to stand on readings over this many seconds
_SEEN_S = 0.8
#: QEMU throttles on only while passes dirty over half of what they send; a high limit makes them short. So, where it
#: throttles, this share of the limit holds until what remains fits: a guest that took 29 s took 21 s so
_HELD = 0.45
#: a cap is what binds if at least this share of it is used
_BINDS = 0.85
#: a floor must be above what the budget bears by this factor before it is acted on
_SURE = 1.1
#: passes that shrink by less than this share have come to rest
_SHRINK = 0.05
#: a row bends for certain if its second difference is at least this share of its first value
_BEND = 0.04
#: a dirty rate by page sampling is believed to this share
_TRUST = 0.85
#: post-copy that would last longer than this is a risk too long, in seconds
_LONGEST_POSTCOPY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPause:
    """How long a guest stood still, what remained then, and at which rate it went over (bytes/s)."""

    seconds: float
    remaining_bytes: float
    line: float


def adaptive(policy: Policy, readings: Sequence[Reading], facts: Facts) -> Decision | None:
    """The next thing to do, or None: it is on its way."""
    speed = throughput(readings)
    if speed <= 0 or _span_s(readings) < _SEEN_S:
        return None
    line = line_now(facts, speed)
    bears = bearable(policy, facts, readings, speed=speed, line=line)
    sizes = at_syncs(readings, facts.max_downtime_ms)
    fits = bool(sizes) and sizes[-1] <= bears
    limit = max(1.0, 1000 * bears / speed) * (_HELD if facts.throttles and not fits else 1.0)
    if Do.MAX_DOWNTIME not in facts.turned and (moved := _move_limit(policy, facts, limit, speed=speed, line=line)):
        return moved
    if not sizes or fits:
        return None  # it ends at the next sync
    return _escalate(policy, readings, facts, sizes, bears=bears, speed=speed, line=line)


def line_now(facts: Facts, speed: float) -> float:
    """L: what the rest will travel at. Where the cap is what binds, the line as learnt; else what is seen now."""
    if facts.bandwidth is not None and facts.line is not None and speed >= _BINDS * facts.bandwidth:
        return max(speed, facts.line)
    return speed


def bearable(policy: Policy, facts: Facts, readings: Sequence[Reading], *, speed: float, line: float) -> float:
    """The bytes that may remain when the guest stops: (P - c) L / m. At least what 10 ms take, else it never ends."""
    budget_s = (facts.budget_ms or policy.max_downtime_ms) / 1000
    peak = max((reading.throughput for reading in readings[-50:]), default=0.0) / speed
    return max(0.01, budget_s - facts.switch_s) * line / min(2.0, max(_MARGIN, peak))


def first_limit_ms(policy: Policy, facts: Facts) -> int:
    """The limit to begin with, before anything was seen: the budget, and what the known line adds to it under a cap."""
    budget_ms = facts.budget_ms or policy.max_downtime_ms
    factor = max(1.0, facts.line / facts.bandwidth) if facts.line and facts.bandwidth else 1.0
    limit = max(10.0, budget_ms - 1000 * facts.switch_s) * factor / _MARGIN
    if facts.throttles:
        limit *= _HELD
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
    if limit < _WORTH_DOWN * facts.max_downtime_ms and not facts.throttles:
        why = f"At {line / MIB:.0f} MiB/s, unsteady as it flows, more would pause the guest longer than {budget_ms} ms."
        return allow_pause(limit, why)
    return None


def _escalate(
    policy: Policy,
    readings: Sequence[Reading],
    facts: Facts,
    sizes: Sequence[float],
    *,
    bears: float,
    speed: float,
    line: float,
) -> Decision | None:
    rest = floor(sizes, facts, speed)
    if rest is None or rest <= _SURE * bears:
        return None
    least_s = rest / line + facts.switch_s
    because = (
        f"It would never be below {rest / MIB:.0f} MiB: that needs a pause of {least_s:.1f} s, and "
        f"{(facts.budget_ms or policy.max_downtime_ms) / 1000:g} s are allowed."
    )
    if not steady(readings):
        return None  # a link that stumbles is no place for post-copy, and no measure of a floor
    if sizes[-1] / line > _LONGEST_POSTCOPY_S:
        facts = replace(facts, postcopy_possible=False)
    return way_out(policy.ways_out, facts, because=because, finish_ms=1150 * sizes[-1] / speed + 20)


def floor(sizes: Sequence[float], facts: Facts, speed: float) -> float | None:
    """Where the passes come to rest at the lowest, in bytes; None while nobody can tell. ``sizes``: at each sync.

    Passes at rest: the last two leave no less than 95 % of the least before them. Before that, what a second's dirty
    rate F from before the start proves: a writer of W bytes (the most seen at a sync) that dirties F a second rewrites
    at least F / W of its clean pages each second, so what is dirty cannot fall below

        u = W (1 - B / F)        W = 500 MiB, F = 500 MiB/s, B = 330 MiB/s: 170 MiB; none where F < B

    F is a sample: 15 % are taken off it. And where passes shrink less and less, their limit (:func:`_limit`).
    """
    rate = _TRUST * (facts.dirty_rate_before or 0.0)
    proved = max(sizes) * (1 - speed / rate) if sizes and rate > speed else 0.0
    if len(sizes) >= 4:
        resting = min(sizes[-2:]) > (1 - _SHRINK) * min(sizes[:-2])
        kept = speed * facts.max_downtime_ms / 1000  # a pass ends with up to that left: so much of a limit is no proof
        proved = max(proved, min(sizes[-2:]) if resting else _tends_to(sizes[-5:]) - kept)
    return proved or None


def _tends_to(sizes: Sequence[float]) -> float:
    """The least that two of the last three triples of passes agree on; 0 where fewer tell."""
    told = [limit for three in zip(sizes, sizes[1:], sizes[2:], strict=False) if (limit := _limit(*three)) > 0]
    return min(told) if len(told) >= 2 else 0.0


def _limit(one: float, two: float, three: float) -> float:
    """Where a falling row goes, by Aitken: (x0 x2 - x1^2) / (x0 + x2 - 2 x1); 0 where its bend is lost in the noise.

    100, 74, 62 goes to 52; 100, 85, 72 shrinks by the same share each time: to 0.
    """
    bend = one + three - 2 * two
    return max(0.0, (one * three - two * two) / bend) if bend >= _BEND * one and three < two < one else 0.0


def switch_cost_s(past: Sequence[PastPause]) -> float:
    """What a switch-over costs beside the last bytes: the median of what past ones tell; 0.03 to 0.2 s.

    A pause of 0.31 s with 66 MiB on the line at 330 MiB/s: 0.2 s are theirs, 0.11 s the switch's. Unknown: 0.06 s.
    """
    rests = [each.seconds - each.remaining_bytes / each.line for each in past if each.line > 0]
    return min(0.2, max(0.03, median(rests))) if rests else 0.06


def at_syncs(readings: Sequence[Reading], limit_ms: int) -> list[float]:
    """The bytes that remained after each sync from the first pass on, oldest first.

    A reading comes up to 0.2 s after the sync, which is 66 MiB at 330 MiB/s: what was sent since is added again. The
    pass before ended where ``limit_ms`` would let the guest go, if it had more than that left.
    """
    found: list[float] = []
    for before, after in pairwise(readings):
        if after.iteration <= max(1, before.iteration):
            continue
        sent = after.processed_bytes - before.processed_bytes
        to_end = max(0.0, before.remaining_bytes - before.throughput * limit_ms / 1000)
        found.append(after.remaining_bytes + max(0.0, sent - to_end))
    return found


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
