"""Who runs when, as lanes: a host a group, a VM a bar. Pure: rows in, percentages out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from datacenter.maintenance.standing import begun
from datacenter.models import Plan, PlanHost, PlanMove
from datacenter.templatetags.plans import destiny, light_colour, tone
from datacenter.units import duration
from hosts.states import PlanHostState

_BAR = 13  # px a bar with its gap
_TICKS = 5
_NICE_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """x and width in percent of the whole, y in px."""

    x: str
    width: str
    y: int
    colour: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One host."""

    pk: int
    name: str
    label: str
    height: int
    inner: int
    bars: list[Bar] = field(default_factory=list)
    bands: list[Bar] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on the axis: "5 min"."""

    x: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """All of them; ``now`` and ``window`` are percentages, "" where they are not in it."""

    rows: list[Lane]
    ticks: list[Tick]
    now: str
    window: str


def lanes(plan: Plan, hosts: Sequence[PlanHost], by_host: Mapping[int, Sequence[PlanMove]], *, now: datetime) -> Lanes:
    """Facts where a move has begun, else its forecast. No rows where nothing was foretold."""
    begin = plan.started_at
    shown = [row for row in hosts if row.state not in (PlanHostState.SKIPPED, PlanHostState.CANCELLED)]
    spans = {move.pk: span for row in shown for move in by_host[row.pk] if (span := _span(move, begin, now))}
    ends = [end for _, end in spans.values()] + [row.expected_end_s or 0.0 for row in shown]
    whole = max([*ends, plan.expected_s or 0.0, 1.0])
    elapsed = (now - begin).total_seconds() if begin else None
    window = (plan.window_ends_at - (begin or plan.starts_at or now)).total_seconds() if plan.window_ends_at else None
    known = spans or any(row.expected_end_s for row in shown)
    return Lanes(
        rows=[_lane(row, by_host[row.pk], spans, whole) for row in shown] if known else [],
        ticks=_ticks(whole),
        now=_percent(elapsed, whole) if elapsed is not None and elapsed <= whole else "",
        window=_percent(window, whole) if window is not None and 0 < window <= whole else "",
    )


def _span(move: PlanMove, begin: datetime | None, now: datetime) -> tuple[float, float] | None:
    """From when to when, s after the plan's start."""
    started = begun(move)
    if begin is not None and started is not None:
        return (started - begin).total_seconds(), ((move.ended_at or now) - begin).total_seconds()
    if move.expected_start_s is None or move.expected_s is None:
        return None
    return move.expected_start_s, move.expected_start_s + move.expected_s


def _lane(row: PlanHost, moves: Sequence[PlanMove], spans: Mapping[int, tuple[float, float]], whole: float) -> Lane:
    """Bars that overlap stand one below the other: greedy, in the order of their beginnings."""
    ends: list[float] = []
    bars = []
    for move in sorted((move for move in moves if move.pk in spans), key=lambda move: spans[move.pk]):
        begin, end = spans[move.pk]
        track = next((place for place, free in enumerate(ends) if free <= begin + 0.001), len(ends))
        ends[track : track + 1] = [end]
        bars.append(_bar(move, begin, end, track, whole))
    inner = max(1, len(ends)) * _BAR + 3
    bands = []
    if (
        row.expected_empty_s is not None
        and row.expected_end_s is not None
        and row.expected_end_s > row.expected_empty_s
    ):
        title = f"{row.host.name} is empty and worked on, {duration(row.expected_end_s - row.expected_empty_s)}"
        x, width = _percent(row.expected_empty_s, whole), _percent(row.expected_end_s - row.expected_empty_s, whole)
        bands.append(Bar(x=x, width=width, y=1, colour="", title=title))
    label = f"{row.host.name}: {len(bars)} VMs in {len(ends) or 1} at once, done after {duration(row.expected_end_s)}"
    return Lane(pk=row.pk, name=row.host.name, label=label, height=inner + 3, inner=inner, bars=bars, bands=bands)


def _bar(move: PlanMove, begin: float, end: float, track: int, whole: float) -> Bar:
    return Bar(
        x=_percent(begin, whole),
        width=f"{max(0.25, 100 * (end - begin) / whole):.2f}",
        y=3 + track * _BAR,
        colour=light_colour(move) if begun(move) is None else tone(move),
        title=f"{move.vm.name}: {destiny(move)}, {duration(begin)} to {duration(end)}",
    )


def _ticks(whole: float) -> list[Tick]:
    step = next((each for each in _NICE_S if whole / each <= _TICKS), 86_400 * max(1, round(whole / 86_400 / _TICKS)))
    return [
        Tick(x=_percent(at, whole), text=duration(at) if at else "Start")
        for at in range(0, int(whole * 0.97) + 1, step)
    ]


def _percent(value: float, whole: float) -> str:
    return f"{min(100.0, max(0.0, 100 * value / whole)):.2f}"
