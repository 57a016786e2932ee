"""Which pages a guest dirties: f(T), the bytes of distinct pages written in T seconds. Pure.

A constant dirty rate is wrong on KVM: pages written twice between two syncs are sent once. What counts is f(T), concave
and never above the working set W (migration.md section 3). Three forms, each from W and a write rate r:

    sequential    f(T) = min(r T, W)                 a log, a scan, a garbage collector
    exponential   f(T) = W (1 - exp(-r T / W))       writes at random places
    hot and cold  a tenth of W takes nine tenths of the writes, the rest the other tenth; each part exponential

    r = 46 MiB/s, W = 100 MiB: f(1 s) = 46, 37, 14 MiB; f(4 s) = 100, 84, 27 MiB
"""

import math
from dataclasses import dataclass

from hosts.livemigration.forecast.records import MIB

#: of what a pass left, the share that a writer in order which came round dirties once more: the mean of nine recorded
MET = 0.8


@dataclass(frozen=True, slots=True)
class Class:
    """Pages that are written alike: ``size`` bytes in all, ``rate`` bytes of writes per second."""

    size: float
    rate: float
    in_order: bool = False

    def fresh(self, dirty: float, seconds: float, *, pace: float = 1.0, wrapped: bool = False) -> float:
        """Clean pages of the class dirtied in ``seconds``, while ``dirty`` bytes of it are dirty already.

        A writer in order goes on behind what it wrote last, and the sender leaves the last of that: they don't meet.
        Only after an interval in which it went all the way round (``wrapped``) does it meet what is left, anywhere.
        """
        clean = self.size - dirty
        if clean <= 0.0:
            return 0.0
        written = self.rate * pace * seconds
        if self.in_order:
            met = MET * dirty * min(1.0, written / self.size) if wrapped else 0.0
            return min(clean, written - met)
        return clean * -math.expm1(-written / self.size)


@dataclass(frozen=True, slots=True)
class Form:
    """A way of writing: its classes, and what it is called."""

    name: str
    size: float
    rate: float
    classes: tuple[Class, ...]

    @property
    def in_order(self) -> bool:
        return self.classes[0].in_order

    def dirtied(self, seconds: float) -> float:
        """f(T)."""
        first, *others = self.classes
        found = first.fresh(0.0, seconds)
        for each in others:
            found += each.fresh(0.0, seconds)
        return found

    def fresh(self, left: float, seconds: float) -> float:
        """Fresh bytes in an interval at whose end ``left`` bytes of the form were still dirty, spread evenly."""
        share = min(1.0, left / self.size)
        return sum(each.fresh(share * each.size, seconds) for each in self.classes)

    def full(self, seconds: float) -> bool:
        """Whether ``seconds`` suffice to dirty all of it, near enough."""
        return self.dirtied(seconds) >= 0.98 * self.size


def sequential(size: float, rate: float) -> Form:
    return Form("sequential", size, rate, (Class(size, rate, in_order=True),))


def exponential(size: float, rate: float) -> Form:
    return Form("exponential", size, rate, (Class(size, rate),))


def hot_and_cold(size: float, rate: float) -> Form:
    hot = Class(0.1 * size, 0.9 * rate)
    return Form("hot and cold", size, rate, (hot, Class(0.9 * size, 0.1 * rate)))


FORMS = (sequential, exponential, hot_and_cold)
#: the least working set worth the name
SMALLEST = 0.5 * MIB


def floor(form: Form, speed: float, pace: float = 1.0) -> float:
    """The pre-copy floor X* = f(X* / B): what every pass leaves, once they shrink no more. In bytes.

    By iteration from W down: f is concave, so it falls to the greatest fixed point; below one page it is 0.

    W = 100 MiB at random, r = 80 MiB/s, B = 60 MiB/s: X* = 44 MiB; in order: 100 MiB; r = 40 in order: 0.
    """
    if speed <= 0.0:
        return form.size
    left = form.size
    for _ in range(200):
        after = sum(each.fresh(0.0, left / speed, pace=pace) for each in form.classes)
        if after < 4096:
            return 0.0
        if after > 0.999 * left:
            break
        left = after
    return left
