"""Whether a migration gets nearer to its end, and what its policy does about it. Pure: doing is the supervisor's."""

from collections.abc import Sequence
from dataclasses import dataclass

from hosts.livemigration.adaptive import adaptive
from hosts.livemigration.decision import Decision, Facts
from hosts.livemigration.policy import Do, Method, Policy
from hosts.livemigration.prediction import SWITCH_S, Forecast, throughput
from hosts.livemigration.readings import LOOK_BACK, Reading, passes
from hosts.livemigration.schedules import at_deadline, by_doubling, by_passes, by_time


def decide(policy: Policy, readings: Sequence[Reading], facts: Facts) -> Decision | None:
    """What the policy turns now, or None. ``readings``: of the running job, oldest first, the last minute is enough.

    What a person has turned (``facts.turned``) is left alone, and a cancelled migration is left to end.
    """
    moving = [reading for reading in readings if reading.total_bytes]
    if not moving or Do.CANCEL in facts.turned or policy.method is Method.BY_HAND:
        return None
    match policy.method:
        case Method.ADAPTIVE:
            found = adaptive(policy, moving, facts)
        case Method.PASSES:
            found = by_passes(policy, moving, facts)
        case Method.TIME:
            found = by_time(policy, facts)
        case _:
            found = by_doubling(policy, moving, facts)
    if found is None:
        speed = throughput(moving)
        finish_ms = 1150 * moving[-1].remaining_bytes / speed if speed > 0 else float(facts.max_downtime_ms)
        found = at_deadline(policy, facts, finish_ms=finish_ms)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One way out. ``value``: bytes/s for "bandwidth", ms for "max_downtime", None for "postcopy"."""

    kind: str  # an Adjustment's kind
    value: int | None = None


def remedies(readings: Sequence[Reading], outlook: Forecast, *, postcopy_allowed: bool) -> list[Remedy]:
    """What would end a migration that does not converge, gentlest first; empty where it converges.

    More bandwidth: at least 1.5 times the dirty rate, so that passes shrink by a third each. A longer pause: what one
    pass leaves, X, at today's throughput: X / B, with a tenth to spare; the cap is lifted then, so it will be shorter.
    """
    if outlook.converges is not False or outlook.dirty_rate is None:
        return []
    found = [Remedy(kind="bandwidth", value=int(1.5 * outlook.dirty_rate))]
    seen = [each.bytes for each in passes(readings) if each.number > 1]
    if seen and outlook.throughput > 0:
        milliseconds = 1100 * min(seen[-LOOK_BACK:]) / outlook.throughput + 1000 * SWITCH_S
        found.append(Remedy(kind="max_downtime", value=int(milliseconds)))
    if postcopy_allowed:
        found.append(Remedy(kind="postcopy"))
    return found
