"""The desk: one thread through which everything goes that happens, in order; the only one that touches the database.

So nothing of the inventory needs a lock, and one slow host costs nobody else anything: blocking calls are made on
pools, and their results are put on the desk like events.
"""

import heapq
import logging
from collections.abc import Callable
from queue import Empty, SimpleQueue

from django.db import InterfaceError, OperationalError, connection

from hosts.virt.clock import Clock

log = logging.getLogger(__name__)

Act = Callable[[], None]


class Desk:
    """A queue of acts, and acts for later."""

    def __init__(self, clock: Clock, *, on_database_back: Act) -> None:
        self._clock = clock
        self._on_database_back = on_database_back
        self._inbox: SimpleQueue[Act] = SimpleQueue()
        self._later: list[tuple[float, int, Act]] = []
        self._entries = 0
        self._stopped = False

    def post(self, act: Act) -> None:
        """From any thread: do this when its turn comes."""
        self._inbox.put(act)

    def later(self, seconds: float, act: Act) -> None:
        """On the desk's own thread: do this in so many seconds. It can't be taken back; acts check if still wanted."""
        self._entries += 1
        heapq.heappush(self._later, (self._clock.monotonic() + seconds, self._entries, act))

    def stop(self) -> None:
        """From any thread or a signal handler: end after the act at hand."""
        self._stopped = True
        self._inbox.put(lambda: None)

    def run(self) -> None:
        """Until stopped."""
        while not self._stopped:
            if act := self._next():
                self._do(act)

    def _next(self) -> Act | None:
        """What is due, else what comes first. The queue is not emptied first: timers would starve under events."""
        wait = None
        if self._later:
            wait = self._later[0][0] - self._clock.monotonic()
            if wait <= 0:
                return heapq.heappop(self._later)[2]
        try:
            return self._inbox.get(timeout=wait)
        except Empty:
            return None

    def _do(self, act: Act) -> None:
        try:
            act()
        except (OperationalError, InterfaceError) as exc:
            log.warning("The database does not answer: %s", exc, extra={"action": "database_lost"})
            self._wait_for_database()
        except Exception:  # one act's bug must not end the collector for all hosts
            log.exception("Something the collector did failed; it goes on", extra={"action": "desk_stumbled"})

    def _wait_for_database(self) -> None:
        """Nothing can be written meanwhile; what happens is read anew afterwards."""
        while not self._stopped:
            connection.close()
            try:
                connection.ensure_connection()
            except OperationalError:
                self._clock.sleep(0.5)
                continue
            log.info("The database answers; every host is read again", extra={"action": "database_back"})
            self.post(self._on_database_back)
            return
