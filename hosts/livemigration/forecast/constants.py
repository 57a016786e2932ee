"""What a pair of hosts adds of its own, and how it is learnt. Pure.

The defaults were measured on the lab's two hosts (QEMU 7.2, TCG, two shared cores; migration.md section 4): protocol
and structure hold elsewhere, these numbers do not. :func:`learn` replaces them by what the pair's migrations showed
(livemigration/pairs.py keeps that).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from statistics import stdev

from hosts.livemigration.forecast.records import MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Seconds, bytes, bytes per second; a spread is the standard deviation of the logarithm unless said otherwise."""

    setup_s: float = 0.57  # from the call to the first pass: Prepare on the destination
    setup_spread: float = 0.28
    rss_overhead: float = 137 * MIB  # of QEMU's resident memory, what is not the guest's: c_rss
    rss_overhead_sd: float = 6 * MIB  # bytes
    quiet: float = 77 * MIB  # of a guest's non-zero memory, what its own system wrote once and leaves alone
    quiet_sd: float = 8 * MIB  # bytes
    extra_memory: float = 16.6 * MIB  # device memory that migrates too: video memory, ROMs; mostly zero
    line_share: float = 0.957  # of a link's rate, what is left for guest memory: nine lines, 0.951 to 0.961
    free_speed: float = 200 * MIB  # neither cap nor slow line: bound by the CPUs which the guest uses too
    free_spread: float = 0.35
    stop_speed: float = 1200 * MIB  # the guest stands, no cap: 0.8 ms a MiB were measured
    sync_s: float = 0.008  # what the sync of the dirty bitmap adds to a pass
    device_s: float = 0.055  # device state, at the switch-over, at that load
    load: float = 2.6  # the source host's load of one minute at which these were measured
    device_spread: float = 0.4
    queue_bytes: float = 2.2 * MIB  # without a cap the sender keeps its socket full: what waits there drains first
    postcopy_switch_s: float = 0.070
    speed_spread: float = 0.015  # of a capped or line-bound throughput


def restored(pair: object) -> Constants | None:
    """The constants that a migration keeps of its two hosts (``Migration.pair``); None where they are the lab's."""
    stored = pair.get("constants") if isinstance(pair, dict) and pair.get("count") else None
    if not isinstance(stored, dict):
        return None
    names = {each.name for each in fields(Constants)}
    return Constants(**{name: float(value) for name, value in stored.items() if name in names})


#: a new observation counts at least this much
_NEW = 0.2
#: so many observations the defaults of the lab count for: none where hosts differ most
_SETUP_STANDS_FOR = _DEVICE_STANDS_FOR = 1
#: with less on its way than this, a pause tells of the switch-over, not of the line
_TELLING = 16 * MIB
#: no pair is so steady, or so wild, as a share
_CALMEST, _WILDEST = 0.05, 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a finished migration told of its pair of hosts; None: it could not tell.

    ``overhead``: RSS before the start less the bytes of the first pass. ``pause_s``: the guest stood still, with
    ``rest_bytes`` on their way. ``free_speed``: throughput in bytes/s where there was no cap.
    """

    setup_s: float | None = None
    overhead: float | None = None
    pause_s: float | None = None
    rest_bytes: float | None = None
    free_speed: float | None = None


def learn(seen: Sequence[Learnt], start: Constants | None = None) -> Constants:
    """The constants after these migrations, oldest first: means of all up to the fifth, from then on a fifth for the
    newest. What the lab's hosts showed (``start``) counts for one setup and one switch-over, and for no speed.

    Speeds and the setup are averaged by their logarithm, so that one slow start (capability probing: 4 s where 0.5 s
    is usual) counts for little: 0.5 s and 4 s give 1.4 s, and after five more of 0.5 s, 0.65 s.
    """
    constants = start or Constants()
    setups = _told(seen, "setup_s")
    frees = _told(seen, "free_speed")
    overheads = [each.overhead for each in seen if each.overhead is not None and math.isfinite(each.overhead)]
    return _pauses(
        seen,
        replace(
            constants,
            setup_s=_geometric(constants.setup_s, setups, stands_for=_SETUP_STANDS_FOR),
            rss_overhead=_plain(constants.rss_overhead, [max(0.0, each) for each in overheads]),
            free_speed=_geometric(constants.free_speed, frees),
            free_spread=_spread(constants.free_spread, frees),
        ),
    )


def _pauses(seen: Sequence[Learnt], constants: Constants) -> Constants:
    """pause = device + rest / stop: one equation a migration, so each tells of the part that weighs in it.

    0.31 s with 4 MiB on their way tell of the device state; 0.31 s with 66 MiB tell of the line: 66 / (0.31 - 0.05).
    """
    devices, stops = 0, 0
    for each in seen:
        if each.pause_s is None or each.rest_bytes is None or not 0 < each.pause_s < math.inf:
            continue
        over = each.pause_s - constants.device_s
        if each.rest_bytes >= _TELLING and over > 0.2 * each.pause_s:
            stop = _geometric(constants.stop_speed, [each.rest_bytes / over], stands_for=stops)
            constants, stops = replace(constants, stop_speed=stop), stops + 1
        else:
            cost = max(0.005, each.pause_s - each.rest_bytes / constants.stop_speed)
            device = _plain(constants.device_s, [cost], stands_for=_DEVICE_STANDS_FOR + devices)
            constants, devices = replace(constants, device_s=device), devices + 1
    return constants


def _told(seen: Sequence[Learnt], name: str) -> list[float]:
    values = (getattr(each, name) for each in seen)
    return [value for value in values if value is not None and 0 < value < math.inf]


def _plain(old: float, news: Sequence[float], *, stands_for: int = 0) -> float:
    for count, new in enumerate(news, start=stands_for + 1):
        weight = max(_NEW, 1 / count)
        old = (1 - weight) * old + weight * new
    return old


def _geometric(old: float, news: Sequence[float], *, stands_for: int = 0) -> float:
    return math.exp(_plain(math.log(old), [math.log(new) for new in news], stands_for=stands_for)) if news else old


def _spread(old: float, news: Sequence[float]) -> float:
    """How far speeds stray: the standard deviation of their logarithm, once three tell."""
    if len(news) < 3:
        return old
    return min(_WILDEST, max(_CALMEST, stdev(math.log(new) for new in news)))
