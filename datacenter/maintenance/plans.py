"""Making a plan, changing it, computing it anew: rows in, rows out. What goes where is decided in maintenance/planner.

A change is refused where it was given for an older version of the plan, or where it has begun. What a person chose
stays chosen, whatever is computed later: where it cannot be any more it is red, with the reason.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from datacenter import audit
from datacenter.access import Verb
from datacenter.maintenance import allowed, proposal
from datacenter.maintenance.planner import Proposal, propose
from datacenter.maintenance.snapshot import snapshot
from datacenter.maintenance.terms import Order, Terms
from datacenter.models import HostHold, MaintenancePolicy, Plan, PlanHost, PlanMove, PlanStep
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.advance import advance
from hosts.models import VM, Host, MigrationPolicy
from hosts.states import HOLDING_PLAN, HostState, PlanHostState, PlanMoveState, PlanState, VMState

#: in these something may still be changed; one that is approved is taken back first
_OPEN = (PlanState.DRAFT, PlanState.RUNNING, PlanState.PAUSED, PlanState.STOPPED, PlanState.FAILED)
_OVER = (PlanHostState.DONE, PlanHostState.SKIPPED, PlanHostState.CANCELLED)
_RUNS = (VMState.UP, VMState.PAUSED, VMState.POWERING_DOWN, VMState.SUSPENDED, VMState.UNKNOWN)
MOST_AT_ONCE = 100


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
    """A draft for emptying ``hosts``, computed. Forbidden, or Refused with the field ("hosts", "at_once", …)."""
    for host in hosts:
        require(user, Verb.OPERATE, host, order="plan_maintenance")
    check_hosts(hosts, terms)
    check_terms(terms)
    allowed.check_steps(user, hosts, terms)
    with transaction.atomic():
        plan = Plan.objects.create(
            title=title.strip()[:120] or f"Maintenance of {hosts[0]}",
            reason=reason[:500],
            policy=policy,
            terms=terms.as_json(),
            made_by=user.get_username(),
            window_ends_at=window_ends_at,
            version=0,
        )
        rows = [PlanHost(plan=plan, host=host, position=at) for at, host in enumerate(_ordered(hosts, terms), start=1)]
        PlanHost.objects.bulk_create(rows)
        PlanStep.objects.bulk_create(step for row in rows for step in _steps(row, terms))
        compute(plan)
        audit.record(user, "plan_maintenance", plan, detail=", ".join(sorted(host.name for host in hosts)))
    return plan


def compute(plan: Plan) -> None:
    """Place and forecast anew what has not begun; people's choices stay. A fixed number of queries."""
    with transaction.atomic():
        hosts = list(plan.hosts.select_related("host__cluster__datacenter", "host__cluster__migration_policy"))
        moves = list(PlanMove.objects.filter(plan_host__plan=plan).select_related("plan_host"))
        steps = list(PlanStep.objects.filter(plan_host__plan=plan))
        proposal.write(plan, hosts, moves, _propose(plan, hosts, moves, steps))
        plan.version += 1
        plan.computed_at = timezone.now()
        plan.save(update_fields=["version", "computed_at", "expected_s", "expected_p90_s"])
        feed.changed("plan", plan.pk)
        for row in hosts:
            feed.changed("plan_host", row.pk)


def _propose(plan: Plan, hosts: list[PlanHost], moves: list[PlanMove], steps: list[PlanStep]) -> Proposal:
    if not hosts:
        return Proposal(moves=(), hosts=(), seconds=None, p90_s=None)
    terms = Terms.from_json(plan.terms)
    wishes = proposal.wishes(terms, hosts, moves, steps)
    seen = snapshot(
        plan,
        hosts[0].host.cluster,
        [wish.key for wish in wishes.hosts],
        policy=terms.migration_policy,
        said=[vm for _, vm in wishes.choices],
    )
    return propose(seen, wishes)


def waits_for(row: PlanHost) -> str:
    """Why this host of a roll had better not begin now, though there is a place for it: some of its VMs are to go to a
    host that is still being emptied or worked on. "" where it may.
    """
    open_ = row.moves.filter(leg=PlanMove.Leg.OUT, state=PlanMoveState.WAITING, target__isnull=False)
    under_way = row.plan.hosts.filter(state__in=proposal.BEGUN).values("host")
    first = open_.filter(target__in=under_way).select_related("target").order_by("target__name").first()
    return f"Its VMs are to go to {first.target}, which has to be done first." if first else ""


# changes
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
    with _change(user, plan, version) as row:
        fresh = PlanMove.objects.select_for_update(of=("self",)).filter(pk=move.pk, plan_host__plan=row).first()
        if fresh is None:
            raise Refused("This VM has no such move in the plan any more. Look at it again.")
        if fresh.state != PlanMoveState.WAITING or fresh.leg != PlanMove.Leg.OUT:
            raise Refused(f"What becomes of {move.vm} has begun already, or follows from its way out.")
        _choose(fresh, user.get_username(), action, target, position)
        compute(row)
        said = [PlanMove.Action(fresh.action).label, f"to {target}" if target else "", f"as no. {position}"][
            : 3 if position else 2
        ]
        audit.record(user, "change_plan", row, detail=f"{move.vm}: {' '.join(part for part in said if part)}")
    move.refresh_from_db()


def _choose(move: PlanMove, who: str, action: str | None, target: Host | None, position: int | None) -> None:
    if action is not None and action not in PlanMove.Action.values:
        raise Refused(f"There is no action “{action}”.", field="action")
    if action in (PlanMove.Action.START, PlanMove.Action.ASK):
        raise Refused("Choose what is to become of it.", field="action")
    if target is not None and action not in (None, PlanMove.Action.MIGRATE):
        raise Refused("Only a VM that is migrated goes to another host.", field="target")
    if target is not None and target.cluster_id != move.plan_host.host.cluster_id:
        raise Refused(f"{target} is in another cluster: a VM migrates live within its own.", field="target")
    if target is not None and target.pk == move.plan_host.host_id:
        raise Refused(f"{target} is the host that is to be emptied.", field="target")
    if target is not None:
        move.action, move.target, move.target_chosen, move.chosen_by = PlanMove.Action.MIGRATE, target, True, who
    elif action is not None:
        move.action, move.target, move.target_chosen, move.chosen_by = action, None, False, who
    if position is not None:
        if position < 1:
            raise Refused("A place in the order is 1 or more.", field="position")
        move.position, move.position_chosen = position, True
    move.save()


def change_host(
    user: Any, plan: Plan, plan_host: PlanHost, *, version: int, position: int | None = None, skip: bool | None = None
) -> None:
    """A person's word on one host: its place in the roll, or that it is passed over (in a draft also taken back).

    Forbidden, or Refused with the field. A host that has begun is skipped by maintenance.orders.skip_host.
    """
    require(user, Verb.OPERATE, plan_host.host, order="change_plan")
    with _change(user, plan, version) as row:
        there = row.hosts.select_related("host").get(pk=plan_host.pk)
        if skip is not None:
            there = _skip(row, there, user) if skip else _unskip(row, there)
        if position is not None:
            if there.state != PlanHostState.WAITING:
                raise Refused(
                    f"{there.host} has begun, or is out of the roll: its place is no matter.", field="position"
                )
            _place_at(row, there, position)
        compute(row)
        word = "left out" if skip else "taken in again" if skip is not None else f"as no. {position}"
        audit.record(user, "change_plan", row, detail=f"{there.host}: {word}")


def _skip(plan: Plan, there: PlanHost, user: Any) -> PlanHost:
    if there.state != PlanHostState.WAITING:
        raise Refused(f"{there.host} is {PlanHostState.of(there.state).label.lower()}: it cannot be left out any more.")
    actor = user.get_username()
    advance(there, PlanHostState.SKIPPED, because=f"Left out by {actor}.", actor=actor)
    there.moves.filter(state=PlanMoveState.WAITING).delete()
    PlanHost.objects.filter(pk=there.pk).update(expected_start_s=None, expected_empty_s=None, expected_end_s=None)
    HostHold.objects.filter(plan=plan, host=there.host_id).delete()
    feed.changed("host", there.host_id)
    return there


def _unskip(plan: Plan, there: PlanHost) -> PlanHost:
    """In a draft nothing has happened yet, so the row is simply made anew."""
    if there.state != PlanHostState.SKIPPED:
        return there
    if plan.state != PlanState.DRAFT:
        raise Refused(f"{there.host} was left out of a plan that has begun; make another plan for it.")
    place, host = there.position, there.host
    there.delete()
    fresh = PlanHost.objects.create(plan=plan, host=host, position=place)
    PlanStep.objects.bulk_create(_steps(fresh, Terms.from_json(plan.terms)))
    return fresh


def _place_at(plan: Plan, there: PlanHost, position: int) -> None:
    """Behind what has begun; the others keep their order."""
    rows = list(plan.hosts.all())
    fixed = [row for row in rows if row.state != PlanHostState.WAITING]
    others = [row for row in rows if row.state == PlanHostState.WAITING and row.pk != there.pk]
    ahead = sum(row.position < position for row in fixed)
    others.insert(max(0, position - 1 - ahead), there)
    for place, row in enumerate([*fixed, *others], start=1):
        row.position = place
    PlanHost.objects.bulk_update([*fixed, *others], ["position"])


def change_terms(user: Any, plan: Plan, *, version: int, terms: Terms) -> None:
    """How the plan goes about it; hosts that have begun keep their steps. Forbidden, or Refused with the field."""
    hosts = [each.host for each in plan.hosts.select_related("host__cluster__datacenter")]
    for host in hosts:
        require(user, Verb.OPERATE, host, order="change_plan")
    check_terms(terms)
    allowed.check_steps(user, hosts, terms, before=Terms.from_json(plan.terms))
    with _change(user, plan, version) as row:
        waiting = list(row.hosts.filter(state=PlanHostState.WAITING).select_related("host"))
        check_spare_host([each.host for each in waiting], terms)
        before = Terms.from_json(row.terms)
        row.terms = terms.as_json()
        row.save(update_fields=["terms"])
        if terms.order is not before.order and terms.order is not Order.LISTED:
            _reorder(row, waiting, terms)
        PlanStep.objects.filter(plan_host__in=waiting).delete()
        PlanStep.objects.bulk_create(step for each in waiting for step in _steps(each, terms))
        compute(row)
        audit.record(user, "change_plan", row, detail="terms")


def _reorder(plan: Plan, waiting: list[PlanHost], terms: Terms) -> None:
    places = sorted(row.position for row in waiting)
    by_host = {row.host_id: row for row in waiting}
    for place, host in zip(places, _ordered([row.host for row in waiting], terms), strict=True):
        by_host[host.pk].position = place
    PlanHost.objects.bulk_update(waiting, ["position"])


@contextmanager
def _change(user: Any, plan: Plan, version: int) -> Iterator[Plan]:
    """The plan's row, locked, if it may be changed now; ``plan`` is read again afterwards."""
    try:
        with transaction.atomic():
            row = Plan.objects.select_for_update().get(pk=plan.pk)
            if row.version != version:
                raise Refused(
                    f"The plan was changed meanwhile (version {row.version}, you saw {version}). Look at it again.",
                    field="version",
                )
            state = PlanState.of(row.state)
            if state is PlanState.APPROVED:
                raise Refused("This plan is approved. Take the approval back to change it.")
            if state not in _OPEN:
                raise Refused(f"A plan that is {state.label.lower()} cannot be changed.")
            yield row
    except Refused as exc:
        audit.record(user, "change_plan", plan, detail=str(exc), refused=True)
        raise
    plan.refresh_from_db()


# checks
def check_hosts(hosts: Sequence[Host], terms: Terms) -> None:
    """Refused where these hosts can be in no plan together, or one of them is another plan's. Also for policies."""
    if not hosts:
        raise Refused("Choose at least one host.", field="hosts")
    clusters = sorted({host.cluster.name for host in hosts})
    if len({host.cluster_id for host in hosts}) > 1:
        raise Refused(f"The hosts of one plan belong to one cluster; these are of {_and(clusters)}.", field="hosts")
    if len({host.pk for host in hosts}) < len(hosts):
        raise Refused("A host is listed twice.", field="hosts")
    held = PlanHost.objects.filter(host__in=[host.pk for host in hosts], plan__state__in=HOLDING_PLAN)
    if other := held.exclude(state__in=_OVER).select_related("host", "plan").order_by("host__name").first():
        raise Refused(
            f"{other.host} belongs to the plan “{other.plan}” ({PlanState.of(other.plan.state).label.lower()}); "
            "a host belongs to one plan at a time.",
            field="hosts",
        )
    check_spare_host(hosts, terms)


def check_spare_host(hosts: Sequence[Host], terms: Terms) -> None:
    """Refused where a moment would come at which no host of the cluster is up, while VMs run on these."""
    if not hosts or not VM.objects.filter(host__in=[host.pk for host in hosts], state__in=_RUNS).exists():
        return
    up = set(Host.objects.filter(cluster=hosts[0].cluster_id, state=HostState.UP).values_list("pk", flat=True))
    mine = up & {host.pk for host in hosts}
    others = len(up) - len(mine)
    if others or not mine:
        return
    if len(up) == 1:
        raise Refused(
            f"{hosts[0]} is the last host of its cluster that is up: nothing could take its VMs.", field="hosts"
        )
    if min(terms.at_once, len(mine)) >= len(up):
        raise Refused(
            f"{terms.at_once} hosts at once are all of the cluster's {len(up)} that are up: at least one stays up.",
            field="at_once",
        )


def check_terms(terms: Terms) -> None:
    """What in the terms makes no sense for a plan. Refused with the field."""
    if not 1 <= terms.at_once <= MOST_AT_ONCE:
        raise Refused(f"1 to {MOST_AT_ONCE} hosts at once.", field="at_once")
    if terms.migration_policy and not MigrationPolicy.objects.filter(name=terms.migration_policy).exists():
        raise Refused(f"There is no migration policy “{terms.migration_policy}”.", field="migration_policy")


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _ordered(hosts: Sequence[Host], terms: Terms) -> list[Host]:
    """The roll's order; ties go by name."""
    if terms.order is Order.LISTED:
        return list(hosts)
    by_name = sorted(hosts, key=lambda host: (host.name, host.pk))
    if terms.order is Order.NAME:
        return by_name
    on = VM.objects.filter(host__in=[host.pk for host in hosts], state__in=_RUNS)
    weigh = Sum("memory_bytes") if terms.order is Order.LEAST_MEMORY else Sum(1)
    weights = {row["host"]: row["weight"] for row in on.order_by().values("host").annotate(weight=weigh)}
    return sorted(by_name, key=lambda host: weights.get(host.pk) or 0)


def _steps(row: PlanHost, terms: Terms) -> list[PlanStep]:
    return [
        PlanStep(plan_host=row, position=place, when=step.when, kind=step.kind, params=dict(step.params))
        for place, step in enumerate(terms.steps, start=1)
    ]
