"""Work on the host, one file a kind: command, reboot, health, webhook, confirm.

``run`` is called again and again while a step is WAITING or RUNNING, in a thread, also by the next worker after one
that ended. It begins the step or looks how far it is, changes its state through ``advance``, and returns; what lasts
(a command) runs in a thread of its own. What cannot be looked up after a worker's end is said to be not known: nothing
is run twice that is not idempotent.
"""

from importlib import import_module

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
    """Drive one step to its end or to its next wait. Never raises for what a host, a network or a person does."""
    turn = Turn(step=step, clock=clock, pool=pool)
    match PlanStepState.of(step.state):
        case PlanStepState.WAITING:
            _kind(step).begin(turn)
        case PlanStepState.RUNNING | PlanStepState.ASKING:
            _kind(step).go_on(turn)


def cancel(step: PlanStep, *, because: str, actor: str = GODWIT) -> bool:
    """End a step that waits, asks or runs; its command, if one runs, hears it within a second. False: it had ended."""
    return advance(step, PlanStepState.CANCELLED, because=because, actor=actor)


def _kind(step: PlanStep) -> Kind:
    # imported by need: web processes check terms and drive nothing, so they need neither SSH nor HTTP
    kind: Kind = import_module(f"datacenter.maintenance.steps.{PlanStep.Kind(step.kind).value}").KIND
    return kind
