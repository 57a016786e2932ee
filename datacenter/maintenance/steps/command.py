"""A command over SSH, followed to its end by the worker that began it.

It is not run a second time: if that worker ends, the next one says that the outcome is not known.
"""

import logging

from django.conf import settings
from django.db import connection

from datacenter.maintenance.steps import keys
from datacenter.maintenance.steps.fields import value
from datacenter.maintenance.steps.insisting import AWAY, insist
from datacenter.maintenance.steps.output import Tail
from datacenter.maintenance.steps.shell import Outcome, Run
from datacenter.maintenance.steps.troubles import ShellTrouble
from datacenter.maintenance.steps.turn import Turn
from datacenter.models import PlanStep
from hosts import feed
from hosts.states import PlanStepState

log = logging.getLogger(__name__)

_READ_S = 0.25
#: what is printed is written so often, and so often it is asked whether somebody cancelled
_WRITE_S = 0.5
UNKNOWN = "The worker ended while the command ran; whether it was finished is not known. Look at the host."


class Command:
    def begin(self, turn: Turn) -> None:
        """Give it to the host and follow it to its end."""
        deadline_s = float(value(turn.step, "deadline_s"))
        if not turn.begin("The command is given to the host over SSH.", deadline_s=deadline_s):
            return
        try:
            target = keys.target(turn.host)
            keys.check_files(target)
        except ShellTrouble as exc:
            turn.fail(str(exc))
            return
        text = str(value(turn.step, "command")).replace("{host}", target.address)
        log.info("A command runs on %s.", turn.host, extra={"action": "command_begun", "row": turn.step.pk})
        Follower(turn, Run(target, text)).follow()

    def go_on(self, turn: Turn) -> None:
        """Who followed it has ended, or it would not be asked for again."""
        turn.fail(UNKNOWN)


class Follower:
    """Reads a command to its end and writes what it prints; over restarts of the database too."""

    def __init__(self, turn: Turn, run: Run) -> None:
        self._turn, self._run = turn, run
        self._tail = Tail(turn.step.output, secrets=secrets())
        self._write_at = 0.0
        self._new = False

    def follow(self) -> None:
        self._tell(*self._to_its_end())

    def _to_its_end(self) -> tuple[str, Outcome]:
        """Why it ended ("", "deadline" or "cancelled"), and how."""
        while True:
            ended = self._run.outcome  # before the last reading, so that nothing is left unread
            for stream, piece in self._run.read(_READ_S):
                self._tail.add(piece, stream=stream)
                self._new = True
            if ended is not None:
                return "", ended
            if self._turn.late:
                return "deadline", self._stop()
            if not self._written():
                return "cancelled", self._stop()

    def _stop(self) -> Outcome:
        outcome = self._run.end()
        for stream, piece in self._run.read(0):
            self._tail.add(piece, stream=stream)
        return outcome

    def _written(self) -> bool:
        """Write what is new, now and then. False: the step is no longer running, so neither should the command."""
        now = self._turn.clock.monotonic()
        if now < self._write_at:
            return True
        self._write_at = now + _WRITE_S
        try:
            return self._write()
        except AWAY as exc:
            log.warning("The database is away; the command runs on: %s", exc, extra={"action": "step_unwritten"})
            connection.close()
            return True

    def _write(self, *, ended: bool = False) -> bool:
        rows = PlanStep.objects.filter(pk=self._turn.step.pk)
        if not ended:
            rows = rows.filter(state=str(PlanStepState.RUNNING))
        if not self._new and not ended:
            return rows.exists()
        self._new = False
        text = self._tail.text
        written = bool(rows.update(output=text))
        feed.changed("plan_step", self._turn.step.pk)
        return written

    def _tell(self, why: str, outcome: Outcome) -> None:
        if why == "cancelled":
            self._tail.line("[cancelled: " + _seen(outcome) + "]")
        insist(self._turn.clock, lambda: self._write(ended=True))
        if why == "deadline":
            insist(self._turn.clock, lambda: self._turn.fail(f"It was not done by its deadline; {_seen(outcome)}."))
        elif why != "cancelled":
            insist(self._turn.clock, lambda: self._end(outcome))

    def _end(self, outcome: Outcome) -> None:
        if outcome.trouble is not None:
            self._turn.fail(str(outcome.trouble))
        elif outcome.exit_status == 0:
            self._turn.done(f"The command ended well after {self._turn.seconds:.0f} s.")
        elif outcome.exit_status is not None:
            self._turn.fail(f"The command ended with exit status {outcome.exit_status}.")
        elif outcome.signal:
            self._turn.fail(f"The command was ended by the signal {outcome.signal}.")
        else:
            self._turn.fail(
                f"The connection was lost while the command ran; whether it was finished is not known: {outcome.lost}"
            )


def _seen(outcome: Outcome) -> str:
    if outcome.trouble is not None:
        return "it was never begun"
    return "it was ended" if outcome.known else "it was asked to end, and whether it has is not known"


def secrets() -> tuple[str, ...]:
    """What must not stand in any output, should a command print it."""
    given = (
        settings.EMAIL_HOST_PASSWORD,
        settings.DATABASES["default"].get("PASSWORD", ""),
        settings.SECRET_KEY,
        settings.WEBHOOK_SECRET,
    )
    return tuple(each for each in map(str, given) if len(each) >= 6)


KIND = Command()
