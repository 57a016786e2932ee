"""What every kind of step is given, and the few ways in which it changes its row."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from datacenter.maintenance.steps.output import Tail
from datacenter.models import PlanStep
from hosts import feed
from hosts.advance import advance
from hosts.models import Host
from hosts.states import PlanStepState, State
from hosts.virt.clock import Clock
from hosts.virt.pool import Pool

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One call of ``run``: the step as it was read, the clock, and the connections to hosts."""

    step: PlanStep
    clock: Clock
    pool: Pool

    @property
    def host(self) -> Host:
        return self.step.plan_host.host

    @property
    def late(self) -> bool:
        deadline = self.step.deadline_at
        return deadline is not None and self.clock.now() >= deadline

    @property
    def seconds(self) -> float:
        """Since it began."""
        return (self.clock.now() - self.step.started_at).total_seconds() if self.step.started_at else 0.0

    def begin(self, because: str, *, deadline_s: float | None, to: State = PlanStepState.RUNNING) -> bool:
        """Take the step. False: another was faster, or it was cancelled."""
        now = self.clock.now()
        deadline = None if deadline_s is None else now + timedelta(seconds=deadline_s)
        also: dict[str, Any] = {"started_at": now, "deadline_at": deadline, "ended_at": None, "progress": {}}
        return advance(self.step, to, because=because, **also)

    def done(self, because: str) -> None:
        advance(self.step, PlanStepState.DONE, because=because, ended_at=self.clock.now())

    def fail(self, because: str) -> None:
        """The roll stops here, with the host left in maintenance."""
        if advance(self.step, PlanStepState.FAILED, because=because, ended_at=self.clock.now()):
            keys = {"action": "step_failed", "row": self.step.pk, "host": self.host.name}
            log.error("%s: %s", self.step, because, extra=keys)

    def keep(self, **progress: Any) -> bool:
        """What the next turn has to know, perhaps in another process. False: the step is no longer running."""
        self.step.progress = {**self.step.progress, **progress}
        return self._write(progress=self.step.progress)

    def say(self, line: str) -> None:
        """A line of Godwit's own in the step's output."""
        tail = Tail(self.step.output)
        tail.line(line)
        self.step.output = tail.text
        self._write(output=tail.text)

    def _write(self, **fields: Any) -> bool:
        live = (PlanStepState.RUNNING, PlanStepState.ASKING)
        written = PlanStep.objects.filter(pk=self.step.pk, state__in=[str(each) for each in live]).update(**fields)
        feed.changed("plan_step", self.step.pk)
        return bool(written)


class Kind(Protocol):
    """One kind of step."""

    def begin(self, turn: Turn) -> None:
        """The step is WAITING: take it, and do what can be done at once."""

    def go_on(self, turn: Turn) -> None:
        """The step is RUNNING or ASKING: look how far it is. Perhaps another process began it."""
