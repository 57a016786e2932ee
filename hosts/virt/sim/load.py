"""Load that wanders believably and costs nothing while nobody looks.

A guest's activity is a sum of cosines (a day, some tens of minutes, minutes, seconds) with phases of its own, so that
both its value now and its integral since the last look have a closed form: no guest is ever stepped.
"""

import math
import random
from dataclasses import dataclass

_DAY_S = 86_400.0
#: periods in seconds, and the share of the mean that each may swing; the shares sum to 0.94, so load stays above zero
_WAVES = ((_DAY_S, 0.34), (2_220.0, 0.22), (438.0, 0.16), (71.0, 0.14), (13.0, 0.08))
#: the busiest a wave can be, as a multiple of its mean
PEAK = 1.0 + sum(share for _, share in _WAVES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wander:
    """Activity around a mean of 1, always between 0.06 and 1.94."""

    waves: tuple[tuple[float, float, float], ...]  # share, angular frequency (1/s), phase

    def value(self, t: float) -> float:
        """Activity at ``t`` seconds of the world's time."""
        return 1.0 + sum(share * math.cos(omega * t + phase) for share, omega, phase in self.waves)

    def integral(self, start: float, end: float) -> float:
        """Activity summed from ``start`` to ``end``; never negative."""
        area = end - start
        for share, omega, phase in self.waves:
            area += share / omega * (math.sin(omega * end + phase) - math.sin(omega * start + phase))
        return max(0.0, area)


def make_wander(rng: random.Random, *, noon_s: float = 0.0) -> Wander:
    """A guest's own curve: busiest within about three hours of ``noon_s`` (world time of 14:00), the rest at random."""
    waves = []
    for period, share in _WAVES:
        omega = 2.0 * math.pi / (period if period == _DAY_S else period * rng.uniform(0.7, 1.4))
        peak = noon_s + rng.gauss(0.0, 3_600.0) if period == _DAY_S else rng.uniform(0.0, period)
        waves.append((share, omega, -omega * peak))
    return Wander(waves=tuple(waves))


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a guest uses on average while it runs: CPU seconds per second over all vCPUs, bytes per second."""

    cpu: float = 0.1
    net_rx: float = 50_000.0
    net_tx: float = 40_000.0
    disk_read: float = 30_000.0
    disk_write: float = 60_000.0


@dataclass(slots=True, kw_only=True)
class Meter:
    """Counters of one QEMU process, brought up to date only when read. ``level`` scales all; 0 is a standing guest."""

    cpu_wave: Wander
    io_wave: Wander
    means: Means
    since: float = 0.0
    level: float = 0.0
    cpu_s: float = 0.0
    io: float = 0.0  # seconds of average input and output, of which every byte counter is a multiple

    def reach(self, t: float) -> None:
        """Count up to ``t``."""
        if self.level > 0.0 and t > self.since:
            self.cpu_s += self.level * self.means.cpu * self.cpu_wave.integral(self.since, t)
            self.io += self.level * self.io_wave.integral(self.since, t)
        self.since = max(self.since, t)

    def set_level(self, t: float, level: float) -> None:
        """From ``t`` on the guest works at ``level`` times its mean."""
        self.reach(t)
        self.level = level

    def restart(self, t: float, level: float) -> None:
        """A new QEMU process: its counters begin at zero, on a migration's destination too."""
        self.cpu_s = self.io = 0.0
        self.since, self.level = t, level
