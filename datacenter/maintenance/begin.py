"""Beginning: plans whose moment has come, and the next hosts of a roll."""

import logging

from datacenter.maintenance import doors, plans, steps
from datacenter.maintenance.reins import Reins, host_s
from datacenter.models.plan import PlanHost, PlanMove
from hosts.advance import advance
from hosts.states import HostState, PlanHostState, PlanMoveState, PlanState

log = logging.getLogger(__name__)

_BEGUN = (PlanHostState.DRAINING, PlanHostState.WORKING, PlanHostState.RETURNING)
#: placements older than this are computed anew before a host begins, in seconds
FRESH_S = 60.0


def when_due(it: Reins) -> None:
    """Start an approved plan whose start has come; one without a start waits for somebody."""
    plan = it.plan
    if plan.starts_at is None or it.clock.now() < plan.starts_at:
        return
    with it.act() as plan:
        if plan.state == PlanState.APPROVED:
            advance(plan, PlanState.RUNNING, because="Its start has come.", started_at=it.clock.now())


def next_hosts(it: Reins) -> None:
    """Begin hosts, in their order, as long as there is room beside those that have begun."""
    plan = it.plan
    waiting = list(plan.hosts.filter(state=PlanHostState.WAITING).select_related("host", "plan"))
    if not waiting or plan.hosts.filter(state__in=_BEGUN).count() >= it.terms.at_once:
        return
    if it.since(plan.computed_at) > FRESH_S or plan.computed_at is None:
        with it.act() as plan:
            plans.compute(plan)
        waiting = list(plan.hosts.filter(state=PlanHostState.WAITING).select_related("host", "plan"))
    for row in waiting:
        if plan.hosts.filter(state__in=_BEGUN).count() >= it.terms.at_once or it.plan.state != PlanState.RUNNING:
            return
        if it.fits(host_s(row)) and not plans.waits_for(row):
            _begin(it, row)
    _stop_where_nothing_fits(it)


def _begin(it: Reins, row: PlanHost) -> None:
    remembered = None if row.before else steps.remember(row.host)
    with it.act() as plan:
        row.refresh_from_db()
        row.host.refresh_from_db()
        if plan.state != PlanState.RUNNING or row.state != PlanHostState.WAITING:
            return
        if row.host.state == HostState.CONNECTING:
            return  # in some seconds it is up, or silent
        why = doors.why_not(row.host) or _red(it, row)
        if why and it.terms.skip_blocked:
            advance(row, PlanHostState.SKIPPED, because=f"Passed over: {why}"[:500], ended_at=it.clock.now())
        elif why and doors.why_not(row.host):
            log.error("%s cannot begin: %s", row, why, extra={"action": "plan_host_failed", "row": row.pk})
            advance(row, PlanHostState.FAILED, because=why, ended_at=it.clock.now())
            advance(plan, PlanState.FAILED, because=why)
        else:
            before = remembered or row.before
            now = it.clock.now()
            advance(row, PlanHostState.DRAINING, because="Its turn has come.", started_at=now, before=before)


def _red(it: Reins, row: PlanHost) -> str:
    """VMs that block, where blocked hosts are passed over; a person who lets them wait lets the others move."""
    open_ = row.moves.filter(leg=PlanMove.Leg.OUT, state=PlanMoveState.WAITING, light=PlanMove.Light.RED)
    reds = open_.filter(fallback="", vm__host=row.host, vm__state__in=doors.ACTIVE).select_related("vm")
    if not it.terms.skip_blocked or (it.terms.stop_unmovable and not reds.filter(action=PlanMove.Action.ASK)):
        return ""
    return "; ".join(f"{move.vm}: {move.why}" for move in reds[:3])


def _stop_where_nothing_fits(it: Reins) -> None:
    """Nothing has begun and nothing would end in time: the window's rest is left to others."""
    with it.act() as plan:
        if plan.state != PlanState.RUNNING or plan.hosts.filter(state__in=_BEGUN).exists():
            return
        if plan.hosts.filter(state=PlanHostState.WAITING).exists():
            because = f"No further host would be done before the window ends at {plan.window_ends_at:%H:%M} UTC."
            advance(plan, PlanState.STOPPED, because=because)
