"""A webhook: one try a turn, the next after 2, 8, 32 s …; each with the same delivery, so that a receiver knows it."""

from datetime import datetime, timedelta
from typing import Any

from datacenter.maintenance import hook
from datacenter.maintenance.steps.fields import value
from datacenter.maintenance.steps.output import clean
from datacenter.maintenance.steps.turn import Turn
from datacenter.models import PlanStep

_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 120.0


class Webhook:
    def begin(self, turn: Turn) -> None:
        if turn.begin("The webhook is sent.", deadline_s=None):
            self._try(turn, 1)

    def go_on(self, turn: Turn) -> None:
        tried = int(turn.step.progress.get("tried", 0))
        after = turn.step.progress.get("after")
        if after is None or turn.clock.now() >= datetime.fromisoformat(after):
            self._try(turn, tried + 1)

    def _try(self, turn: Turn, number: int) -> None:
        wait = min(_FIRST_WAIT_S * 4 ** (number - 1), _LONGEST_WAIT_S)
        within_s = float(value(turn.step, "deadline_s"))
        # written before it is sent: a worker that ends now has made this try
        after = turn.clock.now() + timedelta(seconds=wait)
        if not turn.keep(tried=number, after=after.isoformat()):
            return
        answer = hook.post(
            str(value(turn.step, "url")),
            told(turn),
            delivery=f"step-{turn.step.pk}-{int(turn.step.started_at.timestamp()) if turn.step.started_at else 0}",
            at=turn.clock.now(),
            within_s=within_s,
        )
        turn.say(f"Try {number}: {answer.error or f'It answered {answer.status}.'}")
        if answer.text.strip():
            turn.say(clean(answer.text).strip())
        if answer.taken:
            turn.done(f"It was taken at try {number}, with {answer.status}.")
        elif not answer.again or number >= int(value(turn.step, "tries")):
            turn.fail(f"It was not taken after {number} {'try' if number == 1 else 'tries'}: {answer.error}")


def told(turn: Turn) -> dict[str, Any]:
    """What the receiver is told."""
    step, place, host = turn.step, turn.step.plan_host, turn.host
    return {
        "event": "maintenance.step",
        "at": turn.clock.now().isoformat(),
        "step": {"id": step.pk, "when": PlanStep.When(step.when).value, "position": step.position},
        "plan": {"id": place.plan.pk, "title": place.plan.title, "reason": place.plan.reason},
        "host": {
            "id": host.pk,
            "name": host.name,
            "uuid": str(host.uuid or ""),
            "cluster": host.cluster.name,
            "data_center": host.cluster.datacenter.name,
            "state": host.state,
        },
    }


KIND = Webhook()
