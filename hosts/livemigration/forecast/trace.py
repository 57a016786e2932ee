"""A running migration's readings as evidence: passes, what each left dirty, how fast it goes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hosts.livemigration.forecast.loop import WINDOW_S
from hosts.livemigration.forecast.records import Interval, Seen

#: two syncs closer than this are taken together: readings come every 100 ms
SHORTEST_S = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One reading. ``at_s`` since the start; ``remaining`` as QEMU counts; ``done``: bytes of guest memory dealt with,
    sent whole or skipped as zero; ``sent``: bytes on the wire. ``iteration`` is 0 until memory moves.
    """

    at_s: float
    iteration: int
    remaining: float
    done: float
    sent: float
    throttle: int = 0


def seen(ticks: Sequence[Tick], *, syncs: Mapping[int, float] | None = None, now_s: float | None = None) -> Seen | None:
    """What the readings tell, None before memory moves.

    ``syncs``: when each pass began (ITERATION events), where heard; else the first reading of a pass tells.
    What the guest dirtied between two readings follows from conservation: what remains has grown by it, and shrunk by
    what was dealt with. 20 MiB remained, 4 MiB went, 61 MiB remain: 45 MiB are fresh.
    """
    moving = [tick for tick in ticks if tick.iteration > 0]
    if not moving:
        return None
    last, heard = moving[-1], dict(syncs or {})
    began = _beginnings(moving, heard)
    at_s, speed = max(last.at_s, now_s or 0.0), _speed(moving, began)
    gone = (at_s - last.at_s) * speed
    unread = [number for number in heard if number > last.iteration and heard[number] <= at_s]
    number = max(unread, default=last.iteration)
    sync_s = heard[number] if unread else began[number]
    return Seen(
        elapsed_s=at_s,
        iteration=number,
        in_pass_s=max(0.0, at_s - sync_s),
        remaining=None if unread else max(0.0, last.remaining - gone),
        last_pass_s=sync_s - heard.get(number - 1, began[last.iteration]) if unread else 0.0,
        speed=speed,
        sent=last.sent + gone,
        throttle=last.throttle,
        intervals=tuple(_intervals(moving, began, speed)),
    )


def _beginnings(moving: Sequence[Tick], syncs: Mapping[int, float]) -> dict[int, float]:
    began: dict[int, float] = {}
    for tick in moving:
        if tick.iteration not in began:
            began[tick.iteration] = min(syncs.get(tick.iteration, tick.at_s), tick.at_s)
    return began


def _speed(moving: Sequence[Tick], began: Mapping[int, float]) -> float:
    """Bytes/s on the wire, over all passes: since memory moves, the first reading's burst left out."""
    first, last = moving[0], moving[-1]
    if last.at_s - first.at_s < 0.3:
        return 0.0
    start_s = began[first.iteration]
    if first.iteration == 1 and last.at_s - start_s > 1.0:
        return last.sent / (last.at_s - start_s)
    return (last.sent - first.sent) / (last.at_s - first.at_s)


def _intervals(moving: Sequence[Tick], began: Mapping[int, float], speed: float) -> list[Interval]:
    found: list[Interval] = []
    since_s, fresh, number = began[moving[0].iteration], 0.0, moving[0].iteration
    for before, after in pairwise(moving):
        if after.iteration == before.iteration:
            continue
        fresh += max(0.0, after.remaining - before.remaining + after.done - before.done)
        sync_s = began[after.iteration]
        if sync_s - since_s < SHORTEST_S:
            continue
        left = max(0.0, before.remaining - speed * max(0.0, sync_s - before.at_s - WINDOW_S))
        found.append(Interval(seconds=sync_s - since_s, fresh=fresh, left=left, first=number == 1))
        since_s, fresh, number = sync_s, 0.0, after.iteration
    return found
