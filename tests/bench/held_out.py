"""Workloads that Adaptive was never tuned on: drawn by rule from a fixed list of seeds, tried once they are drawn.

Sizes, rates, patterns, lines, caps and budgets come from ranges, not from a hand: a guest of half to sixteen GiB of
which a tenth to nine tenths are touched, one to three hot parts that dirty a twentieth to twice of what the line takes,
in order or at random. The seeds share nothing with those of the simulator's own tests. Do not tune on them: where
Adaptive loses here, mend its rule, and then draw from seeds that are new.
"""

import math
import random

from tests.bench.workloads import Hot, Workload

SEEDS = tuple(range(70_001, 70_025))
#: drawn harder: they dirty half to twice of what the line or the cap takes, and budgets are tight
HARD_SEEDS = tuple(range(80_001, 80_025))


def draw(seed: int, *, hard: bool = False) -> Workload:
    """The workload of one seed: the same each time."""
    chance = random.Random(seed)
    memory = 512.0 * 2 ** chance.randint(0, 5)
    line = _between(chance, 24, 1100)
    touched = memory * chance.uniform(0.1, 0.9)
    cap = line * chance.uniform(0.15, 0.9) if chance.random() < 0.4 else None
    hot = _hot(chance, touched, cap or line, least=0.5 if hard else 0.05)
    return Workload(
        name=f"held out {seed}",
        memory=memory,
        touched=touched,
        hot=hot,
        cpu=chance.uniform(0.1, 1.0),
        line=line,
        shaped=chance.random() < 0.3,
        cap=cap,
        budget_ms=round(_between(chance, 100, 500 if hard else 2000)),
        contended=chance.random() < 0.1,
        postcopy=chance.random() < 0.5,
        known=chance.random() < 0.7,
    )


def _hot(chance: random.Random, touched: float, speed: float, *, least: float) -> tuple[Hot, ...]:
    parts = chance.randint(1, 3)
    rates = _between(chance, least, 2.0) * speed
    return tuple(
        Hot(
            mib=touched * _between(chance, 0.02, 0.9) / parts,
            rate=rates * chance.uniform(0.5, 1.5) / parts,
            in_order=chance.random() < 0.4,
        )
        for _ in range(parts)
    )


def _between(chance: random.Random, low: float, high: float) -> float:
    """As likely in one octave as in the other."""
    return math.exp(chance.uniform(math.log(low), math.log(high)))


HELD_OUT: tuple[Workload, ...] = (
    *(draw(seed) for seed in SEEDS),
    *(draw(seed, hard=True) for seed in HARD_SEEDS),
)
