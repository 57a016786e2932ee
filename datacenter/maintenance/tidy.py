"""What runs on after its host was given back, skipped or has failed: followed to its end, so that every row is true.

And VMs that the plan shut down or suspended there are started again.
"""

from datacenter.maintenance import doors, ending, home, out
from datacenter.maintenance.reins import Reins
from datacenter.models.plan import PlanHost, PlanMove
from hosts.advance import advance
from hosts.states import MigrationState, OperationState, PlanHostState, PlanMoveState, PlanState

_GIVEN_BACK = (PlanHostState.WAITING, PlanHostState.SKIPPED, PlanHostState.CANCELLED)


def tidy(it: Reins) -> None:
    """One look at all hosts of the plan that are not being worked on."""
    open_ = (*_GIVEN_BACK, PlanHostState.FAILED, PlanHostState.DONE)
    running = PlanMove.objects.filter(plan_host__plan=it.plan, state=PlanMoveState.RUNNING)
    for row in it.plan.hosts.filter(state__in=open_, moves__in=running).select_related("host", "plan").distinct():
        moves = row.moves.filter(state=PlanMoveState.RUNNING, leg=PlanMove.Leg.OUT)
        for move in moves.select_related("vm__host", "migration", "operation"):
            _follow(it, row, move)
    if it.plan.state != PlanState.DRAFT:
        for row in it.plan.hosts.filter(state__in=_GIVEN_BACK, started_at__isnull=False).select_related("host", "plan"):
            home.restart(it, row)


def _follow(it: Reins, row: PlanHost, move: PlanMove) -> None:
    vm = move.vm
    last = ending.latest(move.migration) if move.migration else None
    if last is not None and last.state == MigrationState.QUEUED:
        with it.act():  # a further try of one that was under way when the host was given back
            ending.call_back(move, actor=it.actor, running=False)
        last = ending.latest(last)
    if last is not None and not MigrationState.of(last.state).is_final:
        return
    with it.act():
        if vm.host_id != row.host_id or vm.state not in doors.ACTIVE:
            out.is_off(it, row, move)
        elif last is not None and last.state == MigrationState.DONE:
            return  # the inventory follows within a moment
        elif last is not None:
            _stays(it, row, move, last.because)
        elif move.operation is None or move.operation.state == OperationState.FAILED:
            _stays(it, row, move, move.operation.because if move.operation else "Nothing of it is under way.")
        elif it.since(move.operation.state_since) > it.terms.shutdown_limit_s:
            _stays(it, row, move, "It did not shut down.")


def _stays(it: Reins, row: PlanHost, move: PlanMove, because: str) -> None:
    if row.state == PlanHostState.WAITING:
        out.again(move, because=because)
    else:
        advance(move, PlanMoveState.CANCELLED, because=because, ended_at=it.clock.now())
