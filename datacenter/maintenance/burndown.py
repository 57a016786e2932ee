"""The burn-down of a plan as columns for a curve: VMs still to leave, by fact and by forecast."""

from datetime import datetime
from typing import Any

from datacenter.maintenance.counting import PASSED_OVER, leaving
from datacenter.maintenance.standing import standing
from datacenter.models import Plan, PlanMove
from hosts.states import PlanMoveState


def told(plan: Plan, now: datetime) -> dict[str, Any]:
    """What the curve is drawn of; nothing where the plan has not begun."""
    begin = plan.started_at
    moves = PlanMove.objects.filter(leaving(), plan_host__plan=plan).exclude(plan_host__state__in=PASSED_OVER)
    found = list(moves.only("state", "state_since", "ended_at", "expected_start_s", "expected_s"))
    if begin is None:
        return {"fact": [[], []], "forecast": [[], []], "now": now.timestamp(), "finish": None, "window": None}
    start = begin.timestamp()
    left = [(move.ended_at or move.state_since).timestamp() for move in found if move.state == PlanMoveState.DONE]
    foretold = [
        start + move.expected_start_s + move.expected_s
        for move in found
        if move.expected_start_s is not None and move.expected_s is not None
    ]
    end = plan.ended_at.timestamp() if plan.ended_at else now.timestamp()
    goes = standing(plan, now)
    return {
        "fact": _steps(start, left, total=len(found), until=end),
        "forecast": _steps(start, foretold, total=len(found)),
        "now": end,
        "finish": None if plan.ended_at or goes.finish_s is None else start + goes.finish_s,
        "window": plan.window_ends_at.timestamp() if plan.window_ends_at else None,
    }


def _steps(start: float, ends: list[float], *, total: int, until: float | None = None) -> list[list[float]]:
    """One point an end, from all to what is left."""
    at, left = [start], [float(total)]
    for number, moment in enumerate(sorted(ends), start=1):
        at.append(max(moment, start))
        left.append(float(total - number))
    if until is not None and until > at[-1]:
        at.append(until)
        left.append(left[-1])
    return [at, left]
