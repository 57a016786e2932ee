"""Work on the host, one file a kind: command, reboot, health, webhook, confirm.

``run`` is called again and again while a step is WAITING, RUNNING or ASKING, also by the next worker after one that
ended. It begins the step or looks how far it is, and changes its state through ``advance``. What cannot be looked up
after a worker's end is said to be not known: nothing is run twice that is not idempotent.
"""

from importlib import import_module

from datacenter.maintenance.steps import following
from datacenter.maintenance.steps.before import remember
from datacenter.maintenance.steps.fields import FIELDS, Field, for_administrators, validate
from datacenter.maintenance.steps.turn import Kind, Turn
from datacenter.models import PlanStep
from hosts.advance import GODWIT, advance
from hosts.states import PlanStepState
from hosts.virt.clock import WALL, Clock
from hosts.virt.pool import POOL, Pool

__all__ = ["FIELDS", "Field", "cancel", "for_administrators", "remember", "run", "validate"]


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


def cancel(step: PlanStep, *, because: str, actor: str = GODWIT) -> bool:
    """End a step that waits, asks or runs; its command, if one runs, hears it within a second. False: it had ended."""
    return advance(step, PlanStepState.CANCELLED, because=because, actor=actor)


def _kind(step: PlanStep) -> Kind:
    # imported by need: web processes check terms and drive nothing, so they need neither SSH nor HTTP
    kind: Kind = import_module(f"datacenter.maintenance.steps.{PlanStep.Kind(step.kind).value}").KIND
    return kind
