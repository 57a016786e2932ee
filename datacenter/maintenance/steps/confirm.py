"""A person confirms: the step asks until orders.confirm_step answers it, or its deadline passes."""

from datacenter.maintenance.steps.fields import value
from datacenter.maintenance.steps.turn import Turn
from hosts.states import PlanStepState


class Confirm:
    def begin(self, turn: Turn) -> None:
        asked = str(value(turn.step, "text"))
        turn.begin(asked, deadline_s=value(turn.step, "deadline_s"), to=PlanStepState.ASKING)

    def go_on(self, turn: Turn) -> None:
        if turn.late:
            turn.fail(f"Nobody has confirmed it in time: {value(turn.step, 'text')}")


KIND = Confirm()
