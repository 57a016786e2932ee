"""Counters become percent and rates: pure functions of two readings.

A rate that can't be known is None, never a spike and never a made-up zero: after a restart or a migration a counter
starts again, and when a clock is set, seconds that did not pass are not divided by.
"""

import math
from dataclasses import dataclass
from datetime import datetime

from hosts.virt.records import DomainStats, HostStats

#: readings nearer than this say nothing (a scheduler's tick is 10 ms); further apart, an average says nothing
SHORTEST_S, LONGEST_S = 0.5, 120.0
#: the two clocks may differ by so much, and by this share of the time between, before we call it a clock step
_CLOCK_SLACK_S, _CLOCK_SLACK_SHARE = 0.5, 0.2
#: CPU time is stamped inside the call, ours before it: up to this much above 100 % is rounding, beyond it nonsense
_MOST_PERCENT = 115.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VMFigures:
    """What a VM does now. ``cpu_percent`` is of its vCPUs together; rates are bytes/s."""

    at: datetime
    cpu_percent: float | None = None
    memory_used_bytes: int | None = None
    rss_bytes: int | None = None
    net_rx_rate: float | None = None
    net_tx_rate: float | None = None
    disk_read_rate: float | None = None
    disk_write_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFigures:
    """What a host does now. ``cpu_percent`` is of all its logical CPUs; net rates are the sum over its VMs."""

    at: datetime
    cpu_percent: float | None = None
    memory_free_bytes: int | None = None
    net_rx_rate: float | None = None
    net_tx_rate: float | None = None


def seconds_between(old: datetime, new: datetime, *, elapsed_s: float) -> float | None:
    """Seconds to divide by, or None where there are none to trust.

    ``elapsed_s`` is what a clock that can't be set says passed meanwhile: 10 s by the wall and 10.1 by it give 10;
    10 s by the wall and 40 by it (somebody set the clock back by 30) give None.
    """
    seconds = (new - old).total_seconds()
    if not SHORTEST_S <= seconds <= LONGEST_S:
        return None
    if abs(seconds - elapsed_s) > _CLOCK_SLACK_S + _CLOCK_SLACK_SHARE * seconds:
        return None
    return seconds


def rate(old: float | None, new: float | None, seconds: float | None) -> float | None:
    """Units per second between two readings of a counter; None where it began anew. (100, 350, 10 s) gives 25.0."""
    if old is None or new is None or not seconds:
        return None
    change = new - old
    return change / seconds if change >= 0 and math.isfinite(change) else None


def percent(busy: float | None, possible: float | None) -> float | None:
    """``busy`` of ``possible`` seconds in percent, 0 to 100. (5 s, 20 s) gives 25.0; more than 115 % is no reading."""
    if busy is None or not possible or possible < 0:
        return None
    share = 100.0 * busy / possible
    return min(100.0, share) if 0 <= share <= _MOST_PERCENT else None


def vm_figures(old: DomainStats | None, new: DomainStats, *, elapsed_s: float) -> VMFigures:
    """A VM's figures from its last two readings on the same host; all rates None where there is only one."""
    seconds = seconds_between(old.at, new.at, elapsed_s=elapsed_s) if old else None
    if old is None or seconds is None or _restarted(old, new):
        return VMFigures(at=new.at, memory_used_bytes=new.memory_used_bytes, rss_bytes=new.rss_bytes)
    return VMFigures(
        at=new.at,
        cpu_percent=percent(rate(old.cpu_time_s, new.cpu_time_s, seconds), new.vcpus),
        memory_used_bytes=new.memory_used_bytes,
        rss_bytes=new.rss_bytes,
        net_rx_rate=rate(old.net_rx_bytes, new.net_rx_bytes, seconds),
        net_tx_rate=rate(old.net_tx_bytes, new.net_tx_bytes, seconds),
        disk_read_rate=rate(old.disk_read_bytes, new.disk_read_bytes, seconds),
        disk_write_rate=rate(old.disk_write_bytes, new.disk_write_bytes, seconds),
    )


def host_figures(
    old: HostStats | None, new: HostStats, *, elapsed_s: float, vms: list[VMFigures] | None = None
) -> HostFigures:
    """A host's figures from its last two readings and its VMs' figures."""
    share = None
    if old and seconds_between(old.at, new.at, elapsed_s=elapsed_s) is not None:
        busy = rate(old.cpu_busy_s, new.cpu_busy_s, 1.0)
        share = percent(busy, rate(old.cpu_total_s, new.cpu_total_s, 1.0))
    return HostFigures(
        at=new.at,
        cpu_percent=share,
        memory_free_bytes=new.memory_free_bytes,
        net_rx_rate=_total([vm.net_rx_rate for vm in vms or ()]),
        net_tx_rate=_total([vm.net_tx_rate for vm in vms or ()]),
    )


def coarse(value: float | None) -> float | None:
    """Two significant digits, at least tenths: what must change before a figure is sent again. 12.34 gives 12.0."""
    if value is None or value == 0 or not math.isfinite(value):
        return None if value is None or not math.isfinite(value) else 0.0
    return round(value, min(1, 1 - math.floor(math.log10(abs(value)))))


def _restarted(old: DomainStats, new: DomainStats) -> bool:
    """CPU time never falls while one QEMU lives; so all its other counters began anew with it."""
    return old.cpu_time_s is not None and new.cpu_time_s is not None and new.cpu_time_s < old.cpu_time_s


def _total(rates: list[float | None]) -> float | None:
    known = [each for each in rates if each is not None]
    return sum(known) if known else None
