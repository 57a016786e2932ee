"""What happens when a policy's window opens: its stopped plan goes on, or a new one is made, approved and started.

Any worker may do it, each few seconds. One ``WindowRun`` is written for each occurrence, in the transaction of what is
done about it; the policy's row is locked meanwhile, and the unique constraint has the last word, so two workers never
serve one window twice, and a worker that dies in between leaves it to the next. What ends with a window is the
runner's work. Deciding is pure (``decide``).
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import Error as DatabaseError
from django.db import IntegrityError, transaction

from datacenter.maintenance import orders, plans
from datacenter.maintenance.policies import hosts_of, quickest_of, rule_of
from datacenter.maintenance.terms import Terms
from datacenter.maintenance.windows import RuleRefused, Window, at
from datacenter.models import MaintenancePolicy, Plan, PlanMove, WindowRun
from datacenter.orders.errors import Refused
from datacenter.units import duration
from hosts.models import Host
from hosts.states import HostState, PlanState
from hosts.threads import blocking
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

EVERY_S = 5.0
#: a window that has less left is not begun at all
LEAST_LEFT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPolicy:
    """Who gives a policy's orders. Only administrators save policies, so a policy may what they may."""

    name: str
    is_authenticated = is_active = is_superuser = True

    def get_username(self) -> str:
        return f"policy {self.name}"


class Do(StrEnum):
    """What an open window calls for."""

    NOTHING = "nothing"  # it was served, or is none of this policy's
    RESUME = "resume"  # its plan goes on, until the end of this window
    MAKE = "make"
    WAIT = "wait"  # served, in that its plan waits for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known when a window is open. ``served``: beginnings and ends of windows that began, near this one."""

    window: Window
    changed_at: datetime
    served: tuple[tuple[datetime, datetime], ...] = ()
    plan: PlanState | None = None  # of the policy's newest plan that has not ended
    now: datetime


def decide(it: Standing) -> tuple[Do, str]:
    """What to do, and why in words where a person is needed. Pure."""
    window = it.window
    if window.starts_at < it.changed_at or it.now < window.starts_at or window.ends_at - it.now < LEAST_LEFT:
        return Do.NOTHING, ""
    # overlapping, not equal: a policy moved by some minutes, or a clock set back, opens no second window in one night
    if any(begin < window.ends_at and window.starts_at < end for begin, end in it.served):
        return Do.NOTHING, ""
    match it.plan:
        case None | PlanState.DRAFT:
            return Do.MAKE, ""
        case PlanState.STOPPED | PlanState.RUNNING:
            return Do.RESUME, ""
        case PlanState.FAILED:
            return Do.WAIT, "failed, and nobody has resumed or cancelled it"
        case PlanState.PAUSED:
            return Do.WAIT, "is paused by a person, and goes on when it is resumed"
        case PlanState.CANCELLING:
            return Do.WAIT, "is being cancelled still"
    return Do.WAIT, "is approved and not started"


def look(*, clock: Clock = WALL) -> None:
    """One round over all policies that are enabled. One that breaks is told of; the others go on."""
    for policy in MaintenancePolicy.objects.filter(enabled=True).order_by("pk"):
        try:
            window = at(rule_of(policy), clock.now())
        except RuleRefused as exc:
            log.warning("The windows of %s are not known: %s", policy, exc, extra={"action": "windows_unread"})
            continue
        if window is None or WindowRun.objects.filter(policy=policy, starts_at=window.starts_at).exists():
            continue
        try:
            serve(policy.pk, clock=clock)
        except DatabaseError:
            raise
        except Exception:  # a fault of ours in one policy must not hold up the others; it is looked at again
            log.exception("The window of %s could not be served.", policy, extra={"action": "window_broke"})


def serve(pk: int, *, clock: Clock = WALL) -> WindowRun | None:
    """Begin what the policy's open window calls for. None: nothing, or somebody else has."""
    with transaction.atomic():
        policy = MaintenancePolicy.objects.select_for_update().filter(pk=pk, enabled=True).first()
        window = at(rule_of(policy), clock.now()) if policy else None
        return _serve(policy, window, clock) if policy and window else None


def _serve(policy: MaintenancePolicy, window: Window, clock: Clock) -> WindowRun | None:
    plan = _open_plan(policy)
    near = policy.runs.filter(starts_at__lt=window.ends_at, ends_at__gt=window.starts_at)
    standing = Standing(
        window=window,
        changed_at=policy.changed_at,
        served=tuple(near.values_list("starts_at", "ends_at")),
        plan=PlanState.of(plan.state) if plan else None,
        now=clock.now(),
    )
    do, why = decide(standing)
    if do is Do.NOTHING:
        return None
    run = WindowRun(policy=policy, starts_at=window.starts_at, ends_at=window.ends_at)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        return None  # the database's word: somebody else wrote this window's row
    try:
        with transaction.atomic():
            run.plan, run.outcome = _do(do, policy, plan, window, why=why, now=clock.now())
    except Refused as exc:
        run.outcome = f"No plan: {exc}"[:500]
    run.save()
    level = logging.INFO if run.plan_id else logging.WARNING
    log.log(level, "A window of %s opened. %s", policy, run.outcome, extra={"action": "window_opened", "row": run.pk})
    return run


def _open_plan(policy: MaintenancePolicy) -> Plan | None:
    """The policy's newest plan that is not over; a draft is a person's and does not count."""
    over = [state for state in PlanState if state.is_final and state is not PlanState.FAILED]
    return Plan.objects.filter(policy=policy).exclude(state__in=[*over, PlanState.DRAFT]).order_by("-made_at").first()


def _do(
    do: Do, policy: MaintenancePolicy, plan: Plan | None, window: Window, *, why: str, now: datetime
) -> tuple[Plan | None, str]:
    """The plan and the outcome in words. Refused: nothing of it was written."""
    user = ByPolicy(name=policy.name)
    if plan is not None and do is Do.WAIT:
        return plan, f"Nothing began: its plan “{plan}” {why}."[:500]
    if plan is not None and do is Do.RESUME:
        orders.resume(user, plan, window_ends_at=window.ends_at)
        return plan, f"The plan “{plan}” goes on."[:500]
    return _make(user, policy, window, now)


def _make(user: ByPolicy, policy: MaintenancePolicy, window: Window, now: datetime) -> tuple[Plan, str]:
    hosts, left_out = _ready(hosts_of(policy))
    plan = plans.make_plan(
        user,
        hosts,
        title=f"{policy.name}, {window.local_start:%Y-%m-%d}",
        reason=policy.description or f"Maintenance policy {policy.name}.",
        terms=Terms.from_json(policy.terms),
        policy=policy,
        window_ends_at=window.ends_at,
    )
    _refuse_blocked(plan)
    _refuse_late(plan, (window.ends_at - now).total_seconds())
    orders.approve(user, plan, version=plan.version)
    orders.start(user, plan, window_ends_at=window.ends_at)
    return plan, f"The plan “{plan}” began with {len(hosts)} host{'' if len(hosts) == 1 else 's'}.{left_out}"[:500]


def _ready(hosts: list[Host]) -> tuple[list[Host], str]:
    """Those that are up, and a sentence about the others. Refused where none is."""
    if not hosts:
        raise Refused("The policy has no host any more.", field="hosts")
    up = [host for host in hosts if host.state == HostState.UP]
    others = [f"{host} ({HostState.of(host.state).label.lower()})" for host in hosts if host.state != HostState.UP]
    said = ", ".join(others[:3]) + (" and others" if len(others) > 3 else "")
    if not up:
        raise Refused(f"None of its hosts is up: {said}.", field="hosts")
    return up, f" Left out: {said}." if others else ""


def _refuse_blocked(plan: Plan) -> None:
    """Refused where every host of the plan is blocked: nothing would come of it but holds."""
    red = PlanMove.objects.filter(plan_host__plan=plan, leg=PlanMove.Leg.OUT, light=PlanMove.Light.RED)
    blocked = set(red.values_list("plan_host_id", flat=True))
    if all(row.pk in blocked for row in plan.hosts.all()) and (first := red.select_related("vm").first()):
        raise Refused(f"Every host has a VM that blocks it. {first.vm}: {first.why}")


def _refuse_late(plan: Plan, left_s: float) -> None:
    """Refused where no host would be done in time: the plan would hold its hosts until the next window for nothing."""
    if (needs := quickest_of(plan)) > left_s:
        raise Refused(f"{duration(left_s)} are left, and the quickest host takes about {duration(needs)}.")


async def keep() -> None:
    """The round of ``manage.py work``; until cancelled."""
    while True:
        try:
            await blocking(look)
        except DatabaseError as exc:
            log.warning("Windows could not be looked at: %s", exc, extra={"action": "windows_unseen"})
        await asyncio.sleep(EVERY_S)
