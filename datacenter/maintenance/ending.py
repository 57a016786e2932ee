"""Taking things back: moves that are queued, hosts that are not empty yet, whole plans. In the caller's transaction.

What runs is ended only where somebody said so, and in pre-copy; never in post-copy, where it can only come to its end.
"""

import logging
from typing import Any

from django.utils import timezone

from datacenter.maintenance import doors, holds
from datacenter.models.plan import Plan, PlanHost, PlanMove, PlanStep
from hosts.advance import GODWIT, advance
from hosts.livemigration import request
from hosts.models import Adjustment, Migration
from hosts.states import HostState, MigrationState, PlanHostState, PlanMoveState, PlanStepState

log = logging.getLogger(__name__)

_NOT_STARTED = (MigrationState.QUEUED, MigrationState.CHECKING, MigrationState.MEASURING)


def latest(migration: Migration) -> Migration:
    """The newest try: one that failed safely is followed by another, on another host."""
    while (further := Migration.objects.filter(retry_of=migration).first()) is not None:
        migration = further
    return migration


def call_back(move: PlanMove, *, actor: str, running: bool) -> bool:
    """Cancel its migration while it is queued; what is copied already only with ``running``. Whether it was asked."""
    if move.migration is None:
        return False
    now = latest(move.migration)
    state = MigrationState.of(now.state)
    if state.is_final or not (running or state in _NOT_STARTED):
        return False
    try:
        request.adjust(now, Adjustment.CANCEL, actor=actor)
    except request.RequestRefused as exc:  # in post-copy, or cancelled already: it comes to its end by itself
        log.info("%s is not called back: %s", now, exc, extra={"action": "move_not_called_back", "row": move.pk})
        return False
    return True


def call_back_all(row: PlanHost, *, actor: str, running: bool) -> None:
    """All moves of a host that have a migration on its way."""
    for move in row.moves.filter(state=PlanMoveState.RUNNING).select_related("migration"):
        call_back(move, actor=actor, running=running)


def give_back(row: PlanHost, to: PlanHostState, *, because: str, actor: str = GODWIT, running: bool = False) -> None:
    """A host that is not empty yet is up again; ``to`` is what becomes of its row. In maintenance it stays there."""
    call_back_all(row, actor=actor, running=running)
    if to is not PlanHostState.WAITING:
        _drop(row, because)
    if row.host.state == HostState.PREPARING:
        doors.reopen(row.host, because=because, actor=actor)
    also: dict[str, Any] = {} if to is PlanHostState.WAITING else {"ended_at": timezone.now()}
    advance(row, to, because=because, actor=actor, **also)
    if to is not PlanHostState.WAITING:
        holds.release(row.plan, host=row.host_id)


def call_off(plan: Plan, *, because: str, actor: str, running: bool) -> None:
    """Every host of a plan that is cancelled. One whose step runs is left until that step has ended."""
    over = [str(state) for state in PlanHostState if state.is_final]
    for row in plan.hosts.exclude(state__in=over).select_related("host", "plan"):
        state = PlanHostState.of(row.state)
        if state in (PlanHostState.WAITING, PlanHostState.DRAINING, PlanHostState.FAILED):
            give_back(row, PlanHostState.CANCELLED, because=because, actor=actor, running=running)
        elif state in (PlanHostState.WORKING, PlanHostState.RETURNING):
            call_back_all(row, actor=actor, running=running)
            _drop(row, because)
            if not row.steps.filter(state=PlanStepState.RUNNING).exists():
                advance(row, PlanHostState.CANCELLED, because=because, actor=actor, ended_at=timezone.now())


def _drop(row: PlanHost, because: str) -> None:
    """What has not begun will not."""
    for move in row.moves.filter(state=PlanMoveState.WAITING):
        advance(move, PlanMoveState.CANCELLED, because=because)
    for step in row.steps.filter(state__in=(PlanStepState.WAITING, PlanStepState.ASKING)):
        advance(step, PlanStepState.CANCELLED, because=because, ended_at=timezone.now())


def mend(plan: Plan, because: str) -> None:
    """A plan goes on: what failed is tried again, from where it failed."""
    for row in plan.hosts.filter(state=PlanHostState.FAILED).select_related("host"):
        for step in row.steps.filter(state=PlanStepState.FAILED):
            advance(step, PlanStepState.WAITING, because=because, started_at=None, deadline_at=None, ended_at=None)
        for move in row.moves.filter(leg=PlanMove.Leg.OUT, state=PlanMoveState.FAILED):
            advance(move, PlanMoveState.WAITING, because=because, attempts=0)
        empty = row.host.state == HostState.MAINTENANCE
        to = PlanHostState.WORKING if empty else PlanHostState.DRAINING
        also: dict[str, Any] = {} if empty else {"started_at": timezone.now()}  # its time begins anew
        advance(row, to, because=because, ended_at=None, **also)


def unfinished_steps(row: PlanHost, when: str) -> list[PlanStep]:
    """Its steps of this time that are not done, in their order; cancelled ones are no longer to be done."""
    over = (PlanStepState.DONE, PlanStepState.CANCELLED)
    return list(row.steps.filter(when=when).exclude(state__in=over).order_by("position", "pk"))
