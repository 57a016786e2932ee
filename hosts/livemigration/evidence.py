"""Readings of a running migration as what the forecast is made of. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hosts.livemigration.forecast.records import DirtySample, Guest, Seen
from hosts.livemigration.forecast.trace import Tick, seen
from hosts.livemigration.readings import Reading, passes

#: intervals between syncs that count: older ones tell of what the guest did then
_NEWEST = 5
#: the first reading belongs to the beginning if no more was sent than in so many seconds
_BEGINNING_S = 2.0
#: the meter takes syncs closer than this together; for those, conservation between two readings tells
_METERED_S = 0.5


def evidence(moving: Sequence[Reading], speed: float) -> Seen | None:
    """What ``moving`` (readings since memory moves, the last minute is enough) tell; seconds count from the first.

    ``speed``: the throughput that goes on, bytes/s. None before memory moves.
    """
    whole = moving[0].iteration <= 1 and moving[0].processed_bytes <= _BEGINNING_S * speed
    told = seen(_ticks(moving))
    if told is None:
        return None
    intervals = told.intervals if whole else told.intervals[1:]  # one that began unseen is of unknown length
    return replace(told, speed=speed, intervals=intervals[-_NEWEST:])


def guest(moving: Sequence[Reading], *, overhead: float, dirty: tuple[DirtySample, ...]) -> Guest:
    """The guest as far as its migration shows it: what the first pass sent is what it holds."""
    second = next((reading for reading in moving if reading.iteration > 1), None)
    known = second is not None and moving[0].iteration <= 1
    return Guest(
        memory_bytes=max(1, moving[-1].total_bytes),
        rss_bytes=int(second.processed_bytes + overhead) if second is not None and known else None,
        dirty=dirty,
    )


def _ticks(moving: Sequence[Reading]) -> list[Tick]:
    """With the meter's word for what was dirtied, where it has one: it counts zero pages, which go at no cost."""
    began = {each.number: each.began_at for each in passes(moving)}
    ticks: list[Tick] = []
    done = 0.0
    before: Reading | None = None
    for reading in moving:
        if before is not None:
            moved = max(0, reading.processed_bytes - before.processed_bytes)
            done += max(moved, _metered(before, reading, began[before.iteration]))
        ticks.append(
            Tick(
                at_s=(reading.at - moving[0].at).total_seconds(),
                iteration=reading.iteration,
                remaining=reading.remaining_bytes,
                done=done,
                sent=reading.processed_bytes,
                throttle=reading.throttle_percent,
            )
        )
        before = reading
    return ticks


def _metered(before: Reading, after: Reading, began_at: datetime) -> float:
    """Bytes dealt with between the two readings, zero pages among them, by the meter's rate; 0 where it has none."""
    seconds = (after.at - began_at).total_seconds()
    if after.iteration <= before.iteration or after.dirty_rate is None or seconds < _METERED_S:
        return 0.0
    return after.dirty_rate * seconds - (after.remaining_bytes - before.remaining_bytes)
