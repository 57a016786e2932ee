"""The burn-down of a plan as columns for its curve: VMs still to leave, by fact and by forecast."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from datacenter.maintenance.standing import standing
from datacenter.models import Plan, PlanMove
from datacenter.screens.maintenance_plan import find
from hosts.states import PlanMoveState

_GONE = (PlanMoveState.DONE, PlanMoveState.LEFT)


@require_safe
def plan_burndown(request: HttpRequest, pk: int) -> JsonResponse:
    """Times are seconds since the epoch. ``fact`` and ``forecast`` are steps ``[[at], [left]]``. Four queries."""
    plan = find(pk)
    now = timezone.now()
    return JsonResponse(told(plan, now))


def told(plan: Plan, now: datetime) -> dict[str, Any]:
    """What the curve is drawn of; nothing where the plan has not begun."""
    begin = plan.started_at
    moves = PlanMove.objects.filter(plan_host__plan=plan, leg=PlanMove.Leg.OUT).exclude(action=PlanMove.Action.LEAVE)
    found = list(moves.only("state", "state_since", "ended_at", "expected_start_s", "expected_s"))
    if begin is None:
        return {"fact": [[], []], "forecast": [[], []], "now": now.timestamp(), "finish": None, "window": None}
    start = begin.timestamp()
    left = [(move.ended_at or move.state_since).timestamp() for move in found if move.state in _GONE]
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
