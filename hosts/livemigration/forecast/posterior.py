"""How the guest writes, judged from what is known: forms of f(T) with their probabilities. Pure.

A grid of (form, W, r) is weighed with the prior and the likelihood of each measurement, and made finer where the
weight is. Page sampling is a count: of N sampled pages k were found changed, so its error is binomial and known:

    f(1 s) = 80 MiB of 512, N = 256: k = 40 +- 5.8, so 80 +- 12 MiB; with N = 8192 +- 2 MiB
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hosts.livemigration.forecast.constants import Constants
from hosts.livemigration.forecast.pages import FORMS, MET, SMALLEST, Form
from hosts.livemigration.forecast.records import MIB, DirtySample, Guest, Interval

Make = Callable[[float, float], Form]

#: of guests that dirty at all, those that rewrite nearly all they hold beside their own system
_WHOLE = 0.6
#: libvirt's default, pages a GiB
_PAGES_PER_GIB = 512
#: the guest is not as steady as its form: spread of f between one interval and the next
_UNSTEADY_BEFORE, _UNSTEADY_RUNNING = 0.04, 0.03
_BLUR = 1.0 * MIB
#: of nine recorded writers that came round, eight met what the pass had left
_MEETS = 0.8
#: steps of the first grid: rates, where something of them is known and where nothing is, and sizes
_RATE_STEP, _BLIND_STEP, _SIZE_STEP = 1.3, 1.6, 1.7
#: a measurement may be of another time, when the guest did something else
_OUTDATED = 0.03
_KEEP = 12


@dataclass(slots=True)
class Particle:
    """One form with its share of the belief. ``size_step`` and ``rate_step``: its cell of the grid."""

    make: Make
    form: Form
    prior: float  # logarithm, the cell's size included
    size_step: float
    rate_step: float
    log_weight: float = 0.0
    weight: float = 0.0


def nonzero_bytes(guest: Guest, constants: Constants) -> float:
    """V0: what the first pass sends: RSS less QEMU's own; without RSS, half of the memory is as good a guess as any."""
    if guest.rss_bytes is None:
        return 0.5 * guest.memory_bytes
    return min(float(guest.memory_bytes), max(8.0 * MIB, guest.rss_bytes - constants.rss_overhead))


def weigh(
    guest: Guest, constants: Constants, intervals: Sequence[Interval] = (), *, rounds: int | None = None
) -> list[Particle]:
    """Forms with weights that sum to 1, the likeliest first."""
    particles = list(_grid(guest, constants, intervals)) or list(_grid(guest, constants, ()))
    _judge(particles, guest, intervals)
    for _ in range(rounds if rounds is not None else 2):
        best, rest = particles[:_KEEP], particles[_KEEP:]
        particles = [each for each in rest if each.weight > 1e-3] + [fine for each in best for fine in _finer(each)]
        _judge(particles, guest, intervals)
    return particles


def _grid(guest: Guest, constants: Constants, intervals: Sequence[Interval]) -> Iterator[Particle]:
    rates, rate_step = _rates(guest.dirty, intervals)
    if intervals:  # what the newest pass left was written: no smaller a set, no slower a writer will do
        least = intervals[-1]
        rates = [rate for rate in rates if rate > 0.8 * least.fresh / least.seconds]
    for size, log_prior, step in _sizes(guest, constants):
        if intervals and size * step < intervals[-1].fresh:
            continue
        for rate in rates:
            for make in FORMS:
                form = make(size, rate)
                # Writes that hit pages written within the same second are not seen by anybody: the more of them a
                # form needs, the less likely it is.
                hidden = math.log(form.dirtied(1.0) / rate)
                yield Particle(make, form, log_prior + hidden, step, rate_step)


def _sizes(guest: Guest, constants: Constants) -> Iterator[tuple[float, float, float]]:
    """Working sets with the logarithm of their prior and the factor to the next.

    Half a guess, half none: that the guest rewrites all it holds beside its own system, or any part of it.
    """
    most = nonzero_bytes(guest, constants)
    whole = most - constants.quiet
    sd = math.hypot(constants.rss_overhead_sd, constants.quiet_sd)
    if whole > 2 * sd:
        for away in (-1.5, -0.75, 0.0, 0.75, 1.5):
            yield whole + away * sd, math.log(_WHOLE * 0.3) - away**2 / 2, 1.0 + 0.75 * sd / whole
    free = [size for n in range(40) if (size := 2 * MIB * _SIZE_STEP**n) < most]
    for size in free:
        yield size, math.log((1 - _WHOLE) / len(free)), _SIZE_STEP


def _rates(samples: Sequence[DirtySample], intervals: Sequence[Interval]) -> tuple[list[float], float]:
    """Write rates to consider, and the factor from one to the next: from somewhat below what was seen to far above."""
    seen = [each.rate for each in samples] + [each.fresh / each.seconds for each in intervals]
    known = [max(rate, 0.5 * MIB) for rate in seen]
    low, high = (0.4 * min(known), 8.0 * max(known)) if known else (MIB, 1024.0 * MIB)
    step = _RATE_STEP if known else _BLIND_STEP
    count = 1 + math.ceil(math.log(high / low) / math.log(step))
    return [low * step**n for n in range(count)], step


def _finer(particle: Particle) -> Iterator[Particle]:
    """Nine cells in the place of one."""
    size_step, rate_step = particle.size_step ** (1 / 3), particle.rate_step ** (1 / 3)
    prior = particle.prior - math.log(9)
    for up in (-1, 0, 1):
        size = max(SMALLEST, particle.form.size * size_step**up)
        for faster in (-1, 0, 1):
            form = particle.make(size, particle.form.rate * rate_step**faster)
            yield Particle(particle.make, form, prior, size_step, rate_step)


def _judge(particles: list[Particle], guest: Guest, intervals: Sequence[Interval]) -> None:
    for each in particles:
        likely = sum(_sampled(each.form, sample, guest.memory_bytes) for sample in guest.dirty)
        each.log_weight = each.prior + likely + _dirtied(each.form, intervals)
    top = max(each.log_weight for each in particles)
    for each in particles:
        each.weight = math.exp(each.log_weight - top)
    total = sum(each.weight for each in particles)
    for each in particles:
        each.weight /= total
    particles.sort(key=lambda each: -each.weight)


def _sampled(form: Form, sample: DirtySample, memory: int) -> float:
    """Log-likelihood of a page sampling. QEMU cuts its rate down to whole MiB/s: half of one is added back."""
    dirtied = min(form.dirtied(sample.seconds), 0.98 * memory)
    pages = sample.pages or max(1, round(_PAGES_PER_GIB * memory / 2**30))
    share = max(dirtied / memory, 0.5 / pages)
    binomial = memory * math.sqrt(share * (1 - share) / pages)
    cut = MIB * sample.seconds / math.sqrt(12)
    sd = math.sqrt(binomial**2 + cut**2 + (_UNSTEADY_BEFORE * dirtied) ** 2)
    measured = (sample.rate + 0.5 * MIB) * sample.seconds
    density = math.exp(-(((measured - dirtied) / sd) ** 2) / 2) / sd
    return math.log((1 - _OUTDATED) * density + _OUTDATED / memory)


def _dirtied(form: Form, intervals: Sequence[Interval]) -> float:
    """Log-likelihood of what the intervals between syncs left dirty."""
    likely, wrapped = 0.0, False
    for seen in intervals:
        likely += math.log(_plausible(form, seen, wrapped=wrapped))
        wrapped = form.full(seen.seconds)
    return likely


def _plausible(form: Form, seen: Interval, *, wrapped: bool) -> float:
    """The density of what one interval left dirty. After a round trip a writer in order meets what was left, or not:

    r = 40 MiB/s, W = 100 MiB, 1.5 s, 12 MiB left: 50 +- 4 MiB are fresh with a chance of 0.8, else 60 MiB.
    """
    dirtied = form.dirtied(seen.seconds)
    if seen.first:
        density = _normal(seen.fresh, dirtied)
    elif wrapped and form.in_order:
        chance = max(_MEETS, dirtied / form.size)
        clean = max(0.0, form.size - seen.left)
        met = min(clean, max(0.0, dirtied - MET * seen.left))
        density = chance * _normal(seen.fresh, met, 0.3 * seen.left)
        density += (1 - chance) * _normal(seen.fresh, min(dirtied, clean))
    else:
        density = _normal(seen.fresh, form.fresh(seen.left, seen.seconds))
    # Three parts in a hundred for what no form foresees, so that one odd pass does not overrule all the others.
    return 0.97 * density + 0.03 / (100.0 * MIB)


def _normal(measured: float, expected: float, doubt: float = 0.0) -> float:
    sd = math.hypot(_UNSTEADY_RUNNING * expected, _BLUR, doubt)
    return math.exp(-(((measured - expected) / sd) ** 2) / 2) / sd


def draw(particles: Sequence[Particle], count: int) -> list[Form]:
    """``count`` forms, each as often as its weight says (systematic resampling)."""
    drawn: list[Form] = []
    gone, each = 0.0, iter(particles)
    current = next(each)
    for n in range(count):
        while gone + current.weight < (n + 0.5) / count:
            gone += current.weight
            following = next(each, None)
            if following is None:
                break
            current = following
        drawn.append(current.form)
    return drawn
