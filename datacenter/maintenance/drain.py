"""Emptying one host: every VM on it gets its move, whoever brought it there; when nothing runs there: maintenance."""

import logging
from collections.abc import Mapping

from django.db.models import QuerySet

from datacenter import placement
from datacenter.maintenance import doors, ending, failing, out, plans, work
from datacenter.maintenance.reins import Reins, move_s
from datacenter.models.plan import PlanHost, PlanMove, PlanStep
from hosts.models import VM, Host, MaintenanceRule, Migration
from hosts.states import OPEN_MIGRATION, HostState, PlanHostState, PlanMoveState, VMState

log = logging.getLogger(__name__)

#: a host whose VMs have been unknown for so long while it was emptied has failed, in seconds
SILENT_S = 300.0
#: the planner is asked for a target no more often than this, in seconds
FRESH_S = 5.0
_OPEN = (PlanMoveState.WAITING, PlanMoveState.RUNNING)


def drive(it: Reins, row: PlanHost) -> None:
    """One look at a host that is being emptied."""
    if not work.steps(it, row, PlanStep.When.BEFORE):
        return
    if row.host.state not in (HostState.PREPARING, HostState.MAINTENANCE):
        with it.act() as plan:
            because = plan.reason or f"The plan “{plan}” empties it."
            doors.prepare(row.host, because=because, actor=it.actor, by=plan.approved_by or plan.made_by)
    _meet(it, row)
    _place(it, row)
    moves = out_moves(row)
    ranked = _rank(row, [move.vm_id for move in moves if _needs_host(it, move)])
    ways = {way.vm_id: way for way in _moving(moves)}
    for move in moves:
        out.follow(it, row, move, ranked.get(move.vm_id, []), moving=ways.get(move.vm_id))
    _settle(it, row)


def _moving(moves: list[PlanMove]) -> QuerySet[Migration]:
    vms = [move.vm_id for move in moves]
    return Migration.objects.filter(vm__in=vms, state__in=OPEN_MIGRATION).select_related("destination")


def _needs_host(it: Reins, move: PlanMove) -> bool:
    waits = move.state == PlanMoveState.WAITING and move.action == PlanMove.Action.MIGRATE
    return waits and out.is_due(it, move)


def out_moves(row: PlanHost) -> list[PlanMove]:
    moves = row.moves.filter(leg=PlanMove.Leg.OUT).exclude(state=PlanMoveState.DONE)
    return list(moves.select_related("vm__host", "target", "migration", "operation").order_by("position", "pk"))


def _meet(it: Reins, row: PlanHost) -> None:
    """Each VM that runs here has a move that is not over: those that came or were started meanwhile get one."""
    moves = {move.vm_id: move for move in row.moves.filter(leg=PlanMove.Leg.OUT)}
    for vm in doors.running_on(row.host):
        move = moves.get(vm.pk)
        if move is None:
            with it.act():
                last = max((each.position for each in moves.values()), default=0)
                _pick_up(row, vm, position=last + 1)
        elif move.state in (PlanMoveState.DONE, PlanMoveState.CANCELLED):
            with it.act():
                out.again(move, because=f"It is on {row.host} again.")


def _pick_up(row: PlanHost, vm: VM, *, position: int) -> None:
    action = PlanMove.Action(MaintenanceRule(vm.maintenance_rule).value)
    why = f"It came to {row.host}, or was started there, while the host was being emptied."
    PlanMove.objects.create(plan_host=row, vm=vm, action=action, position=position, why=why)
    log.info("%s is picked up on %s.", vm, row.host, extra={"action": "plan_vm_picked_up", "row": row.pk, "vm": vm.pk})


def _place(it: Reins, row: PlanHost) -> None:
    """Have the planner place those without a target, and at times those that blocked: there may be room by now."""
    waiting = row.moves.filter(
        leg=PlanMove.Leg.OUT, state=PlanMoveState.WAITING, action=PlanMove.Action.MIGRATE, target=None
    )
    patience = FRESH_S if waiting.exclude(light=PlanMove.Light.RED).exists() else out.RED_AGAIN_S
    if waiting.exists() and (it.plan.computed_at is None or it.since(it.plan.computed_at) > patience):
        with it.act() as plan:
            plans.compute(plan)


def _rank(row: PlanHost, waiting: list[int]) -> Mapping[int, list[Host]]:
    """For each of these VMs the hosts that take them together, best first: where its target refuses it after all.

    Those of this plan that are still to be emptied come last; what another plan holds is none of them.
    """
    vms = VM.objects.filter(pk__in=waiting, host=row.host, state__in=(VMState.UP, VMState.PAUSED))
    vms = vms.select_related("host__cluster__datacenter", "migration_policy")
    if not vms:
        return {}
    later = set(row.plan.hosts.filter(state=PlanHostState.WAITING).values_list("host_id", flat=True))
    held = {pk for pk, plan in placement.held_hosts().items() if plan.pk != row.plan_id}
    judged = placement.rank_together(vms)
    return {
        vm.pk: sorted(
            (each.host for each in found if each.ok and each.host.pk not in held), key=lambda host: host.pk in later
        )
        for vm, found in judged.items()
    }


def _settle(it: Reins, row: PlanHost) -> None:
    """Whether it is empty, or will never be."""
    left = frozenset(row.moves.filter(leg=PlanMove.Leg.OUT, state=PlanMoveState.LEFT).values_list("vm_id", flat=True))
    if doors.is_empty(row.host, but=left):
        with it.act():
            if doors.is_empty(row.host, but=left) and doors.shut(row.host, because="Nothing runs on it any more."):
                work.begin(it, row)
        return
    if why := _hopeless(it, row):
        failing.fail_host(it, row, why)
    elif why := _blocked(it, row):
        with it.act():
            ending.give_back(row, PlanHostState.SKIPPED, because=why)
    elif why := _too_late(it, row):
        with it.act():
            ending.give_back(row, PlanHostState.WAITING, because=why)


def _hopeless(it: Reins, row: PlanHost) -> str:
    if it.since(row.started_at) > it.terms.drain_limit_minutes * 60:
        names = ", ".join(doors.running_on(row.host).values_list("name", flat=True)[:5])
        return f"{row.host} was not empty after {it.terms.drain_limit_minutes} min: {names or 'moves under way'}."
    unknown = doors.running_on(row.host).filter(state=VMState.UNKNOWN).order_by("state_since").first()
    if unknown is not None and it.since(unknown.state_since) > SILENT_S:
        return f"{row.host} stopped answering while it was emptied; what its VMs do is not known."
    return ""


def _blocked(it: Reins, row: PlanHost) -> str:
    """A red VM is left and nothing else is on its way: with ``skip_blocked`` the host is passed over."""
    if not it.terms.skip_blocked:
        return ""
    rest = [move for move in out_moves(row) if move.state in _OPEN]
    if not rest or any(move.light != PlanMove.Light.RED or move.state != PlanMoveState.WAITING for move in rest):
        return ""
    return f"Passed over: {'; '.join(f'{move.vm}: {move.why}' for move in rest[:3])}"[:500]


def _too_late(it: Reins, row: PlanHost) -> str:
    """Nothing moves, and nothing that is left would end within the window."""
    rest = [move for move in out_moves(row) if move.state in _OPEN]
    if not rest or any(move.state == PlanMoveState.RUNNING for move in rest) or it.plan.window_ends_at is None:
        return ""
    late = [move for move in rest if move.action == PlanMove.Action.MIGRATE and not it.fits(move_s(move))]
    return "Nothing more would end within the window." if late and len(late) == len(rest) else ""
