"""The forecast: forms drawn by their probability, each played through QEMU's loop, the ends gathered. Pure.

Before the start:  seconds = setup + loop + pause,  pause = X / L + device state (+ what waits in the socket, uncapped)
While it runs:     the same from the last reading on, with the passes seen so far among the evidence

L is what the hosts and the line give while the guest stands: no cap holds then.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist

from hosts.livemigration.forecast.constants import Constants
from hosts.livemigration.forecast.loop import WINDOW_S, End, Loop, Noise, Pacing
from hosts.livemigration.forecast.pages import Form, floor
from hosts.livemigration.forecast.posterior import Particle, draw, nonzero_bytes, weigh
from hosts.livemigration.forecast.records import MIB, Guest, Interval, Orders, Prospect, Range, Seen, spread, verdict

#: futures played (45 and 15 ms); of a migration that runs less is open
_DRAWS, _DRAWS_RUNNING = 112, 48
#: an open time counts as no shorter, in seconds, when futures are weighed by it
_SHORTEST_S = 0.5
_GOLDEN, _SILVER = 0.6180339887498949, 0.4142135623730951
_NORMAL = NormalDist()
#: jitter of QEMU's bandwidth over 100 ms, as a share: a cap and a shaped line are even (nine recorded lines: 96 % of
#: the rate, 92 to 100 between the tenths), what only the hosts' CPUs hold is not
_JITTER_EVEN, _JITTER_FREE = 0.03, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Future:
    converged: bool
    seconds: float
    sent: float
    pause_s: float
    passes: int
    floor: float
    least_s: float
    speed: float


def forecast_before(guest: Guest, orders: Orders, constants: Constants | None = None) -> Prospect:
    """What a migration will take, before its start: pure, some 20 ms."""
    known = constants or Constants()
    particles = weigh(guest, known)
    forms = draw(particles, _DRAWS)
    futures = [_before(form, n, guest, orders, known) for n, form in enumerate(forms)]
    return _gather(futures, particles)


def forecast_running(guest: Guest, orders: Orders, seen: Seen, constants: Constants | None = None) -> Prospect:
    """The same for a migration that runs, from its readings up to now."""
    known = constants or Constants()
    particles = _weighed(guest, known, seen.intervals)
    forms = draw(particles, _DRAWS_RUNNING)
    futures = [_running(form, n, guest, orders, seen, known) for n, form in enumerate(forms)]
    return _gather(futures, particles, since_s=seen.elapsed_s)


@lru_cache(maxsize=512)
def _weighed(guest: Guest, constants: Constants, intervals: tuple[Interval, ...]) -> list[Particle]:
    """The same for all readings of a pass."""
    return weigh(guest, constants, intervals)


def _deviate(n: int, step: float) -> float:
    """The n-th of a series of standard normal deviates that is the same each time."""
    return _NORMAL.inv_cdf((0.5 + (n + 1) * step) % 1.0 * 0.98 + 0.01)


def line_speed(orders: Orders, constants: Constants) -> float:
    """L: bytes/s while the guest stands."""
    return min(constants.stop_speed, constants.line_share * (orders.line or math.inf))


def _speed(orders: Orders, constants: Constants, n: int) -> tuple[float, bool]:
    """Bytes/s while the guest runs, and whether the cap is what holds it."""
    free = constants.free_speed * math.exp(constants.free_spread * _deviate(n, _SILVER))
    if orders.compress_threads:
        free = min(free, 10.0 * MIB * orders.compress_threads)
    line = constants.line_share * (orders.line or math.inf)
    capped = orders.cap is not None and orders.cap <= min(line, free)
    speed = min(free, line, orders.cap or math.inf)
    return speed * math.exp(constants.speed_spread * _deviate(n, _GOLDEN)), capped


def _pacing(orders: Orders, constants: Constants, speed: float, *, capped: bool, n: int) -> Pacing:
    return Pacing(
        speed=speed,
        limit_s=orders.max_downtime_ms / 1000,
        jitter=_JITTER_EVEN if capped or orders.line else _JITTER_FREE,
        sync_s=0.0 if capped else constants.sync_s,
        cheap_from=3 if orders.xbzrle else 0,
        cost=(0.01, 0.2, 0.6)[n % 3] if orders.xbzrle else 1.0,
        cheap_speed=800.0 * MIB,
        throttle=orders.auto_converge,
        busy=(0.05, 0.08, 0.12, 0.3)[n % 4],
        last_pass=orders.postcopy_at,
    )


def _before(form: Form, n: int, guest: Guest, orders: Orders, constants: Constants) -> _Future:
    speed, capped = _speed(orders, constants, n)
    pacing = _pacing(orders, constants, speed, capped=capped, n=n)
    nonzero = nonzero_bytes(guest, constants) + constants.rss_overhead_sd * _deviate(n, _SILVER)
    nonzero = min(float(guest.memory_bytes), max(4.0 * MIB, nonzero))
    setup = (
        math.sqrt(contention(guest.load, constants))
        * constants.setup_s
        * math.exp(constants.setup_spread * _deviate(n, math.sqrt(3)))
    )
    loop = Loop(
        form=form,
        pacing=pacing,
        noise=Noise(n * _SILVER % 1.0),
        dirty=[0.0] * len(form.classes),
        other=nonzero,
        zeros=constants.extra_memory,
        density=nonzero / guest.memory_bytes,
    )
    return _future(loop, n, guest, orders, constants, capped=capped, before_s=setup, sent=0.0)


def _running(form: Form, n: int, guest: Guest, orders: Orders, seen: Seen, constants: Constants) -> _Future:
    guessed, capped = _speed(orders, constants, n)
    speed = guessed
    if seen.speed > 0:
        measured = min(seen.speed, orders.cap or math.inf)
        capped = orders.cap is not None and measured > 0.9 * orders.cap
        speed = measured * math.exp(constants.speed_spread * _deviate(n, _GOLDEN))
    pacing = _pacing(orders, constants, speed, capped=capped, n=n)
    remaining = seen.remaining
    if remaining is None:
        remaining = form.dirtied(seen.last_pass_s) + 0.5 * speed * orders.max_downtime_ms / 1000
    elif capped:
        # Under a cap a window's bytes go at its beginning: what is gone of them early is not gone for good.
        remaining += speed * (WINDOW_S - seen.in_pass_s % WINDOW_S)
    inside = min(remaining, form.size)
    loop = Loop(
        form=form,
        pacing=pacing,
        noise=Noise(n * _SILVER % 1.0),
        dirty=[each.size / form.size * inside for each in form.classes],
        other=remaining - inside,
        number=max(2, seen.iteration),
        at_sync=seen.remaining is None,
        elapsed_s=seen.in_pass_s,
        percent=seen.throttle,
    )
    return _future(loop, n, guest, orders, constants, capped=capped, before_s=seen.elapsed_s, sent=seen.sent)


def contention(load: float | None, constants: Constants) -> float:
    """How much slower what needs a CPU at once gets: the root of the load over the usual one, within 0.7 and 1.5.

    Source: the field ``loadavg`` of recorded migrations (migration.md, section 4: the worst outliers had busy hosts).
    Weak: with it capped runs' pauses were met within 14.6 ms instead of 16.0 (23 runs, median, after pass 2).
    libvirt does not tell a load: of a live pair it is None, and its usual contention stands in what it taught.
    """
    return 1.0 if load is None else min(1.5, max(0.7, math.sqrt(max(load, 0.0) / constants.load)))


def _switch_s(constants: Constants, n: int, busy: float) -> float:
    return busy * constants.device_s * _spread(constants, n)


def _spread(constants: Constants, n: int) -> float:
    return math.exp(constants.device_spread * _deviate(n, 0.2360679774997897))


def _future(
    loop: Loop,
    n: int,
    guest: Guest,
    orders: Orders,
    constants: Constants,
    *,
    capped: bool,
    before_s: float,
    sent: float,
) -> _Future:
    end, busy = loop.play(), contention(guest.load, constants)
    line = line_speed(orders, constants)
    least = floor(loop.form, loop.pacing.speed)
    if orders.postcopy_at is not None and loop.number >= orders.postcopy_at:
        pause_s = constants.postcopy_switch_s * _spread(constants, n)
        rest_s = _postcopy(end, orders, constants, line)
    else:
        rest_s = pause_s = end.left / line + _switch_s(constants, n, busy)
        if not capped:
            rest_s = pause_s = pause_s + constants.queue_bytes / min(line, loop.pacing.speed)
    return _Future(
        converged=end.converged,
        seconds=before_s + end.seconds + rest_s,
        sent=sent + end.sent + end.left,
        pause_s=pause_s,
        passes=end.passes,
        floor=least,
        least_s=least / line + constants.device_s,
        speed=loop.pacing.speed,
    )


def _postcopy(end: End, orders: Orders, constants: Constants, line: float) -> float:
    """Seconds until the last page has followed: each once, at post-copy's own bandwidth."""
    return constants.postcopy_switch_s + end.left / min(line, orders.postcopy_cap or math.inf)


def _gather(futures: Sequence[_Future], particles: Sequence[Particle], *, since_s: float = 0.0) -> Prospect:
    ended = [each for each in futures if each.converged]
    probability = len(ended) / len(futures)
    floors = spread([each.floor for each in futures], [1.0] * len(futures)).median
    speed = spread([each.speed for each in futures], [1.0] * len(futures)).median
    rate = sum(each.weight * each.form.dirtied(1.0) for each in particles)
    names: dict[str, float] = {}
    for each in particles:
        names[each.form.name] = names.get(each.form.name, 0.0) + each.weight
    return Prospect(
        verdict=verdict(probability),
        probability=probability,
        seconds=_nearest([each.seconds for each in ended], relative=0.04, least=0.05, since_s=since_s),
        bytes=_range([each.sent for each in ended], relative=0.03, least=MIB),
        pause_ms=_range([1000 * each.pause_s for each in ended], relative=0.1, least=20.0),
        passes=_range([float(each.passes) for each in ended], relative=0.0, least=0.0),
        floor_bytes=floors,
        least_pause_ms=1000 * spread([each.least_s for each in futures], [1.0] * len(futures)).median,
        dirty_rate=rate,
        speed=speed,
        forms=names,
    )


def _range(values: Sequence[float], *, relative: float, least: float, bottom: float = 0.0) -> Range | None:
    """Median and range, made wider by what no draw varies."""
    if not values:
        return None
    found = spread(values, [1.0] * len(values))
    wider = max(least, relative * found.median)
    return Range(low=min(found.median, max(bottom, found.low - wider)), median=found.median, high=found.high + wider)


def _nearest(values: Sequence[float], *, relative: float, least: float, since_s: float) -> Range | None:
    """As :func:`_range`, but around the figure from which the truth strays least in proportion to itself: the median
    where each future weighs by 1 / t, t the time still open.

    2, 3 and 10 s: the median is 3 s; weighed by 0.4, 0.29 and 0.1 it is 2 s, never wrong by more than 80 %.
    """
    found = _range(values, relative=relative, least=least, bottom=since_s)
    if found is None:
        return None
    weights = [1.0 / (value - since_s + _SHORTEST_S) for value in values]
    return replace(found, median=max(found.low, spread(values, weights).median))
