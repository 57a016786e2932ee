"""A host of a plan has failed: the roll stops there, loudly, and can be resumed."""

import logging

from datacenter.maintenance import ending
from datacenter.maintenance.reins import Reins
from datacenter.models.plan import PlanHost
from hosts.advance import advance
from hosts.states import PlanHostState, PlanState

log = logging.getLogger(__name__)


def fail_host(it: Reins, row: PlanHost, because: str) -> None:
    """The host is left as it is, for a person to look at; no further one begins. What others have begun is finished."""
    with it.act() as plan:
        row.refresh_from_db()
        if PlanHostState.FAILED not in PlanHostState.of(row.state).next:
            return
        if not advance(row, PlanHostState.FAILED, because=because, ended_at=it.clock.now()):
            return
        ending.call_back_all(row, actor=it.actor, running=False)
        log.error("%s: %s", row, because, extra={"action": "plan_host_failed", "row": row.pk, "plan": plan.pk})
        if plan.state == PlanState.RUNNING:
            advance(plan, PlanState.FAILED, because=because)
