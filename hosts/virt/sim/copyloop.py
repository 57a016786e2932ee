"""QEMU's pre-copy loop, as its source has it (7.2; same shape in 10.2; migration.md section 3). No world in here.

Memory is sent in windows of 100 ms under a cap, of 50 ms without. At the start of a window the *estimated* remaining
bytes are held against the threshold, bandwidth of the last window x downtime limit: below it the bitmap is synced; if
the true remaining bytes are below it too, the guest stops and the rest follows, else the next pass begins.
"""

from dataclasses import dataclass, field
from enum import Enum
from random import Random

from hosts.virt.sim.memory import DirtyPages

CAPPED_WINDOW_S = 0.1
FREE_WINDOW_S = 0.05
#: a zero page travels as a header of 9 bytes
_ZERO_PAGE_COST = 9.0 / 4096.0
#: QEMU renews the dirty rate, and throttles, at syncs at least this far apart
_RATE_PERIOD_S = 1.0
_FIRST_THROTTLE, _THROTTLE_STEP, _MOST_THROTTLE = 20, 10, 99


class Verdict(Enum):
    """What a window's start decided."""

    GO_ON = "go on"
    NEXT_PASS = "next pass"  # noqa: S105 - a pass over memory
    SWITCH_OVER = "switch over"


@dataclass(slots=True, kw_only=True)
class CopyLoop:
    """One migration's copying. ``memory_bytes`` is all of the guest's memory, ``pages`` its non-zero part."""

    pages: DirtyPages
    memory_bytes: int
    noise: Random
    limit_ms: int = 300
    level: float = 1.0  # how hard the guest works, as a multiple of its mean
    utilisation: float = 1.0  # of a vCPU, 0 to 1
    auto_converge: bool = False
    delta_share: float = 1.0  # XBZRLE: bytes on the wire for each byte of a page that was sent before

    iteration: int = 0
    sent: float = 0.0  # bytes of non-zero pages, as differences where they travel so
    bandwidth: float = 0.0  # as QEMU measured the last window, bytes per second
    dirty_rate: float = 0.0  # bytes per second, as of the last sync that renewed it
    throttle: int = 0
    synced_at: float = 0.0
    remaining_at_sync: float = 0.0
    _touched: float = field(init=False)
    _first_pass_sent: float = 0.0
    _renewed_at: float = 0.0
    _period_fresh: float = 0.0
    _period_sent: float = 0.0
    _above: int = 0

    def __post_init__(self) -> None:
        self._touched = max(1.0, self.pages.remaining)
        self.remaining_at_sync = float(self.memory_bytes)

    def begin(self, t: float) -> None:
        """The first pass starts: everything is dirty."""
        self.iteration = 1
        self.synced_at = self._renewed_at = t

    @property
    def first_pass_share(self) -> float:
        """How much of the first pass is done, 0 to 1."""
        return 1.0 if self.iteration > 1 else min(1.0, self._first_pass_sent / self._touched)

    @property
    def remaining(self) -> float:
        """Bytes QEMU believes to be left; zero pages count in the first pass, though they cost next to nothing."""
        if self.iteration > 1:
            return self.pages.remaining
        return max(0.0, self.memory_bytes * (1.0 - self.first_pass_share))

    @property
    def cost(self) -> float:
        """Bytes on the wire for each byte of dirty memory: pages travel whole the first time."""
        return self.delta_share if self.iteration > 1 else 1.0

    @property
    def zero_bytes(self) -> float:
        """Zero pages passed over so far."""
        return max(0.0, self.memory_bytes - self._touched) * self.first_pass_share

    @property
    def processed(self) -> float:
        """Bytes on the wire."""
        return self.sent * 1.002 + self.zero_bytes * _ZERO_PAGE_COST

    @property
    def threshold(self) -> float:
        return self.bandwidth * self.limit_ms / 1000.0

    @property
    def expected_downtime_ms(self) -> int:
        """Remaining bytes at the last sync over the bandwidth; the limit itself until there was a sync."""
        if self.iteration < 2 or self.bandwidth <= 0.0:
            return self.limit_ms
        return round(1000.0 * self.remaining_at_sync / self.bandwidth)

    @property
    def slowdown(self) -> float:
        """The guest's write rate against its mean: throttling bites only once it takes time the guest would use."""
        if self.throttle <= 0:
            return self.level
        return self.level * min(1.0, (1.0 - self.throttle / 100.0) / max(0.01, self.utilisation))

    def decide(self, t: float) -> Verdict:
        """The start of a window at ``t``."""
        if self.remaining > self.threshold:
            return Verdict.GO_ON
        self.sync(t)
        return Verdict.SWITCH_OVER if self.pages.remaining <= self.threshold else Verdict.NEXT_PASS

    def send(self, rate: float, window: float) -> float:
        """Send for a window at ``rate`` bytes per second; returns its length in seconds, shorter where all is sent."""
        size = self.pages.send(rate * window / self.cost) * self.cost
        self.sent += size
        self._period_sent += size
        if self.iteration == 1:
            self._first_pass_sent += size
        self.bandwidth = rate * self.noise.uniform(0.96, 1.08)
        return window if rate <= 0.0 or size >= rate * window * 0.999 else max(0.002, size / rate)

    def sync(self, t: float) -> None:
        """Merge the dirty log: a new pass begins."""
        fresh = self.pages.sync(t - self.synced_at, self.slowdown)
        self.synced_at = t
        self.iteration += 1
        self.remaining_at_sync = self.pages.remaining
        self._period_fresh += fresh
        if t - self._renewed_at >= _RATE_PERIOD_S:
            self.dirty_rate = self._period_fresh / (t - self._renewed_at)
            self._maybe_throttle()
            self._renewed_at, self._period_fresh, self._period_sent = t, 0.0, 0.0

    def _maybe_throttle(self) -> None:
        """Two periods that dirtied over half of what they sent: one step more, 20, 30 … 99 %."""
        if not self.auto_converge or self._period_fresh <= 0.5 * self._period_sent:
            return
        self._above += 1
        if self._above >= 2:
            self._above = 0
            self.throttle = min(_MOST_THROTTLE, self.throttle + _THROTTLE_STEP if self.throttle else _FIRST_THROTTLE)
