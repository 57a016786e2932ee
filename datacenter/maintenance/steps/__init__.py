"""Work on the host, one file a kind: command, reboot, health, webhook, confirm.

``run`` is called again and again while a step is WAITING, RUNNING or ASKING, also by the next worker after one that
ended. It begins the step or looks how far it is, and changes its state through ``advance``. What cannot be looked up
after a worker's end is said to be not known: nothing is run twice that is not idempotent.
"""

from collections.abc import Iterable, Sequence
from importlib import import_module

from datacenter.maintenance.steps import following
from datacenter.maintenance.steps.before import remember
from datacenter.maintenance.steps.fields import FIELDS, Field, for_administrators, logs_in, validate
from datacenter.maintenance.steps.turn import Kind, Turn
from datacenter.maintenance.terms import StepTerms, TermsRefused
from datacenter.models import PlanStep
from hosts.advance import GODWIT, advance
from hosts.models import Host
from hosts.states import PlanStepState
from hosts.virt.clock import WALL, Clock
from hosts.virt.pool import POOL, Pool

__all__ = ["FIELDS", "Field", "cancel", "check_hosts", "for_administrators", "remember", "run", "validate"]


def run(step: PlanStep, *, clock: Clock = WALL, pool: Pool = POOL) -> None:
    """Drive one step on, to its end or to its next wait. Never raises for what a host, a network or a person does.

    On the wall's clock what lasts is done by a thread of the step's own, and this returns at once; on a clock of a
    scenario's own everything is done here, in order.
    """
    kind, turn = _kind(step), Turn(step=step, clock=clock, pool=pool)
    if clock is WALL and step.kind != PlanStep.Kind.CONFIRM:
        if step.state in (PlanStepState.WAITING, PlanStepState.RUNNING):
            following.follow(kind, turn)
    elif step.state == PlanStepState.WAITING:
        kind.begin(turn)
    elif step.state in (PlanStepState.RUNNING, PlanStepState.ASKING):
        kind.go_on(turn)


def check_hosts(steps: Sequence[StepTerms], hosts: Iterable[Host], field: str = "steps") -> None:
    """Refuse steps that log in to hosts whose SSH key changed or is not known: TermsRefused names the first such step.

    Asks the hosts for their keys, for three seconds at most; one that does not answer is not refused.
    """
    number = next((place for place, step in enumerate(steps) if logs_in(step)), None)
    if number is None:
        return
    # imported by need, as above
    found: dict[str, str] = import_module("datacenter.maintenance.steps.trust").problems(hosts)
    if found:
        others = f" The same goes for {len(found) - 1} more." if len(found) > 1 else ""
        raise TermsRefused(next(iter(found.values())) + others, field=f"{field}-{number}-command")


def cancel(step: PlanStep, *, because: str, actor: str = GODWIT) -> bool:
    """End a step that waits, asks or runs; its command, if one runs, hears it within a second. False: it had ended."""
    return advance(step, PlanStepState.CANCELLED, because=because, actor=actor)


def _kind(step: PlanStep) -> Kind:
    # imported by need: web processes check terms and drive nothing, so they need neither SSH nor HTTP
    kind: Kind = import_module(f"datacenter.maintenance.steps.{PlanStep.Kind(step.kind).value}").KIND
    return kind
