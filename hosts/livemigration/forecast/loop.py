"""QEMU's pre-copy loop, played forward for one form of writing. Pure.

As the source of 7.2 has it, same shape in 10.2: memory goes in windows of 100 ms. When what remains is below the
threshold (throughput of the last window x the longest pause) the bitmap is synced. Still below: the guest stops and the
rest follows without a cap. Above: the next pass begins.

    X = 117 MiB, B = 60 MiB/s, 300 ms (18 MiB): 1.7 s later 15 MiB are left; 40 MiB/s in order make 83 of it; and so on
"""

import math
from dataclasses import dataclass

from hosts.livemigration.forecast.pages import Form

WINDOW_S = 0.1
#: nobody waits longer: a migration that needs more does not converge, as people use the word
HORIZON_S = 300.0
#: passes without a new least remainder after which none is to be hoped for
_PATIENCE = 12
#: auto-converge renews its throttle at syncs at least this far apart
_RATE_PERIOD_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How the loop runs. ``speed`` bytes/s; ``jitter``: how far the 100 ms bandwidth strays, as a share;
    ``sync_s``: what a sync adds to a pass, where no cap leaves idle time for it.

    ``cheap_from``, ``cost``: from this pass on a page costs this share of itself (XBZRLE). ``throttle``: first step and
    increment of auto-converge; ``busy``: the share of a vCPU that the guest uses: throttling takes the idle rest first.
    """

    speed: float
    limit_s: float
    jitter: float = 0.0
    sync_s: float = 0.0
    cheap_from: int = 0
    cost: float = 1.0
    cheap_speed: float = 0.0
    throttle: tuple[int, int] | None = None
    busy: float = 1.0
    last_pass: int | None = None  # post-copy takes over where this pass would begin


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where the loop ended, seconds and bytes counted from where it began. ``converged``: by itself."""

    converged: bool
    seconds: float
    sent: float
    left: float
    passes: int


@dataclass(slots=True)
class Noise:
    """A sequence in (-1, 1) that is the same each time: the golden ratio's, which fills evenly."""

    phase: float

    def next(self) -> float:
        self.phase = (self.phase + 0.6180339887498949) % 1.0
        return 2.0 * self.phase - 1.0


@dataclass(slots=True)
class Loop:
    """One run. ``dirty``: bytes dirty in each class of the form; ``other``: dirty bytes outside of it, sent once;
    ``zeros``: bytes QEMU believes to remain that are zero pages, which cost nothing but count against the threshold;
    ``density``: the non-zero share of the memory that the first pass goes through.
    """

    form: Form
    pacing: Pacing
    noise: Noise
    dirty: list[float]
    other: float = 0.0
    zeros: float = 0.0
    density: float = 1.0
    number: int = 1
    elapsed_s: float = 0.0  # in this pass, before the run began
    seconds: float = 0.0
    sent: float = 0.0
    percent: int = 0
    above: int = 0
    stale: int = 0  # passes that left no less than the least so far
    wrapped: bool = False
    at_sync: bool = False  # nothing of this pass is sent: it may be over before it begins

    def play(self) -> End:
        """Run to the end, or until there is none to be hoped for."""
        if self.at_sync and self.remaining <= self._threshold():
            return self._end(converged=True)
        least = math.inf
        while self.seconds < HORIZON_S:
            if self.pacing.last_pass is not None and self.number >= self.pacing.last_pass:
                return self._end(converged=True)
            began_with = self.remaining
            threshold = self._threshold()
            took = self._send(threshold)
            self._sync(took, began_with)
            if self.remaining <= threshold:
                return self._end(converged=True)
            self.zeros = 0.0
            self.stale = 0 if self.remaining < 0.98 * least else self.stale + 1
            least = min(least, self.remaining)
            if self.stale > _PATIENCE and (self.pacing.throttle is None or self.percent >= 99):
                break
        return self._end(converged=False)

    @property
    def remaining(self) -> float:
        """As QEMU counts it."""
        return sum(self.dirty) + self.other + self.zeros

    def _end(self, *, converged: bool) -> End:
        left = sum(self.dirty) + self.other
        return End(converged=converged, seconds=self.seconds, sent=self.sent, left=left, passes=self.number)

    def _threshold(self) -> float:
        strays = 1.0 + self.pacing.jitter * self.noise.next()
        return self.pacing.speed * self.pacing.limit_s * strays

    def _send(self, threshold: float) -> float:
        """Send until the remainder falls below the threshold; the seconds it took."""
        pacing = self.pacing
        cheap = pacing.cheap_from and self.number >= pacing.cheap_from
        speed = min(pacing.speed / pacing.cost, pacing.cheap_speed) if cheap else pacing.speed
        real = sum(self.dirty) + self.other
        chunk = speed * WINDOW_S
        if self.number == 1:
            size = real - self._tail(chunk, threshold)
        else:
            size = min(real, chunk * max(1, math.ceil((real - threshold) / chunk)))
        seconds = max(0.01, size / speed) + pacing.sync_s
        # A pass goes on where the last one stopped: what that left behind goes first.
        tail = min(size, self.other) if self.number > 1 else size * self.other / real if real > 0 else 0.0
        inside = sum(self.dirty)
        keep = 1.0 - (size - tail) / inside if inside > 0 else 0.0
        self.dirty = [each * keep for each in self.dirty]
        self.other -= tail
        self.sent += size * (pacing.cost if cheap else 1.0)
        self.seconds += seconds
        return seconds

    def _tail(self, chunk: float, threshold: float) -> float:
        """Non-zero bytes left where the first pass ends. Its last pages are mostly zero: they go at no cost, yet count.

        An idle guest under 100 MiB/s with 300 ms to pause: 30 MiB may remain, all but 9 of them zero. Source:
        migration.md, section 4 (the idle guest's error of 202 ms); the share is V0 over the whole size.
        """
        remains = max(0.0, threshold - chunk * 0.5 * (1.0 + self.noise.next()) / self.density)
        real = self.density * max(0.0, remains - self.zeros)
        self.zeros = remains - real
        return min(real, self.other)

    def _sync(self, took: float, began_with: float) -> None:
        seconds = took + self.elapsed_s
        self.elapsed_s = 0.0
        pace = min(1.0, (1.0 - self.percent / 100.0) / self.pacing.busy)
        before = sum(self.dirty)
        self.dirty = [
            dirty + kind.fresh(dirty, seconds, pace=pace, wrapped=self.wrapped)
            for dirty, kind in zip(self.dirty, self.form.classes, strict=True)
        ]
        self.wrapped = sum(self.dirty) >= 0.98 * self.form.size
        self.number += 1
        if self.pacing.throttle is not None and self.number > 2 and seconds >= _RATE_PERIOD_S:
            self._squeeze(sum(self.dirty) - before, began_with)

    def _squeeze(self, fresh: float, began_with: float) -> None:
        """Auto-converge: at every second sync that finds more than half of what was sent dirty again, one step up."""
        first, step = self.pacing.throttle or (0, 0)
        self.above += fresh > 0.5 * began_with
        if self.above >= 2:
            self.above = self.stale = 0
            self.percent = min(99, self.percent + step if self.percent else first)
