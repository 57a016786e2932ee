"""How long one move takes and how long its guest pauses, before it begins. Pure.

Where the guest's dirty rate was measured the engine's forecast is asked (docs/forecast.md), by rounded figures, so
that thousands of VMs cost a few dozen forecasts of some 45 ms. Else its size tells: all that QEMU holds of it goes over
the line once, and nine in ten take no more than twice as long. Either way ``AROUND_S`` is spent on it by Godwit itself.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from datacenter.maintenance.planner.records import VMFact
from hosts.livemigration import beforehand
from hosts.livemigration.beforehand import Outlook, Terms
from hosts.livemigration.forecast.constants import Constants

MIB = 1 << 20
#: a line that nothing was measured of: what the engine takes for two unknown hosts
UNKNOWN_LINE = Constants().free_speed
#: of each move, what is no copying: asked of both hosts, measured for 1 s, begun, confirmed; in seconds
AROUND_S = 3.1
_SETUP_S = Constants().setup_s
#: an unmeasured guest's p90 over its expected time
_UNMEASURED = 2.0
#: more forecasts than this are not asked for; figures are rounded until it is enough
_MOST_FORECASTS = 30
_ROUNDINGS = (1.1, 1.25, 1.6, 2.5, 6.0, 40.0)
#: shutting down, saving and starting, where nothing else is known, in seconds; saved memory goes to a disk, bytes/s
SHUTDOWN_S, START_S = 45.0, 30.0
SAVE_SPEED = 100.0 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One move: ``bytes`` go over the line, ``lag_s`` it holds its place beside; ``spread_s``: p90 less expected.

    ``doubt``: why it may not end by itself, in words.
    """

    bytes: float
    lag_s: float
    spread_s: float
    pause_ms: float | None = None
    doubt: str = ""
    measured: bool = False

    def seconds(self, speed: float) -> float:
        return self.lag_s + self.bytes / speed


class Expectations:
    """Of the VMs of a plan, at the speed each may hope for."""

    def __init__(self, vms: Iterable[VMFact], speed: float) -> None:
        self.speed = speed
        self._rounding = _enough(list(vms))
        self._found: dict[tuple[object, ...], Load] = {}
        self._of: dict[int, Load] = {}

    def of(self, vm: VMFact) -> Load:
        load = self._of.get(vm.key)
        if load is None:
            load = self._of[vm.key] = self._ask(vm)
        return load

    def _ask(self, vm: VMFact) -> Load:
        if vm.dirty_rate is None:
            return unmeasured(vm, self.speed)
        key = _rounded(vm, self._rounding)
        if key not in self._found:
            self._found[key] = _measured(vm, self.speed, self._rounding)
        found = self._found[key]
        scale = _held(vm) / max(1.0, _step(_held(vm), self._rounding))
        return Load(
            bytes=found.bytes * scale,
            lag_s=found.lag_s,
            spread_s=found.spread_s * scale,
            pause_ms=found.pause_ms,
            doubt=found.doubt,
            measured=True,
        )


def unmeasured(vm: VMFact, speed: float) -> Load:
    """By its size alone: 4 GiB at 200 MiB/s take 20 s, and 40 s at the most nine times in ten."""
    size = _held(vm)
    return Load(bytes=size, lag_s=AROUND_S + _SETUP_S, spread_s=(_UNMEASURED - 1) * size / speed)


def _held(vm: VMFact) -> float:
    """What there is to send at least: non-zero pages cannot be more than QEMU's resident memory."""
    return float(max(MIB, min(vm.memory_bytes, vm.rss_bytes or vm.memory_bytes)))


def _measured(vm: VMFact, speed: float, rounding: float) -> Load:
    rate = _step(vm.dirty_rate or 0.0, rounding)
    held = int(_step(_held(vm), rounding))
    found = beforehand.outlook(
        Terms(
            memory_bytes=max(held, int(_step(vm.memory_bytes, rounding))),
            rss_bytes=held if vm.rss_bytes is not None else None,
            dirty_rate=rate,
            bandwidth=vm.way.bandwidth,
            max_downtime_ms=vm.way.max_downtime_ms,
            adaptive=vm.way.adaptive,
            postcopy=vm.way.postcopy,
            auto_converge=vm.way.auto_converge,
            xbzrle=vm.way.xbzrle,
            parallel=vm.way.parallel,
            speed=speed,
        )
    )
    span = found.prospect.seconds if found is not None else None
    if found is None or span is None or found.prospect.bytes is None:
        return Load(bytes=held, lag_s=AROUND_S + _SETUP_S, spread_s=held / speed, doubt=found.sentence if found else "")
    return _load(found, speed if vm.way.bandwidth is None else min(speed, float(vm.way.bandwidth)))


def _load(found: Outlook, speed: float) -> Load:
    it = found.prospect
    assert it.seconds is not None
    assert it.bytes is not None
    lag = max(0.0, it.seconds.median - it.bytes.median / speed)
    return Load(
        bytes=it.bytes.median,
        lag_s=AROUND_S + min(lag, 10.0),
        spread_s=max(0.0, it.seconds.high - it.seconds.median),
        pause_ms=it.pause_ms.median if it.pause_ms else None,
        doubt=found.sentence if found.method in ("stuck", "throttle", "postcopy") else "",
        measured=True,
    )


def _enough(vms: list[VMFact]) -> float:
    """The finest rounding that leaves few enough different ones."""
    measured = [vm for vm in vms if vm.dirty_rate is not None]
    for rounding in _ROUNDINGS:
        seen: set[tuple[object, ...]] = set()
        for vm in measured:
            seen.add(_rounded(vm, rounding))
            if len(seen) > _MOST_FORECASTS:
                break
        else:
            return rounding
    return _ROUNDINGS[-1]


def _rounded(vm: VMFact, rounding: float) -> tuple[object, ...]:
    held, rate = _step(_held(vm), rounding), _step(vm.dirty_rate or 0.0, rounding)
    return vm.way, vm.rss_bytes is None, _step(vm.memory_bytes, rounding), held, rate


def _step(value: float, rounding: float) -> float:
    """To the nearest power of ``rounding``; less than a MiB is none: 0.4 MiB -> 0, 100 MiB by 1.25 -> 108 MiB."""
    return 0.0 if value < MIB else MIB * rounding ** round(math.log(value / MIB, rounding))


def shutdown(vm: VMFact, limit_s: float) -> tuple[float, float]:
    """Expected seconds and p90: a guest that does not listen takes the whole limit."""
    return min(SHUTDOWN_S, limit_s), limit_s


def suspend(vm: VMFact) -> tuple[float, float]:
    seconds = 5.0 + _held(vm) / SAVE_SPEED
    return seconds, 2 * seconds


def start(vm: VMFact) -> tuple[float, float]:
    return START_S, 2 * START_S
