"""What a plan's page shows, gathered from its rows: a section a host, the board, the report. A few queries a plan."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from datacenter import rows
from datacenter.maintenance.terms import Terms
from datacenter.models import Plan, PlanHost, PlanMove, PlanStep
from datacenter.screens.plan_lanes import lanes
from datacenter.templatetags.plans import Lights, count_lights, has_begun, is_over
from hosts.models import Host
from hosts.states import PlanHostState, PlanMoveState

#: more VMs than this are read when their host's section is opened
MOST_INLINE = 250
#: a page shows at most 500 live things (docs/live.md)
MOST_TILES = 300

_WORST_FIRST = {PlanMove.Light.RED: 0, PlanMove.Light.YELLOW: 1, PlanMove.Light.GREEN: 2}
_FAILED_FIRST = (PlanMoveState.FAILED, PlanMoveState.LEFT, PlanMoveState.CANCELLED)
_ACTIVE = (PlanHostState.DRAINING, PlanHostState.WORKING, PlanHostState.RETURNING, PlanHostState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One host of a plan. ``moves`` None: read when somebody asks, since they are many, or stand as tiles above."""

    row: PlanHost
    lights: Lights
    moves: list[PlanMove] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardColumn:
    """One host as a column; ``plan_host`` None: it only takes VMs."""

    host: Host
    plan_host: PlanHost | None
    moves: list[PlanMove]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """``waiting``: hosts that are not shown because they wait."""

    columns: list[BoardColumn]
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLine:
    """A host's line of the report; foretold seconds from its beginning."""

    row: PlanHost
    gone: int
    total: int
    empty_foretold: float | None
    foretold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Forecast and fact."""

    hosts: list[HostLine]
    moves: list[PlanMove]


def shown(plan: Plan, *, refused: str = "", changes: Iterable[Any] = ()) -> dict[str, Any]:
    """The context of plans/page.html and plans/_body.html."""
    hosts = list(rows.plan_hosts().filter(plan=plan).order_by("position", "pk"))
    moves = list(moves_of(plan))
    by_host: dict[int, list[PlanMove]] = defaultdict(list)
    for move in moves:
        by_host[move.plan_host_id].append(move)
    context: dict[str, Any] = {
        "plan": plan,
        "cluster": hosts[0].host.cluster if hosts else None,
        "terms": Terms.from_json(plan.terms),
        "refused": refused,
        "changes": list(changes),
    }
    if has_begun(plan):
        steps = list(rows.plan_steps().filter(plan_host__plan=plan).order_by("plan_host__position", "when", "position"))
        context |= {"board": None if is_over(plan) else _board(hosts, by_host), "steps": _worked(steps)}
    if is_over(plan):
        return context | {"report": _report(hosts, by_host)}
    fits = len(moves) <= MOST_INLINE
    begun = has_begun(plan)
    sections = [
        _section(row, by_host[row.pk], fits=fits and not (begun and row.state != PlanHostState.WAITING))
        for row in hosts
    ]
    return context | {"sections": sections, "lanes": lanes(plan, hosts, by_host, now=timezone.now())}


def moves_of(plan: Plan) -> Any:
    """Every move of the plan's hosts away from them, and home again, in order."""
    return rows.plan_moves().filter(plan_host__plan=plan).order_by("plan_host__position", "leg", "position", "pk")


def in_order(moves: Iterable[PlanMove]) -> list[PlanMove]:
    """Those away, red first, then as they run."""
    away = [move for move in moves if move.leg == PlanMove.Leg.OUT]
    return sorted(away, key=lambda move: (_WORST_FIRST[PlanMove.Light(move.light)], move.position, move.pk))


def _section(row: PlanHost, moves: list[PlanMove], *, fits: bool) -> Section:
    away = in_order(moves)
    return Section(row=row, lights=count_lights(away), moves=away if fits else None)


def _board(hosts: list[PlanHost], by_host: dict[int, list[PlanMove]]) -> Board:
    """The hosts at work first, then as many of the others as fit; after them the hosts that take VMs."""
    places = {row.host_id: row for row in hosts}
    columns: dict[int, BoardColumn] = {}
    tiles: list[PlanMove] = []
    for row in sorted(hosts, key=lambda row: (row.state not in _ACTIVE, row.position)):
        mine = [move for move in by_host[row.pk] if move.leg == _leg(row)]
        if columns and row.state not in _ACTIVE and len(tiles) + len(mine) > MOST_TILES:
            continue
        columns[row.host_id] = BoardColumn(host=row.host, plan_host=row, moves=[])
        tiles += mine[: MOST_TILES - len(tiles)]
    left_out = len(hosts) - len(columns)
    for move in tiles:
        for host in (move.target, move.vm.host):
            if host is not None and host.pk not in columns:
                columns[host.pk] = BoardColumn(host=host, plan_host=places.get(host.pk), moves=[])
    for move in tiles:
        columns[move.vm.host_id].moves.append(move)
    return Board(columns=list(columns.values()), waiting=max(0, left_out))


def _leg(row: PlanHost) -> str:
    """Which way its VMs go now."""
    return PlanMove.Leg.HOME if row.state == PlanHostState.RETURNING else PlanMove.Leg.OUT


def _worked(steps: list[PlanStep]) -> list[PlanStep]:
    """Steps that have begun or ended, the newest first, then those to come; at most 60."""
    begun = sorted((step for step in steps if step.started_at), key=lambda step: step.started_at, reverse=True)  # type: ignore[arg-type,return-value]
    return [*begun, *(step for step in steps if step.started_at is None)][:60]


def _report(hosts: list[PlanHost], by_host: dict[int, list[PlanMove]]) -> Report:
    moves = [move for row in hosts for move in by_host[row.pk]]
    moves.sort(key=lambda move: (move.state not in _FAILED_FIRST, move.plan_host_id, move.leg, move.position))
    return Report(hosts=[_line(row, by_host[row.pk]) for row in hosts], moves=moves)


def _line(row: PlanHost, moves: list[PlanMove]) -> HostLine:
    away = [move for move in moves if move.leg == PlanMove.Leg.OUT]

    def from_start(at: float | None) -> float | None:
        return None if at is None or row.expected_start_s is None else at - row.expected_start_s

    return HostLine(
        row=row,
        gone=sum(move.state == PlanMoveState.DONE for move in away),
        total=len(away),
        empty_foretold=from_start(row.expected_empty_s),
        foretold=from_start(row.expected_end_s),
    )
