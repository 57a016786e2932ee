"""One reading of a running migration, and what is made of readings: dirty rate, passes, progress. Pure.

Bytes, bytes per second, milliseconds; moments timezone-aware UTC.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Protocol

from hosts.virt.records import JobStats


class Reading(Protocol):
    """What the curves, the forecast and the words need; both :class:`Point` and the model Sample are this."""

    @property
    def at(self) -> datetime: ...
    @property
    def remaining_bytes(self) -> int: ...
    @property
    def processed_bytes(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def throughput(self) -> float: ...
    @property
    def dirty_rate(self) -> float | None: ...
    @property
    def iteration(self) -> int: ...
    @property
    def throttle_percent(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A migration at one instant, by the names of the model Sample."""

    at: datetime
    remaining_bytes: int
    processed_bytes: int
    total_bytes: int
    throughput: float
    dirty_rate: float | None
    iteration: int
    expected_downtime_ms: float | None = None
    throttle_percent: int = 0
    postcopy_requests: int = 0
    disk_remaining_bytes: int = 0


_NAMES = tuple(field.name for field in fields(Point))
_VALUES = attrgetter(*_NAMES)


def as_dict(reading: Point) -> dict[str, Any]:
    """Its fields by name; a tenth of what dataclasses.asdict costs, and a worker does it 1,000 times a second."""
    return dict(zip(_NAMES, _VALUES(reading), strict=True))


class DirtyMeter:
    """The guest's dirty rate, from how much remains after a bitmap sync; None during the first pass.

    libvirt's own field is renewed every 1.4 s (median) to 3.2 s (p90) and is 0 during the first pass, so it makes a
    wrong curve (migration.md 1.4). What was dirtied follows from conservation instead: between two readings

        dirtied = (remaining_b - remaining_a) + bytes of guest memory sent or skipped as zero in between

    which is 0 while a pass runs and jumps at each sync. Example: 20 MiB remained, 4 MiB more were sent, 61 MiB
    remain after the sync: 45 MiB were dirtied since the last sync, 1.5 s ago: 30 MiB/s.
    Syncs closer than ``SHORTEST_S`` are taken together: a pass of 50 ms is shorter than the time between readings.
    """

    SHORTEST_S = 0.5

    def __init__(self) -> None:
        self._last: JobStats | None = None
        self._synced_at: datetime | None = None
        self._dirtied = 0
        self.rate: float | None = None

    def feed(self, stats: JobStats) -> float | None:
        """Take the next reading, in order; the newest rate in bytes per second, None while unknown."""
        last, self._last = self._last, stats
        if last is None:
            self._synced_at = stats.at if stats.iteration <= 1 else None
            return self.rate
        if stats.iteration <= last.iteration:
            return self.rate
        if self._synced_at is None:  # adopted within a pass: its beginning was not seen
            self._synced_at, self._dirtied = stats.at, 0
            return self.rate
        self._dirtied += max(0, stats.remaining_bytes - last.remaining_bytes + _moved(last, stats))
        interval = (stats.at - self._synced_at).total_seconds()
        if interval >= self.SHORTEST_S:
            self.rate = self._dirtied / interval
            self._synced_at, self._dirtied = stats.at, 0
        return self.rate


def _moved(before: JobStats, after: JobStats) -> int:
    """Guest memory dealt with in between: pages sent whole, and zero pages, which cost 9 bytes each on the wire."""
    zeros = (after.zero_pages - before.zero_pages) * after.page_size_bytes
    whole = after.normal_bytes - before.normal_bytes
    return whole + zeros if whole > 0 else after.processed_bytes - before.processed_bytes


def point(stats: JobStats, *, dirty_rate: float | None) -> Point:
    """The reading of a job, with the dirty rate of our own meter."""
    expected = stats.expected_downtime_ms
    return Point(
        at=stats.at,
        remaining_bytes=stats.remaining_bytes,
        processed_bytes=stats.processed_bytes,
        total_bytes=stats.total_bytes,
        throughput=stats.throughput_bytes_per_s,
        dirty_rate=dirty_rate,
        iteration=stats.iteration,
        expected_downtime_ms=None if expected is None else float(expected),
        throttle_percent=stats.throttle_percent,
        postcopy_requests=stats.postcopy_requests,
        disk_remaining_bytes=stats.disk_remaining_bytes,
    )


#: passes that must have shrunk by less than this share for a migration to count as stalled
_SHRINK = 0.05
#: passes to look back over
LOOK_BACK = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over what was dirty: how much it began with, and how long it took (None: it runs)."""

    number: int
    began_at: datetime
    bytes: int
    seconds: float | None = None


def passes(readings: Sequence[Reading]) -> list[Pass]:
    """The passes seen in ``readings``, oldest first, each from its first reading."""
    found: list[Pass] = []
    for reading in readings:
        if not reading.total_bytes or (found and reading.iteration <= found[-1].number):
            continue
        if found:
            last = found[-1]
            seconds = (reading.at - last.began_at).total_seconds()
            found[-1] = Pass(number=last.number, began_at=last.began_at, bytes=last.bytes, seconds=seconds)
        found.append(Pass(number=reading.iteration, began_at=reading.at, bytes=reading.remaining_bytes))
    return found


def stalled(readings: Sequence[Reading]) -> bool:
    """Whether the last passes left no less than those before: the working set is dirtied as fast as it is sent.

    True from the fourth pass on, if the smallest of the last three beginnings is within 5 % of the one before them.
    """
    seen = [each.bytes for each in passes(readings) if each.number > 1]
    if len(seen) <= LOOK_BACK:
        return False
    return min(seen[-LOOK_BACK:]) > (1 - _SHRINK) * seen[-LOOK_BACK - 1]


#: how much of the bar the first pass fills; the rest is the tail of passes, which nobody knows beforehand
FIRST_PASS_SHARE = 0.85


def progress(readings: Sequence[Reading]) -> float:
    """How much of the way lies behind, 0 to 0.99, never less than before; 1 is kept for the end.

    The first pass fills 0.85 as it goes. Each later pass counts by what it began with: of 256 MiB, one that begins with
    64 MiB stands at 0.95, with 8 MiB at 0.99. So a guest that does not converge stands still, not at 99 %.
    """
    best, number = 0.0, None
    for reading in readings:
        if not reading.total_bytes:
            continue
        gone = 1 - min(1.0, reading.remaining_bytes / reading.total_bytes)
        if reading.iteration <= 1:
            best = max(best, FIRST_PASS_SHARE * gone)
        elif number is not None and reading.iteration > number:  # only a beginning that was seen tells
            best = max(best, FIRST_PASS_SHARE + (0.99 - FIRST_PASS_SHARE) * gone)
        number = reading.iteration
    return best
