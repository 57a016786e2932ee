"""The simulated datacenter in this process: for tests, what-if plans and benchmarks."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from hosts.virt.errors import HostLost, HostTimeout
from hosts.virt.records import DomainEvent, EventKind
from hosts.virt.sim import service
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.world import World

_LONGEST_NAP_S = 0.1


class LocalBackend:
    """One connection to a host of a World in this process. Waiting moves a manual clock and passes a wall's time."""

    def __init__(self, world: World, host: str, *, deadline_s: float) -> None:
        self._world, self._host = world, host
        self._deadline_s = deadline_s
        self._unwatch: list[Callable[[], None]] = []
        self._closed = False
        with world.present():
            try:
                self._epoch = service.open_connection(world, host)
                return
            except service.NoAnswer:
                pass
        self._time_out("opening the connection")

    def call(self, method: str, args: dict[str, object], *, lasting: bool) -> object:
        """One call of the driver; ``lasting`` ones end when they are done."""
        if self._closed:
            raise HostLost("the connection is closed")
        try:
            with self._world.present():
                answer = service.call(self._world, self._host, self._epoch, method, args)
        except service.NoAnswer:
            self._time_out(method)
        return self._wait(answer) if isinstance(answer, Ticket) else answer

    def _time_out(self, what: str) -> None:
        self._world.clock.sleep(self._deadline_s)
        raise HostTimeout(f"{self._host} did not answer within {self._deadline_s:g} s ({what})")

    def _wait(self, ticket: Ticket) -> object:
        while True:
            with self._world.present():
                if ticket.done:
                    break
                if not self.alive():
                    raise HostLost("the connection to the host was lost", code=38, domain=7)
                due = self._world.next_due_s()
            self._world.clock.sleep(min(max(due if due is not None else _LONGEST_NAP_S, 0.001), _LONGEST_NAP_S))
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def subscribe(self, callback: Callable[[DomainEvent], None]) -> None:
        """Events of this host, from now until the connection is lost, which is the last of them."""
        lost = False

        def hear(host: str, event: DomainEvent) -> None:
            nonlocal lost
            if host != self._host or lost:
                return
            lost = event.kind is EventKind.CONNECTION_LOST
            callback(event)

        self._unwatch.append(self._world.watch(hear))

    def alive(self) -> bool:
        host = self._world.hosts.get(self._host)
        return not self._closed and host is not None and host.epoch == self._epoch

    def close(self) -> None:
        self._closed = True
        while self._unwatch:
            self._unwatch.pop()()


_current: World | None = None


def current_world() -> World | None:
    """The world that ``sim://`` means in this process; None: the simulator's socket."""
    return _current


@contextmanager
def use_world(world: World) -> Iterator[World]:
    """Let ``sim://NAME`` mean the hosts of ``world`` in this process."""
    global _current
    before, _current = _current, world
    try:
        yield world
    finally:
        _current = before


@contextmanager
def running(world: World, *, beat_s: float = 0.02) -> Iterator[World]:
    """Keep a world on the wall's clock up to date from a thread, so that its events come unasked."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            with world.present():
                due = world.next_due_s()
            stop.wait(beat_s if due is None else min(max(due, 0.002), beat_s))

    thread = threading.Thread(target=run, name="sim-world", daemon=True)
    thread.start()
    try:
        yield world
    finally:
        stop.set()
        with suppress(RuntimeError):
            thread.join(timeout=2.0)
