"""Forecast against fact, once a plan has ended: kept with it as JSON. Times ISO, durations seconds, pauses ms.

::

    {"expected_s": …, "actual_s": …, "hosts": [{"host": …, "state": …, "because": …, "expected_s": …, "actual_s": …,
     "expected_empty_s": …, "actual_empty_s": …, "moves": [{"vm": …, "leg": …, "action": …, "state": …, "to": …,
     "expected_s": …, "actual_s": …, "expected_pause_ms": …, "pause_ms": …, "attempts": …, "because": …}]}],
     "moved": …, "failed": [sentences]}
"""

from datetime import datetime
from typing import Any

from datacenter.models.plan import Plan, PlanHost, PlanMove
from hosts.states import PlanHostState, PlanMoveState


def make(plan: Plan, *, ended_at: datetime) -> dict[str, Any]:
    """The report of a plan that ends at this moment."""
    rows = plan.hosts.select_related("host").prefetch_related("moves__vm", "moves__target", "moves__migration")
    hosts = [_host(row) for row in rows]
    moves = [move for host in hosts for move in host["moves"]]
    failed = [f"{host['host']}: {host['because']}" for host in hosts if host["state"] == PlanHostState.FAILED]
    failed += [f"{move['vm']}: {move['because']}" for move in moves if move["state"] == PlanMoveState.FAILED]
    return {
        "expected_s": plan.expected_s,
        "actual_s": _between(plan.started_at, ended_at),
        "moved": sum(move["state"] == PlanMoveState.DONE and move["action"] == "migrate" for move in moves),
        "failed": failed,
        "hosts": hosts,
    }


def _host(row: PlanHost) -> dict[str, Any]:
    return {
        "host": row.host.name,
        "state": row.state,
        "because": row.because,
        "expected_s": _less(row.expected_end_s, row.expected_start_s),
        "actual_s": _between(row.started_at, row.ended_at),
        "expected_empty_s": _less(row.expected_empty_s, row.expected_start_s),
        "actual_empty_s": _between(row.started_at, row.empty_at),
        "moves": [_move(move) for move in row.moves.all()],
    }


def _move(move: PlanMove) -> dict[str, Any]:
    migration = move.migration
    began = (migration.started_at if migration else None) or move.started_at
    ended = (migration.ended_at if migration else None) or move.ended_at
    return {
        "vm": move.vm.name,
        "leg": move.leg,
        "action": move.action,
        "state": move.state,
        "to": move.target.name if move.target else "",
        "expected_s": move.expected_s,
        "actual_s": _between(began, ended),
        "expected_pause_ms": move.expected_pause_ms,
        "pause_ms": migration.pause_ms if migration else None,
        "attempts": (migration.attempt if migration else 1) + move.attempts,
        "because": move.because,
    }


def _less(end: float | None, start: float | None) -> float | None:
    return None if end is None else round(end - (start or 0.0), 3)


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return round((end - start).total_seconds(), 3) if start and end else None
