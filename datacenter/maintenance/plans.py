"""Making a plan, and computing it anew: rows in, rows out. What goes where is decided in maintenance/planner.

A plan is a draft until somebody approves it; a change is refused where it was given for an older version of the plan.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from datacenter import audit, placement
from datacenter.access import Verb
from datacenter.maintenance.terms import Order, Terms
from datacenter.models import HostHold, MaintenancePolicy, Plan, PlanHost, PlanMove, PlanStep
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.advance import advance
from hosts.models import VM, Host, MaintenanceRule
from hosts.states import HostState, PlanHostState, PlanMoveState, PlanState, VMState

#: nothing of it has begun, or something may still be changed
_OPEN = (PlanState.DRAFT, PlanState.RUNNING, PlanState.PAUSED, PlanState.STOPPED, PlanState.FAILED)
_ON = (VMState.UP, VMState.PAUSED, VMState.POWERING_DOWN, VMState.SUSPENDED, VMState.UNKNOWN)


def make_plan(
    user: Any,
    hosts: Sequence[Host],
    *,
    title: str,
    reason: str,
    terms: Terms,
    policy: MaintenancePolicy | None = None,
    window_ends_at: datetime | None = None,
) -> Plan:
    """A draft for emptying ``hosts``, computed. Forbidden, or Refused with the field ("hosts", "title")."""
    for host in hosts:
        require(user, Verb.OPERATE, host, order="plan_maintenance")
    _check_hosts(hosts)
    with transaction.atomic():
        plan = Plan.objects.create(
            title=title[:120],
            reason=reason[:500],
            policy=policy,
            terms=terms.as_json(),
            made_by=user.get_username(),
            window_ends_at=window_ends_at,
            version=0,
        )
        rows = [
            PlanHost(plan=plan, host=host, position=place) for place, host in enumerate(_ordered(hosts, terms), start=1)
        ]
        PlanHost.objects.bulk_create(rows)
        PlanStep.objects.bulk_create(step for row in rows for step in _steps(row, terms))
        compute(plan)
        audit.record(user, "plan_maintenance", plan, detail=", ".join(sorted(host.name for host in hosts)))
    return plan


def compute(plan: Plan) -> None:
    """Place and forecast anew what has not begun; people's choices stay."""
    with transaction.atomic():
        waiting = list(plan.hosts.filter(state=PlanHostState.WAITING).select_related("host__cluster__datacenter"))
        for row in waiting:
            _place(row, besides={each.host_id for each in waiting})
        plan.version += 1
        plan.computed_at = timezone.now()
        plan.save(update_fields=["version", "computed_at"])
        feed.changed("plan", plan.pk)


def change_move(
    user: Any,
    plan: Plan,
    move: PlanMove,
    *,
    version: int,
    action: str | None = None,
    target: Host | None = None,
    position: int | None = None,
) -> None:
    """A person's word on one VM: what is done with it, where it goes, when. Forbidden, or Refused with the field."""
    require(user, Verb.OPERATE, move.vm, order="change_plan")
    with transaction.atomic():
        plan = _changeable(plan, version)
        if move.state != PlanMoveState.WAITING:
            raise Refused(f"What becomes of {move.vm} has begun already.")
        if action is not None:
            if action not in PlanMove.Action.values:
                raise Refused(f"There is no action “{action}”.", field="action")
            move.action, move.chosen_by = action, user.get_username()
        if target is not None:
            move.target, move.target_chosen, move.chosen_by = target, True, user.get_username()
        if position is not None:
            move.position = position
        move.save()
        compute(plan)
        audit.record(user, "change_plan", plan, detail=f"{move.vm}: {move.action} {target or ''}".strip())


def change_host(
    user: Any, plan: Plan, plan_host: PlanHost, *, version: int, position: int | None = None, skip: bool | None = None
) -> None:
    """A person's word on one host: its place in the roll, or that it is passed over. Forbidden, or Refused."""
    require(user, Verb.OPERATE, plan_host.host, order="change_plan")
    with transaction.atomic():
        plan = _changeable(plan, version)
        if skip and plan_host.state == PlanHostState.WAITING:
            actor = user.get_username()
            advance(plan_host, PlanHostState.SKIPPED, because=f"{actor} left it out.", actor=actor)
        if position is not None:
            others = [row for row in plan.hosts.all() if row.pk != plan_host.pk]
            others.insert(max(0, position - 1), plan_host)
            for place, row in enumerate(others, start=1):
                row.position = place
            PlanHost.objects.bulk_update(others, ["position"])
        compute(plan)
        audit.record(user, "change_plan", plan, detail=str(plan_host.host))


def change_terms(user: Any, plan: Plan, *, version: int, terms: Terms) -> None:
    """How the plan goes about it. Forbidden, or Refused with the field."""
    for row in plan.hosts.select_related("host"):
        require(user, Verb.OPERATE, row.host, order="change_plan")
    with transaction.atomic():
        plan = _changeable(plan, version)
        plan.terms = terms.as_json()
        plan.save(update_fields=["terms"])
        PlanStep.objects.filter(plan_host__plan=plan, plan_host__state=PlanHostState.WAITING).delete()
        waiting = plan.hosts.filter(state=PlanHostState.WAITING)
        PlanStep.objects.bulk_create(step for row in waiting for step in _steps(row, terms))
        compute(plan)
        audit.record(user, "change_plan", plan, detail="terms")


def _changeable(plan: Plan, version: int) -> Plan:
    row = Plan.objects.select_for_update().get(pk=plan.pk)
    if row.version != version:
        raise Refused(f"Somebody changed the plan meanwhile: it is version {row.version} now. Look at it again.")
    if PlanState.of(row.state) not in _OPEN:
        raise Refused(f"A plan that is {PlanState.of(row.state).label.lower()} cannot be changed.")
    return row


def _check_hosts(hosts: Sequence[Host]) -> None:
    if not hosts:
        raise Refused("Choose at least one host.", field="hosts")
    if len({host.cluster_id for host in hosts}) > 1:
        raise Refused("The hosts of one plan belong to one cluster.", field="hosts")
    pks = [host.pk for host in hosts]
    if held := HostHold.objects.filter(host__in=pks).select_related("host", "plan").first():
        raise Refused(f"{held.host} is held by the plan “{held.plan}”.", field="hosts")
    others = Host.objects.filter(cluster=hosts[0].cluster_id, state=HostState.UP).exclude(pk__in=pks)
    if len(pks) == 1 and not others.exists() and VM.objects.filter(host__in=pks, state__in=_ON).exists():
        raise Refused(f"{hosts[0]} is the last host of its cluster that is up.", field="hosts")


def _ordered(hosts: Sequence[Host], terms: Terms) -> list[Host]:
    return list(hosts) if terms.order is Order.LISTED else sorted(hosts, key=lambda host: (host.name, host.pk))


def _steps(row: PlanHost, terms: Terms) -> list[PlanStep]:
    return [
        PlanStep(plan_host=row, position=place, when=step.when, kind=step.kind, params=dict(step.params))
        for place, step in enumerate(terms.steps, start=1)
    ]


def _place(row: PlanHost, *, besides: set[int]) -> None:
    """Each VM of the host to the best host that is not itself to be emptied."""
    chosen = {move.vm_id: move for move in row.moves.exclude(chosen_by="")}
    row.moves.filter(state=PlanMoveState.WAITING, chosen_by="").delete()
    vms = VM.objects.filter(host=row.host, state__in=_ON).exclude(pk__in=chosen)
    ranked = placement.rank_together(vms.select_related("host__cluster__datacenter", "migration_policy"))
    moves = []
    for place, (vm, judged) in enumerate(ranked.items(), start=1):
        fit = [each for each in judged if each.ok]
        best = next((each for each in fit if each.host.pk not in besides), fit[0] if fit else None)
        move = PlanMove(plan_host=row, vm=vm, action=_action(vm), position=place, target=best.host if best else None)
        if move.action == PlanMove.Action.MIGRATE and best is None:
            move.light, move.why = PlanMove.Light.RED, placement.nobody(judged)[:500]
            move.remedy = "Move it by hand, or shut it down for the time."
        elif move.action == PlanMove.Action.ASK:
            move.light, move.why = PlanMove.Light.RED, "Its rule for maintenance asks a person."
            move.remedy = "Choose what becomes of it."
        if move.action != PlanMove.Action.MIGRATE:
            move.target = None
        moves.append(move)
    PlanMove.objects.bulk_create(moves)


def _action(vm: VM) -> str:
    return PlanMove.Action(MaintenanceRule(vm.maintenance_rule).value)
