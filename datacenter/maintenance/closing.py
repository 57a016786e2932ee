"""The ends of a plan: its window closes, it is cancelled, all its hosts are done."""

import logging

from django.db.models import F

from datacenter.maintenance import ending, holds, home, report, sending
from datacenter.maintenance.reins import Reins
from datacenter.models.plan import Plan, PlanMove
from hosts import feed
from hosts.advance import advance
from hosts.states import PlanHostState, PlanMoveState, PlanState, VMState

log = logging.getLogger(__name__)

_BEGUN = (PlanHostState.DRAINING, PlanHostState.WORKING, PlanHostState.RETURNING)


def close_window(it: Reins) -> None:
    """The window has ended: what copies still is cancelled, hosts not empty are up again; work on empty ones ends."""
    because = "The window has ended."
    for row in it.plan.hosts.filter(state=PlanHostState.DRAINING).select_related("host", "plan"):
        with it.act():
            ending.give_back(row, PlanHostState.WAITING, because=because, actor=it.actor, running=True)
    for row in it.plan.hosts.filter(state=PlanHostState.RETURNING):
        with it.act():
            ending.call_back_all(row, actor=it.actor, running=True)
    if not it.plan.hosts.filter(state__in=_BEGUN).exists():
        with it.act() as plan:
            waiting = plan.hosts.filter(state=PlanHostState.WAITING).exists()
            if plan.state == PlanState.RUNNING and it.closing() and waiting:
                advance(plan, PlanState.STOPPED, because=f"{because} The next one goes on where this stopped.")


def cancelling(it: Reins) -> None:
    """Hosts whose step ran when the plan was cancelled end with that step."""
    with it.act() as plan:
        ending.call_off(plan, because=plan.because, actor=it.actor, running=plan.cancel_running)


def end(it: Reins) -> None:
    """End the plan where nothing is left to do, with its report; then its hosts are free."""
    plan = Plan.objects.get(pk=it.plan.pk)
    if plan.hosts.filter(state__in=_BEGUN).exists() or _under_way(plan):
        return
    if plan.state == PlanState.FAILED:
        if plan.ended_at is None:
            _close(it, None)
    elif plan.state == PlanState.CANCELLING:
        _close(it, PlanState.CANCELLED)
    elif plan.state == PlanState.RUNNING:
        over = (PlanHostState.DONE, PlanHostState.SKIPPED, PlanHostState.CANCELLED)
        if not plan.hosts.exclude(state__in=over).exists():
            _close(it, PlanState.FINISHED)


def _under_way(plan: Plan) -> bool:
    return PlanMove.objects.filter(plan_host__plan=plan, state=PlanMoveState.RUNNING).exists()


def _close(it: Reins, to: PlanState | None) -> None:
    with it.act() as plan:
        now = it.clock.now()
        told = report.make(plan, ended_at=now)
        if to is None:
            Plan.objects.filter(pk=plan.pk).update(ended_at=now, report=told)
            feed.changed("plan", plan.pk)
        else:
            because = plan.because + _still_down(plan) if to is PlanState.CANCELLED else _words(plan)
            advance(plan, to, because=because, ended_at=now, report=told)
        holds.release(plan)
        sending.send(plan)


def _still_down(plan: Plan) -> str:
    """VMs that the plan ended on hosts which stay in maintenance: nobody starts them but a person."""
    ended = PlanMove.objects.filter(plan_host__plan=plan, leg=PlanMove.Leg.OUT, operation__isnull=False)
    down = ended.filter(vm__state=VMState.DOWN, vm__host=F("plan_host__host"), action__in=home.OFF)
    names = sorted({f"{move.vm} on {move.vm.host}" for move in down.select_related("vm__host")})
    return f" Still down: {', '.join(names)}." if names else ""


def _words(plan: Plan) -> str:
    skipped = list(plan.hosts.filter(state=PlanHostState.SKIPPED).values_list("host__name", flat=True))
    return f"All hosts are done{' but ' + ', '.join(skipped) + ', passed over' if skipped else ''}."
