"""What a pair of hosts adds of its own, and how it is learnt. Pure.

The defaults were measured on the lab's two hosts (QEMU 7.2, TCG, two shared cores; migration.md section 4): protocol
and structure hold elsewhere, these numbers do not. :func:`learn` replaces them after each migration of the pair.
"""

import math
from dataclasses import dataclass, replace

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


#: a new observation counts this much
_NEW = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What a finished migration told of its pair of hosts; None: it could not tell.

    ``overhead``: RSS before the start less the bytes of the first pass. ``switch_s``: the pause less X / L.
    ``line_share``: throughput of the passes over the link's rate, where the link was the limit.
    ``free_speed``: throughput where nothing but the hosts was.
    """

    setup_s: float | None = None
    overhead: float | None = None
    switch_s: float | None = None
    line_share: float | None = None
    free_speed: float | None = None


def learn(constants: Constants, seen: Learnt) -> Constants:
    """The constants after one more migration: an exponentially weighted mean, a fifth for the newest.

    Speeds and the setup are averaged by their logarithm, so that one slow start (capability probing: 4 s where 0.5 s
    is usual) counts for little: 0.5 s and 4 s give 0.76 s, and after five more of 0.5 s, 0.57 s.
    """
    return replace(
        constants,
        setup_s=_geometric(constants.setup_s, seen.setup_s),
        rss_overhead=_plain(constants.rss_overhead, seen.overhead),
        device_s=_plain(constants.device_s, seen.switch_s),
        line_share=min(1.0, _geometric(constants.line_share, seen.line_share)),
        free_speed=_geometric(constants.free_speed, seen.free_speed),
    )


def _plain(old: float, new: float | None) -> float:
    return old if new is None or not math.isfinite(new) else (1 - _NEW) * old + _NEW * new


def _geometric(old: float, new: float | None) -> float:
    if new is None or not math.isfinite(new) or new <= 0:
        return old
    return math.exp((1 - _NEW) * math.log(old) + _NEW * math.log(new))
