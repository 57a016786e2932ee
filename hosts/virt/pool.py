"""One open connection a host, shared by everything a process does with that host, and reopened when it is dead.

Events are handed to whoever listens for a domain's UUID. Thread-safe. A host that could not be opened is not asked
again for a moment: callers hear the same error at once instead of waiting for the deadline one after the other.
"""

import logging
import threading
from collections.abc import Callable

from hosts.virt.clock import WALL, Clock
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.errors import VirtError
from hosts.virt.records import DomainEvent

log = logging.getLogger(__name__)

Listener = Callable[[DomainEvent], None]
Opener = Callable[[str], Driver]

#: how long a failed opening is remembered, in seconds
RETRY_S = 1.0
DEADLINE_S = 5.0


def _open(uri: str) -> Driver:
    return connect(uri, deadline_s=DEADLINE_S)


class _Place:
    """One host of the pool: its connection, its last failure, and who listens to which domain."""

    def __init__(self) -> None:
        self.opening = threading.Lock()
        self.driver: Driver | None = None
        self.error: VirtError | None = None
        self.retry_at = 0.0
        self.listeners: dict[str, list[Listener]] = {}


class Pool:
    """Connections by URI. ``opener`` makes one; tests give their own."""

    def __init__(self, *, opener: Opener = _open, clock: Clock = WALL) -> None:
        self._opener = opener
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}

    def get(self, uri: str) -> Driver:
        """The host's connection, opened if need be. Raises what ``connect`` raises."""
        place = self._place(uri)
        with place.opening:
            if place.driver is not None and place.driver.alive():
                return place.driver
            if place.error is not None and self._clock.monotonic() < place.retry_at:
                raise type(place.error)(str(place.error), code=place.error.code, domain=place.error.domain)
            return self._reopen(uri, place)

    def listen(self, uri: str, uuid: str, listener: Listener) -> None:
        """Hand every event of this domain on this host to ``listener``, on a foreign thread, over reopenings too."""
        with self._lock:
            self._places.setdefault(uri, _Place()).listeners.setdefault(uuid, []).append(listener)

    def unlisten(self, uri: str, uuid: str, listener: Listener) -> None:
        """Stop it; nothing happens where it did not listen."""
        with self._lock:
            place = self._places.get(uri)
            if place is None or listener not in place.listeners.get(uuid, []):
                return
            place.listeners[uuid].remove(listener)
            if not place.listeners[uuid]:
                del place.listeners[uuid]

    def close(self) -> None:
        """Give up every connection."""
        with self._lock:
            places = list(self._places.values())
            self._places.clear()
        for place in places:
            if place.driver is not None:
                place.driver.close()

    def _place(self, uri: str) -> _Place:
        with self._lock:
            return self._places.setdefault(uri, _Place())

    def _reopen(self, uri: str, place: _Place) -> Driver:
        if place.driver is not None:
            log.info("The connection to %s is dead and opened anew.", uri, extra={"action": "host_reopened"})
            place.driver.close()
            place.driver = None
        try:
            driver = self._opener(uri)
            try:
                driver.subscribe(lambda event: self._dispatch(place, event))
            except VirtError:
                driver.close()
                raise
        except VirtError as exc:
            place.error, place.retry_at = exc, self._clock.monotonic() + RETRY_S
            raise
        place.driver, place.error = driver, None
        return driver

    def _dispatch(self, place: _Place, event: DomainEvent) -> None:
        with self._lock:
            if event.uuid:
                listeners = list(place.listeners.get(event.uuid, ()))
            else:  # it concerns the host: everybody there hears it
                listeners = [each for group in place.listeners.values() for each in group]
        for listener in listeners:
            listener(event)


POOL = Pool()
