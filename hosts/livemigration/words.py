"""What happens to a migration, in words for people: one or two sentences. Pure; screens and the live path use it."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

from hosts.livemigration.convergence import Remedy, remedies
from hosts.livemigration.forecast.constants import restored
from hosts.livemigration.prediction import DEFAULT_DOWNTIME_MS, Forecast, Limits, forecast
from hosts.livemigration.queue import in_words
from hosts.livemigration.readings import Reading
from hosts.states import MigrationState

#: no byte for so long, and the words say that the link is suspected, in seconds (the guardian acts at 3 in post-copy)
SUSPECT_S = 5.0


class Told(Protocol):
    """The fields of a Migration that the words come from."""

    state: str
    because: str
    bandwidth: int | None
    max_downtime_ms: int | None
    postcopy_allowed: bool
    pause_ms: float | None
    queue_place: int | None
    waits_for: str
    dirty_rate_before: float | None
    dirty_rate_long_before: float | None
    pair: Any
    auto_converge: bool
    xbzrle: bool


def describe(migration: Told, readings: Sequence[Reading] = ()) -> str:
    """The verdict: "Copying, pass 4 of about 6. Done in 12–16 s, guest pauses about 0.2 s."

    ``readings``: the migration's samples so far, oldest first; the last minute of them is enough.
    """
    return told(migration, readings, foreseen(migration, readings))


def foreseen(migration: Told, readings: Sequence[Reading]) -> Forecast | None:
    """What is to come of it while it copies; else None."""
    copies = MigrationState.of(migration.state) is MigrationState.COPYING
    return forecast(readings, limits(migration)) if copies else None


def told(migration: Told, readings: Sequence[Reading], outlook: Forecast | None) -> str:
    """The verdict in the words of :func:`describe`, of what was :func:`foreseen`."""
    state = MigrationState.of(migration.state)
    if state in (MigrationState.COPYING, MigrationState.POSTCOPY) and (still := stalled(readings)) >= SUSPECT_S:
        return f"{state.label}. Nothing has moved for {span(still)}: the link between the hosts is suspected."
    if state is MigrationState.COPYING:
        return _copying(migration, readings, outlook)
    if state is MigrationState.POSTCOPY:
        return _postcopy(readings)
    if state is MigrationState.DONE:
        return "Done." if migration.pause_ms is None else f"Done. The guest paused {pause(migration.pause_ms / 1000)}."
    if state is MigrationState.QUEUED and migration.waits_for:
        return f"Queued: {in_words(migration.queue_place, migration.waits_for)}"
    return f"{state.label}. {migration.because}".strip()


def stalled(readings: Sequence[Reading]) -> float:
    """For how many seconds, up to the last reading, no byte has moved."""
    since = len(readings) - 1
    while since > 0 and readings[since - 1].processed_bytes == readings[-1].processed_bytes:
        since -= 1
    return (readings[-1].at - readings[since].at).total_seconds() if readings else 0.0


def limits(migration: Told) -> Limits:
    """What the migration may take, for the forecast."""
    return Limits(
        max_downtime_ms=migration.max_downtime_ms or DEFAULT_DOWNTIME_MS,
        bandwidth=migration.bandwidth,
        dirty_rate_before=migration.dirty_rate_before,
        dirty_rate_long=migration.dirty_rate_long_before,
        constants=restored(migration.pair),
        auto_converge=migration.auto_converge,
        xbzrle=migration.xbzrle,
    )


def _copying(migration: Told, readings: Sequence[Reading], outlook: Forecast | None) -> str:
    if outlook is None:
        return "Copying. No memory has moved yet."
    if outlook.throughput <= 0:
        return "Copying. Nothing moves at the moment."
    number = max(1, readings[-1].iteration)
    if outlook.converges is False:
        return _not_converging(migration, readings, outlook)
    if outlook.dirty_rate is None or outlook.seconds is None:
        rest = span(readings[-1].remaining_bytes / outlook.throughput)
        return f"Copying, pass {number}. This pass ends in about {rest}."
    passes = f"pass {number} of about {max(number, outlook.last_pass or number)}"
    if outlook.converges is None and outlook.probability is not None and outlook.seconds_if is not None:
        chance = f"It may converge ({outlook.probability:.0%})"
        return f"Copying, {passes}. {chance}, then done in {within(outlook.seconds_if)}{_pauses(outlook)}."
    return f"Copying, {passes}. Done in {within(outlook.seconds)}{_pauses(outlook)}."


def _pauses(outlook: Forecast) -> str:
    about = outlook.pause_about_s
    return "" if about is None else f", guest pauses about {pause(about)}"


def _not_converging(migration: Told, readings: Sequence[Reading], outlook: Forecast) -> str:
    rates = f"dirties {speed(outlook.dirty_rate or 0)} against {speed(outlook.throughput)}"
    ways = [_way(each) for each in remedies(readings, outlook, postcopy_allowed=migration.postcopy_allowed)]
    if not ways:
        return f"Hardly converging: {rates}."
    return f"Not converging: {rates}. {_either(ways)}."


def _way(remedy: Remedy) -> str:
    if remedy.kind == "bandwidth" and remedy.value is not None:
        return f"raise the bandwidth to {speed(remedy.value)}"
    if remedy.kind == "max_downtime" and remedy.value is not None:
        return f"allow a pause of {pause(remedy.value / 1000)}"
    return "switch to post-copy"


def _either(ways: list[str]) -> str:
    *first, last = ways
    text = f"{', '.join(first)}, or {last}" if first else last
    return text[0].upper() + text[1:]


def _postcopy(readings: Sequence[Reading]) -> str:
    if not readings or not readings[-1].total_bytes:
        return "Post-copy. The guest runs on the destination; its memory follows. There is no way back."
    last = readings[-1]
    rest = f"Post-copy. The guest runs on the destination; {size(last.remaining_bytes)} still follow"
    return f"{rest}, about {span(last.remaining_bytes / last.throughput)}." if last.throughput > 0 else f"{rest}."


def within(seconds: tuple[float, float]) -> str:
    """(12.2, 15.9) -> "12–16 s", (0.2, 0.8) -> "a second", (130, 170) -> "2–3 min": a range to wait for."""
    low, high = seconds
    if math.isinf(high):
        return f"{span(low)} or more"
    if high < 1:
        return "a second"
    if high < 100:
        small, great = math.floor(low), math.ceil(high)
        return f"{small}–{great} s" if 0 < small < great else f"about {great} s"
    return f"{math.floor(low / 60)}–{math.ceil(high / 60)} min"


def span(seconds: float) -> str:
    """0.3 -> "1 s", 9.2 -> "10 s", 150 -> "3 min": a rest to wait for, rounded up."""
    return f"{max(1, math.ceil(seconds))} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"


def pause(seconds: float) -> str:
    """0.031 -> "31 ms", 0.2 -> "0.2 s", 1.64 -> "1.6 s"."""
    return f"{round(seconds * 1000)} ms" if seconds < 0.0995 else f"{seconds:.1f} s"


def size(number: float) -> str:
    """Bytes in MiB or GiB: 48234496 -> "46 MiB"."""
    mib = number / 2**20
    if mib >= 1024:
        return f"{mib / 1024:.1f} GiB"
    return f"{mib:.0f} MiB" if mib >= 9.95 else f"{mib:.1f} MiB"


def speed(bytes_per_s: float) -> str:
    """48234496 -> "46 MiB/s"."""
    return f"{size(bytes_per_s)}/s"
