"""Whether a migration gets nearer to its end, and what would mend it where it does not. Pure.

Deciding only: doing is the supervisor's, and today it does what a person orders, nothing by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hosts.livemigration.prediction import SWITCH_S, Forecast
from hosts.livemigration.readings import LOOK_BACK, Reading, passes


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
