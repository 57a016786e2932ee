"""Where a plan stands against its forecast: pure arithmetic on spans of work. Seconds count from the plan's start.

The measure of work is the forecast itself: a piece that was foretold to take 40 s is 40 units, done in part while it
runs. The place on the forecast's curve where as much was to be done as is done now says how far the plan really is;
its distance from the time that has passed is the pace. A tenth of the forecast is added to both as a prior, so that
the first VM does not decide it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: of the whole forecast, added to what passed and to what was done, s
PRIOR_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One move, or one host's work: when it was to be, and when it was."""

    expected_start_s: float
    expected_s: float
    started_s: float | None = None
    ended_s: float | None = None

    def foretold(self, at_s: float) -> float:
        """How much of it was to be done by ``at_s``: 0 to ``expected_s``."""
        return min(max(at_s - self.expected_start_s, 0.0), self.expected_s)

    def done(self, at_s: float) -> float:
        """How much of it is done: all once it has ended; while it runs at most nine tenths, since it has not ended."""
        if self.ended_s is not None:
            return self.expected_s
        if self.started_s is None:
            return 0.0
        return min(max(at_s - self.started_s, 0.0), 0.9 * self.expected_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``finish_s``: when it ends at this pace, after the start; None where nothing was foretold."""

    elapsed_s: float
    expected_s: float | None
    finish_s: float | None
    done: int
    total: int
    window_s: float | None = None  # when the window ends, after the start

    @property
    def late_s(self) -> float | None:
        """By how much the window is missed; negative: so much is to spare. None without window or forecast."""
        if self.finish_s is None or self.window_s is None:
            return None
        return self.finish_s - self.window_s

    @property
    def left_s(self) -> float | None:
        return None if self.finish_s is None else max(0.0, self.finish_s - self.elapsed_s)


def finish(pieces: Sequence[Piece], elapsed_s: float, *, expected_s: float) -> float:
    """When all is done at this pace, s after the start. Never before now; the forecast itself where nothing is late.

    Half of 100 s done at 50 s -> 100; a quarter done at 50 s -> later: about 50 + 75 * 60/35.
    """
    total = sum(piece.expected_s for piece in pieces)
    done = sum(piece.done(elapsed_s) for piece in pieces)
    if total <= 0:
        return max(elapsed_s, expected_s)
    place = _place(pieces, done, end_s=expected_s)
    prior = PRIOR_SHARE * expected_s
    rate = (elapsed_s + prior) / (place + prior) if place + prior > 0 else 1.0
    return elapsed_s + max(0.0, expected_s - place) * min(max(rate, 0.7), 10.0)


def _place(pieces: Sequence[Piece], done: float, *, end_s: float) -> float:
    """The moment of the forecast at which ``done`` was to be done, by bisection: the curve never falls."""
    low, high = 0.0, end_s
    if sum(piece.foretold(high) for piece in pieces) <= done:
        return high
    for _ in range(40):
        middle = (low + high) / 2
        if sum(piece.foretold(middle) for piece in pieces) < done:
            low = middle
        else:
            high = middle
    return low
