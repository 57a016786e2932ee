"""The steps of one host, and its way from empty to active again."""

import logging

from datacenter.maintenance import doors, ending, failing, home
from datacenter.maintenance.reins import Reins
from datacenter.maintenance.terms import After
from datacenter.models.plan import PlanHost, PlanMove, PlanStep
from hosts.advance import advance
from hosts.states import HostState, PlanHostState, PlanMoveState, PlanState, PlanStepState

log = logging.getLogger(__name__)

#: a host that was activated answers within so long, or has failed, in seconds
ANSWER_S = 600.0


def begin(it: Reins, row: PlanHost) -> None:
    """The host is empty, under the plan's lock."""
    for move in row.moves.filter(leg=PlanMove.Leg.OUT, state=PlanMoveState.WAITING).select_related("vm"):
        advance(move, PlanMoveState.DONE, because="It does not run there any more.", ended_at=it.clock.now())
    advance(row, PlanHostState.WORKING, because="Nothing runs on it any more.", empty_at=it.clock.now())


def drive(it: Reins, row: PlanHost) -> None:
    """One look at a host in maintenance: its steps, then activate, or wait until somebody does."""
    if not steps(it, row, PlanStep.When.EMPTY) or it.plan.state == PlanState.CANCELLING:
        return
    state = HostState.of(row.host.state)
    if state is HostState.MAINTENANCE:
        _follow(it, row)
    elif state is HostState.UP:
        with it.act():
            advance(row, PlanHostState.RETURNING, because=f"{row.host} is active again.")
    elif it.since(row.host.state_since) > ANSWER_S:
        minutes = ANSWER_S / 60
        failing.fail_host(it, row, f"{row.host} did not answer within {minutes:g} min of being activated.")


def _follow(it: Reins, row: PlanHost) -> None:
    if it.terms.follow is After.ACTIVATE:
        with it.act():
            doors.reopen(row.host, because="Its work is done.", actor=it.actor)
    elif home.owes(it, row) or ending.unfinished_steps(row, PlanStep.When.AFTER):
        with it.act():
            say(row, "In maintenance until somebody activates it.")
    else:
        with it.act():
            advance(row, PlanHostState.DONE, because="In maintenance, and stays there.", ended_at=it.clock.now())


def say(row: PlanHost, because: str) -> None:
    """What it waits for, where that changed."""
    if row.because != because:
        PlanHost.objects.filter(pk=row.pk).update(because=because)
        row.because = because


def steps(it: Reins, row: PlanHost, when: PlanStep.When) -> bool:
    """Drive this host's steps of this time, one after the other. True: all are done. One that fails stops the roll."""
    for step in ending.unfinished_steps(row, when):
        if step.state == PlanStepState.WAITING and (why := _forbidden(row, step)):
            failing.fail_host(it, row, why)
            return False
        if step.state != PlanStepState.FAILED:
            with it.act():
                pass  # the lease is ours still: what follows is done on the host
            it.run_step(step)
            step.refresh_from_db()
        if step.state == PlanStepState.FAILED:
            _failed(it, row, step)
            return False
        if step.state not in (PlanStepState.DONE, PlanStepState.CANCELLED):
            return False
    return True


def _forbidden(row: PlanHost, step: PlanStep) -> str:
    """Nobody's VM is ended by a reboot that the plan makes."""
    if step.kind != PlanStep.Kind.REBOOT:
        return ""
    running = list(doors.running_on(row.host).values_list("name", flat=True)[:4])
    return f"{row.host} is not rebooted: {', '.join(running)} may run on it." if running else ""


def _failed(it: Reins, row: PlanHost, step: PlanStep) -> None:
    """The host stays in maintenance; one that was active again goes back there, where nothing runs on it."""
    failing.fail_host(it, row, f"{step.get_kind_display()} failed: {step.because}")
    if step.when == PlanStep.When.AFTER:
        with it.act():
            row.host.refresh_from_db()
            if row.host.state == HostState.UP and doors.is_empty(row.host):
                doors.prepare(row.host, because=f"Its check failed: {step.because}", actor=it.actor)


def come_back(it: Reins, row: PlanHost) -> None:
    """One look at a host that is active again: its checks, then its VMs."""
    if steps(it, row, PlanStep.When.AFTER) and it.plan.state != PlanState.CANCELLING:
        home.drive(it, row)
