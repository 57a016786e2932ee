"""What is to come of a running migration, as figures that tick beside its samples. Pure.

The same dict makes a page's first paint and every later frame.
"""

import math
from collections.abc import Sequence
from typing import Any

from hosts.livemigration import words
from hosts.livemigration.readings import Reading, progress
from hosts.states import MigrationState


def outlook(migration: words.Told, readings: Sequence[Reading], *, done_so_far: float = 0.0) -> dict[str, Any]:
    """``verdict``, ``expected_finish``, ``expected_pause``: text; ``progress_percent``: 0 to 100, never below
    ``done_so_far`` (a share, 0 to 1, of readings no longer at hand); ``finish_low_s``, ``finish_high_s``: seconds from
    the last reading to the end, None where nobody can tell.
    """
    state = MigrationState.of(migration.state)
    share = 1.0 if state is MigrationState.DONE else max(done_so_far, progress(readings))
    seen = words.foreseen(migration, readings)
    range_s = seen.seconds if seen and seen.seconds and not math.isinf(seen.seconds[1]) else None
    return {
        "verdict": words.told(migration, readings, seen),
        "progress_percent": round(100 * share, 1),
        "expected_finish": words.within(range_s) if range_s else "–",
        "expected_pause": words.pause(seen.pause_s[1]) if seen and seen.pause_s else "–",
        "finish_low_s": range_s[0] if range_s else None,
        "finish_high_s": range_s[1] if range_s else None,
    }
