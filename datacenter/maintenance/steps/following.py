"""Steps under way in this process: each is followed by a thread of its own, so that none holds up the runner's round.

The thread holds the step's watch. Where a worker ends, its watches are free, and the next worker's thread goes on.
"""

import logging
import threading

import psycopg
from django.db import close_old_connections, connection

from datacenter.maintenance.steps.insisting import AWAY, insist
from datacenter.maintenance.steps.turn import Kind, Turn
from datacenter.maintenance.steps.watch import Watch
from hosts.states import PlanStepState

log = logging.getLogger(__name__)

_EVERY_S = 1.0
BROKE = "Godwit could not go on with this step; its log says why. What was done on the host is not known."


def follow(kind: Kind, turn: Turn) -> None:
    """Have the step followed, unless somebody does. Returns at once."""
    try:
        watch = Watch.take(turn.step.pk)
    except psycopg.Error as exc:
        log.warning("A step is not followed yet: %s", exc, extra={"action": "step_unfollowed", "row": turn.step.pk})
        return
    if watch is not None:
        name = f"step-{turn.step.pk}"
        threading.Thread(target=_run, args=(kind, turn, watch), name=name, daemon=True).start()


def _run(kind: Kind, turn: Turn, watch: Watch) -> None:
    try:
        while _look(kind, turn):
            turn.clock.sleep(_EVERY_S)
    except Exception:  # the last thing this thread does: without a word the step would seem to run on
        log.exception("A step's thread failed.", extra={"action": "step_thread_failed", "row": turn.step.pk})
        insist(turn.clock, lambda: _broke(turn))
    finally:
        watch.close()
        connection.close()


def _look(kind: Kind, turn: Turn) -> bool:
    """One look, at the row as it is now. False: it has ended."""
    try:
        close_old_connections()
        turn.step.refresh_from_db()
        if turn.step.state == PlanStepState.WAITING:
            kind.begin(turn)
        elif turn.step.state == PlanStepState.RUNNING:
            kind.go_on(turn)
        return bool(turn.step.state == PlanStepState.RUNNING)
    except AWAY as exc:
        log.warning("A step waits for the database: %s", exc, extra={"action": "step_waits", "row": turn.step.pk})
        connection.close()
        return True


def _broke(turn: Turn) -> None:
    turn.step.refresh_from_db()
    if turn.step.state == PlanStepState.RUNNING:
        turn.fail(BROKE)
