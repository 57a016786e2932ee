"""What must be written although the database is away for a while."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

from hosts.virt.clock import Clock

log = logging.getLogger(__name__)

AWAY = (OperationalError, InterfaceError)
_TRIES = 600


def insist(clock: Clock, act: Callable[[], object]) -> None:
    """Do it, and wait for the database for ten minutes if need be. What cannot be written then is only logged."""
    for _ in range(_TRIES):
        try:
            act()
            return
        except AWAY as exc:
            log.warning("A step waits for the database: %s", exc, extra={"action": "step_unwritten"})
            if connection.in_atomic_block:
                raise
            connection.close()
            clock.sleep(1.0)
    log.error("The database was away for too long; a step's end is not written.", extra={"action": "step_given_up"})
