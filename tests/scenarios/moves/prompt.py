"""What Godwit does on threads, done at once and in order: so the same script gives the same log.

A call that lasts (a migration, a measurement) raises :class:`Lasting` with its ticket instead of waiting; whoever made
it is told when the simulated daemon ends it. Silent hosts answer at once that they are silent.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from hosts.livemigration.aside import Aside
from hosts.livemigration.guardian.acts import Changed, Doing
from hosts.livemigration.guardian.sight import HostSight
from hosts.virt.clock import Clock
from hosts.virt.driver import Driver
from hosts.virt.errors import HostLost, HostTimeout, VirtError
from hosts.virt.pool import Pool
from hosts.virt.sim.driver import SimDriver
from hosts.virt.sim.local import LocalBackend
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.world import World


class Lasting(Exception):
    """The call is under way, on a connection that may be lost before it ends."""

    def __init__(self, ticket: Ticket, alive: Callable[[], bool]) -> None:
        super().__init__()
        self.ticket, self.alive = ticket, alive


class Calls:
    """All calls under way. ``look`` ends those whose connection was lost."""

    def __init__(self) -> None:
        self._under_way: list[tuple[Lasting, Callable[[Ticket], None]]] = []

    def follow(self, call: Lasting, end: Callable[[Ticket], None]) -> None:
        self._under_way.append((call, end))
        call.ticket.when_done(end)

    def look(self) -> None:
        for call, end in list(self._under_way):
            if not call.ticket.done and call.alive():
                continue
            self._under_way.remove((call, end))
            if not call.ticket.done:
                lost = Ticket()
                lost.finish(error=HostLost("the connection to the host was lost", code=38, domain=7))
                end(lost)


CALLS = Calls()


class PromptBackend(LocalBackend):
    """A connection that never waits."""

    def _time_out(self, what: str) -> None:
        raise HostTimeout(f"{self._host} did not answer within {self._deadline_s:g} s ({what})")

    def _wait(self, ticket: Ticket) -> object:
        if not ticket.done:
            raise Lasting(ticket, self.alive)
        if ticket.error is not None:
            raise ticket.error
        return ticket.result


class PromptAside(Aside[Any]):
    """The supervisor's lasting calls."""

    def start(self) -> None:
        try:
            self.value = self._call()
        except Lasting as call:
            CALLS.follow(call, self._end)
            return
        except VirtError as exc:
            self.error = exc
        self._over.set()
        self._when_over()

    def _end(self, ticket: Ticket) -> None:
        if self._over.is_set():
            return
        self.value, self.error = ticket.result, ticket.error
        self._over.set()
        self._when_over()


class PromptDoing(Doing):
    """The guardian's acts."""

    def start(self) -> None:
        try:
            self._do()
        except Lasting as call:
            CALLS.follow(call, self._came_back)
            return
        except (VirtError, Changed) as exc:
            self.error = str(exc) or type(exc).__name__
        self._over.set()
        self._when_over()

    def _came_back(self, ticket: Ticket) -> None:
        if self._over.is_set():
            return
        self.error = str(ticket.error) if ticket.error else ""
        self._over.set()
        self._when_over()


class PromptExecutor:
    """The guardian's sweep over all hosts."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def submit(self, call: Callable[..., Any], *args: Any, **more: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **more))
        except VirtError as exc:
            future.set_exception(exc)
        return future


def prompt_pool(world: World, clock: Clock) -> Pool:
    """Connections to the hosts of this world."""

    def opener(uri: str) -> Driver:
        host = urlsplit(uri).hostname or ""
        return SimDriver(uri, PromptBackend(world, host, deadline_s=2.0))

    return Pool(opener=opener, clock=clock)


@contextmanager
def prompt(clock: Clock) -> Iterator[None]:
    """Godwit without threads, on this clock."""

    class PromptSight(HostSight):
        """The guardian's look at one host; its rounds are made by the scenario."""

        def __init__(self, uri: str, pool: Pool, *, when_seen: Callable[[], None]) -> None:
            self._uri, self._pool, self._clock, self._when_seen = uri, pool, clock, when_seen
            self._lock, self._wake = threading.Lock(), threading.Event()
            self._wanted = {}
            self._stopping = False
            self.silence = ""

        def round(self) -> None:
            self._round()

    guardian = "hosts.livemigration.guardian"
    substitutes = {
        "django.utils.timezone.now": clock.now,
        "hosts.livemigration.supervisor.Aside": PromptAside,
        f"{guardian}.sight.HostSight": PromptSight,
        f"{guardian}.watch.Doing": PromptDoing,
        f"{guardian}.reconcile.ThreadPoolExecutor": PromptExecutor,
        f"{guardian}.process.TTL_S": 3600.0,  # the database's clock is the wall's
        "hosts.livemigration.admission.WALL": clock,
        "hosts.livemigration.retry.WALL": clock,
    }
    with ExitStack() as stack:
        for name, substitute in substitutes.items():
            stack.enter_context(patch(name, substitute))
        yield
