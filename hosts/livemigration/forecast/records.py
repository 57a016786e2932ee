"""What the forecast is made of and what it says. Bytes, bytes per second, seconds from the start; pauses in ms."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtySample:
    """One dirty-rate measurement by page sampling: ``rate`` bytes/s over ``seconds``, of ``pages`` sampled pages.

    ``pages`` None: libvirt's default, 512 a GiB of guest memory. Through QMP up to 16384 a GiB.
    """

    seconds: float
    rate: float
    pages: int | None = None


#: f(T) is measured over so many seconds, and over so many where the first says that it matters
SHORT_S, LONG_S = 1, 4


def samples(short: float | None, long: float | None) -> tuple[DirtySample, ...]:
    """What was measured, in bytes/s: over a second, over four; None: not."""
    told = ((SHORT_S, short), (LONG_S, long))
    return tuple(DirtySample(seconds=float(seconds), rate=rate) for seconds, rate in told if rate is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """The guest before the start. ``load``: the source host's load of the last minute, None where unknown."""

    memory_bytes: int
    rss_bytes: int | None = None
    dirty: tuple[DirtySample, ...] = ()
    load: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the migration may take and how it goes. Rates in bytes/s.

    ``line``: the raw rate of the link, where it is known; ``cap``: the bandwidth asked for; None: none.
    ``postcopy_at``: post-copy is ordered at the beginning of this pass; None: pre-copy to the end.
    """

    cap: float | None = None
    line: float | None = None
    max_downtime_ms: int = 300
    xbzrle: bool = False
    compress_threads: int = 0  # the old multi-thread compression, gone since QEMU 9.1
    connections: int = 1
    auto_converge: tuple[int, int] | None = None  # the first throttle and its step, in percent
    postcopy_at: int | None = None
    postcopy_cap: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What the guest dirtied between two syncs of the bitmap: ``fresh`` bytes of pages that were clean before.

    ``left``: bytes that were still dirty at the second sync, which a write can't make dirty once more.
    ``first``: the interval is the first pass, whose rest lies mostly outside the working set.
    """

    seconds: float
    fresh: float
    left: float = 0.0
    first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A running migration at one instant, as its readings tell it.

    ``elapsed_s`` since the start, ``in_pass_s`` since the last sync; ``speed`` bytes/s over the passes so far;
    ``remaining`` None: a sync was heard of but not yet read, it closed a pass of ``last_pass_s``.
    ``postcopy``: the guest already runs on the destination. ``sent``: bytes of guest memory so far.
    """

    elapsed_s: float
    iteration: int
    in_pass_s: float
    remaining: float | None
    speed: float
    sent: float = 0.0
    last_pass_s: float = 0.0
    throttle: int = 0
    max_downtime_ms: int | None = None
    cap: float | None = None
    postcopy: bool = False
    intervals: tuple[Interval, ...] = ()


class Verdict(Enum):
    """Whether it ends by itself."""

    YES = "yes"
    UNCERTAIN = "uncertain"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A median with the range that holds nine in ten."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What is to come. ``seconds`` and ``bytes`` count from the start; None: it does not end by itself.

    ``pause_ms``: the guest stands still, from SUSPENDED on the source to RESUMED on the destination.
    ``floor_bytes``: the least that pre-copy ever leaves, X*; ``least_pause_ms``: the pause which that costs.
    ``dirty_rate`` (over one second) and ``speed`` say why, in bytes/s.
    """

    verdict: Verdict
    probability: float
    seconds: Range | None
    bytes: Range | None
    pause_ms: Range | None
    passes: Range | None
    floor_bytes: float
    least_pause_ms: float
    dirty_rate: float
    speed: float
    forms: dict[str, float] = field(default_factory=dict)


def verdict(probability: float) -> Verdict:
    """Yes from 0.8 on, no below 0.2, else uncertain."""
    if probability >= 0.8:
        return Verdict.YES
    return Verdict.NO if probability < 0.2 else Verdict.UNCERTAIN


def spread(values: Sequence[float], weights: Sequence[float], *, tails: float = 0.05) -> Range:
    """The weighted median of ``values``, and what lies between the lowest and the highest ``tails`` of the weight."""
    ordered = sorted(zip(values, weights, strict=True))
    total = sum(weights)
    return Range(
        low=_quantile(ordered, tails * total),
        median=_quantile(ordered, 0.5 * total),
        high=_quantile(ordered, (1 - tails) * total),
    )


def _quantile(ordered: Sequence[tuple[float, float]], below: float) -> float:
    gone = 0.0
    for value, weight in ordered:
        gone += weight
        if gone >= below:
            return value
    return ordered[-1][0]
