"""A plan's rows as pieces of work, and where they stand."""

from datetime import datetime

from datacenter.maintenance.pace import Piece, Standing, finish
from datacenter.models import Plan, PlanHost, PlanMove
from hosts.states import PlanHostState, PlanMoveState

#: nothing is to come of these
_OUT_OF_IT = (PlanMoveState.LEFT, PlanMoveState.CANCELLED)
_LEFT_OUT = (PlanHostState.SKIPPED, PlanHostState.CANCELLED)


def standing(plan: Plan, now: datetime) -> Standing:
    """Where it is at ``now``. Two queries."""
    moves = PlanMove.objects.filter(plan_host__plan=plan).exclude(plan_host__state__in=_LEFT_OUT)
    counted = list(moves.exclude(state__in=_OUT_OF_IT).select_related("migration").defer("why", "remedy", "because"))
    hosts = list(plan.hosts.exclude(state__in=_LEFT_OUT))
    leaving = [move for move in counted if move.leg == PlanMove.Leg.OUT and move.action != PlanMove.Action.LEAVE]
    begin = plan.started_at
    elapsed = max(0.0, ((plan.ended_at or now) - begin).total_seconds()) if begin else 0.0
    window = (plan.window_ends_at - (begin or now)).total_seconds() if plan.window_ends_at else None
    return Standing(
        elapsed_s=elapsed,
        expected_s=plan.expected_s,
        finish_s=_finish(plan, counted, hosts, elapsed_s=elapsed),
        done=sum(move.state == PlanMoveState.DONE for move in leaving),
        total=len(leaving),
        window_s=window,
    )


def _finish(plan: Plan, moves: list[PlanMove], hosts: list[PlanHost], *, elapsed_s: float) -> float | None:
    if plan.ended_at and plan.started_at:
        return elapsed_s
    if plan.expected_s is None:
        return None
    begin = plan.started_at
    if begin is None:
        return plan.expected_s
    rows: list[PlanMove | PlanHost] = [*moves, *hosts]
    pieces = [piece for each in rows if (piece := _piece(each, begin))]
    return finish(pieces, elapsed_s, expected_s=plan.expected_s)


def _piece(row: PlanMove | PlanHost, begin: datetime) -> Piece | None:
    """A move; of a host the work between being empty and being done. None where it was not foretold."""

    def after(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - begin).total_seconds()

    if isinstance(row, PlanMove):
        if row.expected_start_s is None or row.expected_s is None:
            return None
        over = row.state in (PlanMoveState.DONE, PlanMoveState.FAILED)
        ended = after(row.ended_at) if over else None
        if over and ended is None:
            ended = after(row.state_since)
        return Piece(
            expected_start_s=row.expected_start_s,
            expected_s=row.expected_s,
            started_s=after(begun(row)),
            ended_s=ended,
        )
    if row.expected_empty_s is None or row.expected_end_s is None:
        return None
    return Piece(
        expected_start_s=row.expected_empty_s,
        expected_s=max(0.0, row.expected_end_s - row.expected_empty_s),
        started_s=after(row.empty_at),
        ended_s=after(row.ended_at),
    )


def begun(move: PlanMove) -> datetime | None:
    """When it really began: a migration that was asked for waits in the queue first, which its forecast leaves out."""
    return move.migration.started_at if move.migration else move.started_at
