"""Tries of what is on its way: claimed before they are made, repeated ever later, given up in the end.

A worker that dies in the middle of a try costs that try only; two workers never make the same one.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db.models import F, QuerySet

from datacenter.models.attempted import Attempted
from hosts.virt.clock import Clock

log = logging.getLogger(__name__)

#: after a first try that failed, the next; a try that was claimed and not told of counts as one that failed
WAITS_S = (60.0, 300.0, 900.0, 3600.0, 10_800.0)
MOST_A_ROUND = 20

Row = TypeVar("Row", bound=Attempted)


class NotSent(Exception):
    """A try that failed. ``again``: a later one may help."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


def due(rows: QuerySet[Row], clock: Clock) -> list[Row]:
    """Those whose turn it is, at most so many that a round ends."""
    waiting = rows.filter(sent_at=None, given_up_at=None, next_at__lte=clock.now())
    return list(waiting.order_by("next_at", "pk")[:MOST_A_ROUND])


def claim(row: Attempted, clock: Clock) -> bool:
    """This try is ours. False: another worker makes it."""
    wait = WAITS_S[min(row.attempts, len(WAITS_S) - 1)]
    rows = type(row)._default_manager.filter(pk=row.pk, attempts=row.attempts, sent_at=None, given_up_at=None)
    if not rows.update(attempts=F("attempts") + 1, next_at=clock.now() + timedelta(seconds=wait)):
        return False
    row.attempts += 1
    return True


def once(row: Row, send: Callable[[Row], str]) -> str:
    """Make a claimed try: to whom it went. NotSent; a fault of ours is one that no later try helps."""
    try:
        return send(row)
    except NotSent:
        raise
    except Exception as exc:  # it must not be tried for ever, nor hold up the others
        log.exception("A message could not be made.", extra={"action": "message_broke", "row": row.pk})
        raise NotSent(f"It could not be made: {exc!r}", again=False) from exc


def over(row: Attempted, exc: NotSent) -> bool:
    """Whether no further try is made."""
    return not exc.again or row.attempts > len(WAITS_S)


def counted(row: Attempted) -> str:
    """ "1 try", "3 tries"."""
    return f"{row.attempts} {'try' if row.attempts == 1 else 'tries'}"
