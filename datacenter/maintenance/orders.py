"""What may be ordered of a maintenance plan and of the hosts in it. Rows are written; the runner does it.

Every order asks access, writes the audit, and is refused (``Refused``, with the field) where it makes no sense now or
was given for an older ``version`` of the plan. ``version`` None: whatever the plan is now.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from datacenter import audit
from datacenter.access import Verb
from datacenter.maintenance import doors, ending, holds
from datacenter.maintenance.terms import After, Terms
from datacenter.models.plan import Plan, PlanHost, PlanMove, PlanStep
from datacenter.orders.ask import require
from datacenter.orders.errors import Forbidden, Refused
from hosts.advance import advance
from hosts.models import Host
from hosts.states import HostState, PlanHostState, PlanState, PlanStepState, State

__all__ = [
    "Forbidden", "Refused",
    "activate", "approve", "cancel", "confirm_step", "pause", "resume", "skip_host", "start", "to_maintenance",
    "unapprove",
]  # fmt: skip

#: a host of a plan in one of these has begun and is not done with
BEGUN = (PlanHostState.DRAINING, PlanHostState.WORKING, PlanHostState.RETURNING)


def to_maintenance(user: Any, hosts: Sequence[Host], reason: str, *, force: bool = False) -> Plan:
    """One click: a plan for these hosts, approved and started; they stay in maintenance until somebody activates them.

    Refused where a host cannot go, or where a VM blocks, unless ``force``: then the others move, and the host waits
    for a person to decide about those that block.
    """
    from datacenter.maintenance import plans  # plans ask orders whether a plan may be changed

    for host in hosts:
        require(user, Verb.OPERATE, host, order="maintenance")
    try:
        with transaction.atomic():
            for host in hosts:
                if why := doors.why_not(host):
                    raise Refused(why, field="hosts")
            terms = Terms(at_once=max(1, len(hosts)), skip_blocked=False, follow=After.STAY, keep_spare=not force)
            title = f"Maintenance of {', '.join(host.name for host in hosts)}"[:120]
            plan = plans.make_plan(user, hosts, title=title, reason=reason, terms=terms)
            if not force and (why := _blockers(plan)):
                raise Refused(why, field="hosts")
            approve(user, plan, version=plan.version)
            start(user, plan)
    except Refused as exc:
        for host in hosts:
            audit.record(user, "maintenance", host, detail=str(exc), refused=True)
        raise
    return plan


def _blockers(plan: Plan) -> str:
    red = PlanMove.objects.filter(plan_host__plan=plan, light=PlanMove.Light.RED).select_related("vm")
    said = [f"{move.vm}: {move.why}" for move in red[:4]]
    return f"VMs block it. {' '.join(said[:3])}{' And others.' if len(said) > 3 else ''}" if said else ""


def approve(user: Any, plan: Plan, *, version: int, starts_at: datetime | None = None) -> None:
    """Draft to approved: from now on the plan holds its hosts. Refused where another plan holds one of them."""
    with _order(user, plan, "approve", allowed=(PlanState.DRAFT,), version=version) as row:
        if not row.hosts.exclude(state__in=(PlanHostState.SKIPPED, PlanHostState.CANCELLED)).exists():
            raise Refused("This plan has no host.", field="hosts")
        holds.take(row)
        now = timezone.now()
        because = f"Approved by {user.get_username()}."
        also = {"approved_by": user.get_username(), "approved_at": now, "starts_at": starts_at}
        _move(row, PlanState.APPROVED, because, user, **also)


def unapprove(user: Any, plan: Plan, *, version: int | None = None) -> None:
    """Back to a draft; its hosts are free again."""
    with _order(user, plan, "unapprove", allowed=(PlanState.APPROVED,), version=version) as row:
        holds.release(row)
        because = f"Taken back by {user.get_username()}."
        _move(row, PlanState.DRAFT, because, user, approved_by="", approved_at=None, starts_at=None)


def start(user: Any, plan: Plan, *, version: int | None = None, window_ends_at: datetime | None = None) -> None:
    """Approved to running. ``window_ends_at``: nothing begins whose forecast end lies past it."""
    with _order(user, plan, "start", allowed=(PlanState.APPROVED,), version=version) as row:
        also: dict[str, Any] = {"started_at": timezone.now()}
        if window_ends_at is not None:
            also["window_ends_at"] = window_ends_at
        _move(row, PlanState.RUNNING, f"Started by {user.get_username()}.", user, **also)


def pause(user: Any, plan: Plan, *, version: int | None = None) -> None:
    """Hosts that have begun are finished, no further one begins."""
    with _order(user, plan, "pause", allowed=(PlanState.RUNNING,), version=version) as row:
        _move(row, PlanState.PAUSED, f"Paused by {user.get_username()}: what had begun is finished.", user)


def resume(user: Any, plan: Plan, *, version: int | None = None, window_ends_at: datetime | None = None) -> None:
    """On from where it paused, stopped or failed; in a running plan it only sets a new end of the window.

    What failed is tried again. A person who resumes a stopped plan without a window lets it run without one.
    """
    allowed = (PlanState.PAUSED, PlanState.STOPPED, PlanState.FAILED, PlanState.RUNNING)
    with _order(user, plan, "resume", allowed=allowed, version=version) as row:
        if row.state == PlanState.RUNNING and window_ends_at is None:
            raise Refused("This plan is running already.")
        holds.take(row)
        if row.state == PlanState.RUNNING:
            Plan.objects.filter(pk=row.pk).update(window_ends_at=window_ends_at)
            return
        also: dict[str, Any] = {"ended_at": None}
        if window_ends_at is not None or row.state == PlanState.STOPPED:
            also["window_ends_at"] = window_ends_at
        because = f"Resumed by {user.get_username()}."
        ending.mend(row, because)
        _move(row, PlanState.RUNNING, because, user, **also)


def cancel(user: Any, plan: Plan, *, stop_running: bool = False, version: int | None = None) -> None:
    """What is queued is cancelled at once, what runs only with ``stop_running``; hosts not empty yet are given back."""
    allowed = tuple(state for state in PlanState if state not in (PlanState.FINISHED, PlanState.CANCELLED))
    with _order(user, plan, "cancel_plan", allowed=allowed, version=version) as row:
        because = f"Cancelled by {user.get_username()}."
        if row.state in (PlanState.DRAFT, PlanState.APPROVED):
            holds.release(row)
            row.hosts.update(state=str(PlanHostState.CANCELLED), because=because)
            _move(row, PlanState.CANCELLED, because, user, ended_at=timezone.now())
            return
        if row.state == PlanState.CANCELLING:
            if row.cancel_running or not stop_running:
                raise Refused("It is being cancelled already.")
            Plan.objects.filter(pk=row.pk).update(cancel_running=True)
        else:
            _move(row, PlanState.CANCELLING, because, user, cancel_running=stop_running)
        ending.call_off(row, because=because, actor=user.get_username(), running=stop_running)


def skip_host(user: Any, plan_host: PlanHost, *, version: int | None = None) -> None:
    """Pass over a host. One that is being emptied is up again at once; what runs already comes to its end."""
    with _order(user, plan_host.plan, "skip_host", allowed=None, version=version) as row:
        there = _locked_host(row, plan_host.pk)
        allowed = (PlanHostState.WAITING, PlanHostState.DRAINING, PlanHostState.FAILED)
        if there.state not in allowed:
            raise Refused(f"{there.host} is {_label(there).lower()} and can no longer be skipped.", field="host")
        if there.state == PlanHostState.FAILED and there.host.state == HostState.MAINTENANCE:
            raise Refused(f"{there.host} is in maintenance: activate it.", field="host")
        because = f"Skipped by {user.get_username()}."
        ending.give_back(there, PlanHostState.SKIPPED, because=because, actor=user.get_username())
        _end_where_nothing_is_left(row, because)


def activate(user: Any, host: Host) -> None:
    """Out of maintenance, once it answers; or up at once where it is still being emptied: that ends its drain."""
    require(user, Verb.OPERATE, host, order="activate")
    try:
        with transaction.atomic():
            rows = PlanHost.objects.filter(host=host, state__in=(*BEGUN, PlanHostState.FAILED))
            row = rows.select_related("plan").order_by("-pk").first()
            if row is not None:
                plan = Plan.objects.select_for_update().get(pk=row.plan_id)
                row = _locked_host(plan, row.pk)
            _activate(user, Host.objects.select_for_update().get(pk=host.pk), row)
            audit.record(user, "activate", host)
    except Refused as exc:
        audit.record(user, "activate", host, detail=str(exc), refused=True)
        raise
    host.refresh_from_db()


def _activate(user: Any, host: Host, row: PlanHost | None) -> None:
    if host.state not in (HostState.PREPARING, HostState.MAINTENANCE):
        raise Refused(f"{host} is {HostState.of(host.state).label.lower()}; there is nothing to activate.")
    because, name = f"Activated by {user.get_username()}.", user.get_username()
    if row is not None and row.state == PlanHostState.WORKING and host.state == HostState.MAINTENANCE:
        todo = (PlanStepState.WAITING, PlanStepState.RUNNING, PlanStepState.ASKING)
        if row.steps.filter(when=PlanStep.When.EMPTY, state__in=todo).exists():
            raise Refused(f"The plan “{row.plan}” has work to do on {host}; cancel the plan, or let it finish.")
    elif row is not None and row.state in (PlanHostState.DRAINING, PlanHostState.FAILED):
        ending.give_back(row, PlanHostState.CANCELLED, because=because, actor=name)
        _end_where_nothing_is_left(row.plan, because)
    doors.reopen(host, because=because, actor=name)


def confirm_step(user: Any, step: PlanStep, *, ok: bool, note: str = "") -> None:
    """A person's word on a step that waits for one. ``ok`` False: it has failed, and the roll stops."""
    with _order(user, step.plan_host.plan, "confirm_step", allowed=None, version=None):
        row = PlanStep.objects.select_for_update(of=("self",)).select_related("plan_host__host").get(pk=step.pk)
        if row.state != PlanStepState.ASKING:
            raise Refused("This step does not wait for a person now.", field="step")
        said = f"{'Confirmed' if ok else 'Refused'} by {user.get_username()}." + (f" {note}" if note else "")
        to = PlanStepState.DONE if ok else PlanStepState.FAILED
        advance(row, to, because=said, actor=user.get_username(), ended_at=timezone.now())


# what they share
@contextmanager
def _order(
    user: Any, plan: Plan, order: str, *, allowed: Sequence[State] | None, version: int | None
) -> Iterator[Plan]:
    """The plan's row, locked, if the order may be given now. ``plan`` is read again afterwards."""
    require(user, Verb.OPERATE, plan, order=order)
    try:
        with transaction.atomic():
            row = Plan.objects.select_for_update().get(pk=plan.pk)
            if version is not None and row.version != version:
                raise Refused(
                    f"The plan was changed meanwhile (version {row.version}, you saw {version}). Look at it again.",
                    field="version",
                )
            if allowed is not None and row.state not in allowed:
                raise Refused(f"This plan is {PlanState.of(row.state).label.lower()}.")
            if allowed is None and PlanState.of(row.state).is_final:
                raise Refused("This plan has ended.")
            yield row
            audit.record(user, order, row, detail=row.because)
    except Refused as exc:
        audit.record(user, order, plan, detail=str(exc), refused=True)
        raise
    finally:
        plan.refresh_from_db()


def _move(row: Plan, to: PlanState, because: str, user: Any, **also: Any) -> None:
    if not advance(row, to, because=because, actor=user.get_username(), **also):
        raise Refused("Somebody else was faster. Look at the plan again.")


def _locked_host(plan: Plan, pk: int) -> PlanHost:
    return PlanHost.objects.select_for_update(of=("self",)).select_related("plan", "host").get(pk=pk, plan=plan)


def _end_where_nothing_is_left(plan: Plan, because: str) -> None:
    """The last host was taken out: the runner lets what moves come to its end and ends the plan."""
    left = (PlanHostState.WAITING, PlanHostState.FAILED, *BEGUN)
    under_way = (PlanState.RUNNING, PlanState.PAUSED, PlanState.STOPPED, PlanState.FAILED)
    if plan.state in under_way and not plan.hosts.filter(state__in=left).exists():
        advance(plan, PlanState.CANCELLING, because=because)


def _label(row: PlanHost) -> str:
    return PlanHostState.of(row.state).label
