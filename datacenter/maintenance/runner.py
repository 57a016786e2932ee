"""Carries plans out: from rows alone, so that any worker goes on where another one died, and nothing is done twice.

One worker holds a plan's lease and looks at it each second (``tick``); whatever a tick does is one transaction under
the plan's row lock (reins.py). Steps, migrations and operations run elsewhere; here they are only asked for.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterable

from django.db import Error as DatabaseError
from django.db.models import Q

from datacenter.maintenance import begin, closing, drain, steps, tidy, work
from datacenter.maintenance.reins import LeaseLost, Reins
from datacenter.models.plan import Plan, PlanHost, PlanStep
from hosts.claim import Lease, claim, release, renew
from hosts.states import PlanHostState, PlanMoveState, PlanState
from hosts.threads import blocking
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

EVERY_S = 1.0
TTL_S = 30.0
_ACTIVE = (PlanHostState.DRAINING, PlanHostState.WORKING, PlanHostState.RETURNING)
_DRIVE: dict[str, Callable[[Reins, PlanHost], None]] = {
    PlanHostState.DRAINING: drain.drive,
    PlanHostState.WORKING: work.drive,
    PlanHostState.RETURNING: work.come_back,
}


def tick(
    plan: Plan, *, clock: Clock, lease: Lease | None = None, run_step: Callable[[PlanStep], None] | None = None
) -> None:
    """Look at the plan once and do what is due. LeaseLost where somebody else drives it now.

    Without ``lease`` nobody else may drive it (tests); ``run_step``: what drives a step, maintenance.steps.run if None.
    """
    it = Reins(plan=plan, clock=clock, lease=lease, run_step=run_step or (lambda step: steps.run(step, clock=clock)))
    with it.act():
        plan.refresh_from_db()
    if plan.state == PlanState.APPROVED:
        begin.when_due(it)
    elif plan.state == PlanState.CANCELLING:
        closing.cancelling(it)
    elif plan.state == PlanState.RUNNING and it.closing():
        closing.close_window(it)
    plan.refresh_from_db()
    if plan.state == PlanState.RUNNING and not it.closing():
        begin.next_hosts(it)
    for row in _rows(plan, _ACTIVE):
        _DRIVE[row.state](it, row)
    tidy.tidy(it)
    closing.end(it)
    plan.refresh_from_db()


def _rows(plan: Plan, states: Iterable[PlanHostState]) -> list[PlanHost]:
    return list(plan.hosts.filter(state__in=list(states)).select_related("host", "plan"))


def due() -> list[int]:
    """Plans with something to do: they run, end, wait for their start, or have something under way still."""
    driven = (PlanState.APPROVED, PlanState.RUNNING, PlanState.PAUSED, PlanState.CANCELLING)
    under_way = Q(hosts__state__in=_ACTIVE) | Q(hosts__moves__state=PlanMoveState.RUNNING) | Q(holds__isnull=False)
    left = Q(state__in=(PlanState.STOPPED, PlanState.FAILED)) & under_way
    return list(Plan.objects.filter(Q(state__in=driven) | left).distinct().values_list("pk", flat=True))


class Keeper:
    """This worker's plans: it takes those that nobody drives, and gives them back when it ends."""

    def __init__(self, *, holder: str = "", clock: Clock = WALL) -> None:
        self.holder = holder or f"{socket.gethostname()}:{os.getpid()}"
        self.clock = clock
        self.leases: dict[int, Lease] = {}

    def look(self) -> None:
        """One round over all plans. A plan that breaks is told of and looked at again; the others go on."""
        wanted = due()
        for pk in [pk for pk in self.leases if pk not in wanted]:
            release(self.leases.pop(pk))
        for pk in wanted:
            lease = self._hold(pk)
            if lease is None:
                continue
            try:
                tick(Plan.objects.get(pk=pk), clock=self.clock, lease=lease)
            except LeaseLost as exc:
                self.leases.pop(pk, None)
                log.warning("%s", exc, extra={"action": "plan_lease_lost", "row": pk})
            except DatabaseError:
                raise
            except Exception:  # a fault of ours in one plan must not hold up the others; it is looked at again
                log.exception("A look at the plan %s broke.", pk, extra={"action": "plan_tick_broke", "row": pk})

    def _hold(self, pk: int) -> Lease | None:
        held = self.leases.pop(pk, None)
        if held is None or not renew(held):
            held = claim(Plan, pk, holder=self.holder, ttl_s=TTL_S)
            if held is not None:
                log.info("Driving the plan %s on.", pk, extra={"action": "plan_adopted", "row": pk})
        if held is not None:
            self.leases[pk] = held
        return held

    def give_up(self) -> None:
        """Give all leases back, so that the next worker need not wait."""
        for lease in self.leases.values():
            release(lease)
        self.leases.clear()


async def keep() -> None:
    """The round of ``manage.py work``; until cancelled."""
    keeper = Keeper()
    try:
        while True:
            try:
                await blocking(keeper.look)
            except DatabaseError as exc:
                log.warning("Plans could not be looked at: %s", exc, extra={"action": "plans_unread"})
            await asyncio.sleep(EVERY_S)
    finally:
        try:
            await blocking(keeper.give_up)
        except DatabaseError as exc:
            log.warning("The leases of plans run out by themselves: %s", exc, extra={"action": "plan_leases_kept"})
