"""Back to the host: VMs that were shut down or suspended are started again, those that moved may come home.

One after the other, ``home_stagger_s`` apart, so that a host that has just come back is not overrun. What fails here
is told and fails nothing else: the VM runs well where it is.
"""

from typing import Any

from datacenter.maintenance import doors, ending
from datacenter.maintenance.reins import Reins, move_s
from datacenter.models.plan import PlanHost, PlanMove
from hosts.advance import advance
from hosts.lifecycle.request import PowerRefused, request_power
from hosts.livemigration.request import RequestRefused, request_migration
from hosts.models import Migration, MigrationPolicy, Priority
from hosts.states import (
    OPEN_MIGRATION,
    HostState,
    MigrationState,
    OperationState,
    PlanHostState,
    PlanMoveState,
    VMState,
)
from hosts.virt.records import PowerVerb

#: actions that end a guest for the time
OFF = (PlanMove.Action.SHUTDOWN, PlanMove.Action.SUSPEND)
_DOWN = (VMState.DOWN, VMState.CRASHED)
_OVER = (PlanMoveState.DONE, PlanMoveState.FAILED, PlanMoveState.CANCELLED)


def owes(it: Reins, row: PlanHost) -> bool:
    """Whether a VM waits for this host to be active again."""
    return any(_way_back(it, row, move) for move in _away(row))


def drive(it: Reins, row: PlanHost) -> None:
    """One look at the VMs that come back; the host is done when all are."""
    _plan(it, row)
    moves = _moves(row)
    for move in moves:
        _follow(it, row, move)
    if all(move.state in _OVER for move in _moves(row)):
        with it.act():
            advance(row, PlanHostState.DONE, because="Done.", ended_at=it.clock.now())


def restart(it: Reins, row: PlanHost) -> None:
    """VMs that the plan shut down or suspended on a host that was given back are started again."""
    if row.host.state != HostState.UP:
        return
    for move in _away(row):
        if _way_back(it, row, move) == PlanMove.Action.START:
            _make(it, row, move, PlanMove.Action.START)
    for move in _moves(row):
        if move.action == PlanMove.Action.START:
            _follow(it, row, move)


def _away(row: PlanHost) -> list[PlanMove]:
    moves = row.moves.filter(leg=PlanMove.Leg.OUT, state=PlanMoveState.DONE)
    return list(moves.select_related("vm__host", "migration", "operation").order_by("position", "pk"))


def _moves(row: PlanHost) -> list[PlanMove]:
    moves = row.moves.filter(leg=PlanMove.Leg.HOME)
    return list(moves.select_related("vm__host", "migration", "operation").order_by("position", "pk"))


def _way_back(it: Reins, row: PlanHost, out: PlanMove) -> PlanMove.Action | None:
    """How this VM comes back, if it does: only what the plan itself moved or ended."""
    vm = out.vm
    if out.state != PlanMoveState.DONE:
        return None
    if out.action in OFF and out.operation_id and vm.host_id == row.host_id and vm.state in _DOWN:
        return PlanMove.Action.START
    moved = out.migration_id is not None and out.migration is not None and vm.host_id == out.target_id
    if it.terms.home and moved and vm.host_id != row.host_id and vm.state == VMState.UP:
        return PlanMove.Action.MIGRATE
    return None


def _plan(it: Reins, row: PlanHost) -> None:
    known = set(row.moves.filter(leg=PlanMove.Leg.HOME).values_list("vm_id", flat=True))
    for out in _away(row):
        if out.vm_id not in known and (action := _way_back(it, row, out)):
            _make(it, row, out, action)


def _make(it: Reins, row: PlanHost, out: PlanMove, action: PlanMove.Action) -> None:
    with it.act():
        fields: dict[str, Any] = {"action": action, "target": row.host, "position": out.position}
        if action == PlanMove.Action.MIGRATE:
            fields |= {"expected_s": out.expected_s, "expected_p90_s": out.expected_p90_s}
            fields["expected_pause_ms"] = out.expected_pause_ms
        move, made = PlanMove.objects.get_or_create(plan_host=row, vm=out.vm, leg=PlanMove.Leg.HOME, defaults=fields)
        if not made and move.state in (PlanMoveState.DONE, PlanMoveState.CANCELLED):  # a second turn, or called off
            blank: dict[str, Any] = {"migration": None, "operation": None, "started_at": None, "ended_at": None}
            advance(move, PlanMoveState.WAITING, because="It is started again.", action=action, **blank)


def _follow(it: Reins, row: PlanHost, move: PlanMove) -> None:
    vm = move.vm
    if move.state in _OVER:
        return
    back = vm.host_id == row.host_id and vm.state in doors.ACTIVE
    if Migration.objects.filter(vm=vm, state__in=OPEN_MIGRATION).exists():
        return
    if back and vm.state != VMState.UNKNOWN:
        _end(it, move, PlanMoveState.DONE, f"It runs on {row.host}.")
    elif move.state == PlanMoveState.WAITING:
        out = row.moves.filter(vm=vm, leg=PlanMove.Leg.OUT).select_related("vm__host", "migration").first()
        if out is not None and _way_back(it, row, out) == move.action:
            _begin(it, row, move)
        elif row.state == PlanHostState.RETURNING:  # foreseen when the plan was made; it came otherwise
            _end(it, move, PlanMoveState.CANCELLED, f"It stays on {vm.host}.")
    elif move.migration is not None:
        last = ending.latest(move.migration)
        if last.state != MigrationState.DONE:  # else the inventory follows within a moment
            _end(it, move, PlanMoveState.FAILED, f"It stays on {vm.host}. {last.because}")
    elif move.operation is None or move.operation.state == OperationState.FAILED:
        _end(it, move, PlanMoveState.FAILED, move.operation.because if move.operation else "Nothing is under way.")


def _begin(it: Reins, row: PlanHost, move: PlanMove) -> None:
    if move.action == PlanMove.Action.MIGRATE and not it.fits(move_s(move)):
        _end(it, move, PlanMoveState.CANCELLED, f"It stays on {move.vm.host}: coming home would end after the window.")
        return
    begun = row.moves.filter(leg=PlanMove.Leg.HOME, started_at__lte=it.clock.now())  # a clock set back delays nobody
    last = begun.order_by("-started_at").first()
    if last is not None and it.since(last.started_at) < it.terms.home_stagger_s:
        return
    try:
        with it.act():
            fields = _ask(it, row, move)
            now = it.clock.now()
            if not advance(move, PlanMoveState.RUNNING, because="Asked for.", started_at=now, **fields):
                raise RuntimeError(f"{move} changed under the plan's lock")  # undoes the request with it
    except (RequestRefused, PowerRefused) as exc:
        _end(it, move, PlanMoveState.FAILED, str(exc))


def _ask(it: Reins, row: PlanHost, move: PlanMove) -> dict[str, Any]:
    if move.action == PlanMove.Action.START:
        return {"operation": request_power(move.vm, PowerVerb.START, actor=it.actor)}
    policy = MigrationPolicy.objects.filter(name=it.terms.migration_policy).first()
    asked = {"actor": it.actor, "priority": Priority.BALANCER, "policy": policy}
    return {"migration": request_migration(move.vm, row.host, **asked)}  # type: ignore[arg-type]


def _end(it: Reins, move: PlanMove, to: PlanMoveState, because: str) -> None:
    with it.act():
        advance(move, to, because=because, ended_at=it.clock.now())
