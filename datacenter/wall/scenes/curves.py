"""The last two minutes of a migration as the paths of a small picture. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hosts.livemigration.readings import Reading

SPAN = timedelta(minutes=2)
#: of the viewBox
WIDTH, HEIGHT = 240.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Attributes ``d`` of SVG paths; "" where there is nothing to draw."""

    remaining: str
    throughput: str
    dirty: str


def curves(readings: Sequence[Reading], now: datetime) -> Curves:
    """Remaining as an area on its own scale; throughput and dirty rate on one: their crossing is convergence."""
    begin = now - SPAN
    seen = [each for each in readings if each.at >= begin]
    most = max((each.remaining_bytes for each in seen), default=0)
    fastest = max((max(each.throughput, each.dirty_rate or 0.0) for each in seen), default=0.0)

    def x(reading: Reading) -> float:
        return WIDTH * min(1.0, (reading.at - begin) / SPAN)

    def line(value: Callable[[Reading], float | None], top: float) -> str:
        known = [(x(each), value(each)) for each in seen]
        return _path([(at, HEIGHT * (1 - 0.94 * y / top)) for at, y in known if y is not None]) if top > 0 else ""

    area = line(lambda each: float(each.remaining_bytes), float(most))
    if area:
        area += f"L{x(seen[-1]):.0f} {HEIGHT:.0f}L{x(seen[0]):.0f} {HEIGHT:.0f}Z"
    return Curves(
        remaining=area,
        throughput=line(lambda each: each.throughput, fastest),
        dirty=line(lambda each: each.dirty_rate, fastest),
    )


def steps(points: Sequence[tuple[float, float]], *, low: float, high: float, top: float) -> str:
    """A path of steps: a value holds until the next. ``low`` to ``high`` is the width, 0 to ``top`` the height."""
    if high <= low or top <= 0 or not points:
        return ""
    found: list[tuple[float, float]] = []
    for at, value in points:
        here = WIDTH * min(1.0, max(0.0, (at - low) / (high - low)))
        if found:
            found.append((here, found[-1][1]))
        found.append((here, HEIGHT * (1 - 0.94 * value / top)))
    return _path(found)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """One point an x is enough: two of a second fall together."""
    return "M" + "L".join(f"{at:.0f} {y:.1f}" for at, y in points) if len(points) > 1 else ""
