"""One way of counting a plan's VMs, for its figures, its list, its board, its burn-down and its report.

*To leave*: what is to go away from a host of the plan, by whatever way. *Gone*: those of them that have. A VM that is
left where it is, by its rule or by a person's choice, is counted apart (*stays*); one whose move was called off, and
those of a host that the plan passes over, are in none of the three.
"""

from dataclasses import dataclass

from django.db.models import Q

from datacenter.models.plan import PlanMove
from hosts.states import PlanHostState, PlanMoveState

#: hosts with which the plan has nothing more to do
PASSED_OVER = (PlanHostState.SKIPPED.value, PlanHostState.CANCELLED.value)
_STAYS = (PlanMoveState.LEFT.value, PlanMoveState.CANCELLED.value)


def leaving(moves: str = "") -> Q:
    """To leave. ``moves``: the way to the moves, as "hosts__moves__"."""
    out = Q(**{f"{moves}leg": PlanMove.Leg.OUT})
    return out & ~Q(**{f"{moves}action": PlanMove.Action.LEAVE}) & ~Q(**{f"{moves}state__in": _STAYS})


def gone(moves: str = "") -> Q:
    """Of those to leave, the ones that have."""
    return leaving(moves) & Q(**{f"{moves}state": PlanMoveState.DONE.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Of one host, or of a plan."""

    gone: int
    total: int
    stays: int


def count(moves: "list[PlanMove]") -> Count:
    """The same of moves that were read already."""
    out = [move for move in moves if move.leg == PlanMove.Leg.OUT]
    away = [move for move in out if move.action != PlanMove.Action.LEAVE and move.state not in _STAYS]
    stays = [move for move in out if move not in away and move.state != PlanMoveState.CANCELLED]
    return Count(gone=sum(move.state == PlanMoveState.DONE for move in away), total=len(away), stays=len(stays))
