"""The simulated datacenter: hosts, guests, links, and the agenda that moves them.

A World reads time from its Clock only and draws chance from its seed only, so that the same script gives the same log.
Nothing runs by itself: whoever asks first brings the world up to now (:meth:`World.present`), and what was due happens
in order, each thing at its own moment. Guests at rest have nothing on the agenda and cost nothing.
"""

import heapq
import threading
import uuid as uuids
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from hosts.virt.clock import Clock
from hosts.virt.records import DomainEvent, DomainState, DomainStatus, EventKind, JobStats
from hosts.virt.sim.guest import Copy, SimGuest
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.links import Links
from hosts.virt.sim.traffic import Traffic

if TYPE_CHECKING:  # a migration moves in a world: a cycle at run time
    from hosts.virt.sim.migration import SimMigration

_NAMESPACE = uuids.UUID("6f0d7a3e-52a1-4d0c-9d67-60d7a11ce000")

Watcher = Callable[[str, DomainEvent], None]


class World:
    """All of it. Hold :meth:`present` while reading or changing anything; the watchers run inside and only enqueue."""

    def __init__(self, *, clock: Clock, seed: int = 1) -> None:
        self.clock = clock
        self.seed = seed
        self.hosts: dict[str, SimHost] = {}
        self.guests: dict[str, SimGuest] = {}
        self.links = Links()
        self.migrations: dict[str, SimMigration] = {}  # running ones, by guest
        self.traffic = Traffic(self.links, self.migrations)
        self.completed: dict[tuple[str, str], JobStats] = {}  # (host, guest): a destination's last job
        self.t = 0.0  # seconds since this world began
        self._lock = threading.RLock()
        self._origin = clock.monotonic()
        self._wall = clock.now()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._entries = 0
        self._watchers: dict[int, Watcher] = {}

    # time
    @contextmanager
    def present(self) -> Iterator["World"]:
        """The world at this moment, for this thread alone."""
        with self._lock:
            self._catch_up()
            yield self

    def _catch_up(self) -> None:
        target = self.clock.monotonic() - self._origin
        self._wall = self.clock.now() - timedelta(seconds=target)
        while self._agenda and self._agenda[0][0] <= target:
            due, _, act = heapq.heappop(self._agenda)
            self.t = max(self.t, due)
            act()
        self.t = max(self.t, target)

    def now(self) -> datetime:
        """The moment the world stands at, timezone-aware UTC."""
        return self._wall + timedelta(seconds=self.t)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do ``act`` that many seconds from where the world stands. Acts check for themselves if still wanted."""
        self._entries += 1
        heapq.heappush(self._agenda, (self.t + max(0.0, seconds), self._entries, act))

    def next_due_s(self) -> float | None:
        """Seconds until something is due; None where nothing is planned."""
        if not self._agenda:
            return None
        return max(0.0, self._agenda[0][0] - (self.clock.monotonic() - self._origin))

    def chance(self, *names: object) -> Random:
        """A generator of its own for one purpose: what others draw does not shift it."""
        return Random(zlib.crc32(repr((self.seed, *names)).encode()))  # noqa: S311 - a simulation, no secret

    def uuid_of(self, *names: str) -> str:
        """The UUID that this seed always gives to that name."""
        return str(uuids.uuid5(_NAMESPACE, "/".join((str(self.seed), *names))))

    # what there is
    def add_host(self, host: SimHost) -> SimHost:
        if host.name in self.hosts:
            raise ValueError(f"there is a host {host.name} already")
        host.created_t = self.t
        self.hosts[host.name] = host
        return host

    def add_guest(self, guest: SimGuest, host: str, *, running: bool = True) -> SimGuest:
        """Define a guest on a host, and let it run."""
        if guest.uuid in self.guests:
            raise ValueError(f"there is a guest {guest.uuid} already")
        self.guests[guest.uuid] = guest
        state, reason = (DomainState.RUNNING, "booted") if running else (DomainState.SHUTOFF, "unknown")
        self.hosts[host].copies[guest.uuid] = Copy(guest=guest, status=DomainStatus(state=state, reason=reason))
        guest.home = host
        if running:
            guest.meter.restart(self.t, 1.0)
        return guest

    def guest_named(self, name: str) -> SimGuest:
        """The guest of that name; KeyError where there is none."""
        for guest in self.guests.values():
            if guest.name == name:
                return guest
        raise KeyError(name)

    def copies_of(self, uuid: str) -> dict[str, Copy]:
        """The guest's copies by host name: one at rest, two while it moves."""
        return {name: host.copies[uuid] for name, host in self.hosts.items() if uuid in host.copies}

    # changes
    def set_status(self, host: str, uuid: str, state: DomainState, reason: str) -> None:
        """What the daemon there says of its copy from now on."""
        self.hosts[host].copies[uuid].status = DomainStatus(state=state, reason=reason)

    def begin_process(self, guest: SimGuest, host: str, *, level: float = 1.0) -> None:
        """A QEMU process of this guest runs on ``host`` from now on; the one before it, if any, has ended."""
        self.end_process(guest)
        guest.home = host
        guest.meter.restart(self.t, level)

    def end_process(self, guest: SimGuest) -> None:
        """The guest's QEMU ends: what it used stays in its host's counter."""
        guest.meter.set_level(self.t, 0.0)
        if guest.home in self.hosts:
            self.hosts[guest.home].retired_cpu_s += guest.meter.cpu_s
        guest.meter.restart(self.t, 0.0)
        guest.dirty_rate = None

    # telling
    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Hear every event of every host, as (host, event); returns what ends it."""
        with self._lock:
            self._entries += 1
            key = self._entries
            self._watchers[key] = watcher
        return lambda: self._unwatch(key)

    def _unwatch(self, key: int) -> None:
        with self._lock:
            self._watchers.pop(key, None)

    def emit(
        self,
        host: str,
        kind: EventKind,
        guest: SimGuest | None,
        detail: str = "",
        *,
        number: int = 0,
        job: JobStats | None = None,
    ) -> None:
        """A host says something. A frozen or unreachable one says it when it is back; a dead daemon never does."""
        uuid, name = (guest.uuid, guest.name) if guest else ("", "")
        event = DomainEvent(kind=kind, uuid=uuid, name=name, at=self.now(), detail=detail, number=number, job=job)
        there = self.hosts[host]
        if kind is EventKind.CONNECTION_LOST or there.answers:
            self._tell(host, event)
        elif there.daemon_up:
            there.unsaid.append(event)

    def _tell(self, host: str, event: DomainEvent) -> None:
        for watcher in list(self._watchers.values()):
            watcher(host, event)

    def say_unsaid(self, host: str) -> None:
        """The daemon answers again and tells what happened meanwhile."""
        unsaid, self.hosts[host].unsaid = self.hosts[host].unsaid, []
        for event in unsaid:
            self._tell(host, event)

    def close_connections(self, host: str) -> None:
        """Every connection to this host's daemon is dead; a new one can be made if it answers."""
        there = self.hosts[host]
        there.epoch += 1
        there.unsaid = []
        self.emit(host, EventKind.CONNECTION_LOST, None)
