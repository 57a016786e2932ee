"""One connection a host for a whole process: it …"""

import threading
from collections.abc import Callable

import pytest

from hosts.virt.clock import ManualClock
from hosts.virt.errors import HostUnreachable, OperationFailed
from hosts.virt.pool import RETRY_S, Pool
from hosts.virt.records import DomainEvent, EventKind


class Line:
    """As much of a driver as the pool needs."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.up = True
        self.closed = False
        self.tell: Callable[[DomainEvent], None] = lambda event: None

    def alive(self) -> bool:
        return self.up

    def close(self) -> None:
        self.closed = True

    def subscribe(self, callback: Callable[[DomainEvent], None]) -> None:
        self.tell = callback


class Exchange:
    """Opens lines, and remembers them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.lines: list[Line] = []
        self.broken = False
        self.asked = 0
        self.pool = Pool(opener=self.open, clock=self.clock)  # type: ignore[arg-type]

    def open(self, uri: str) -> Line:
        self.asked += 1
        if self.broken:
            raise HostUnreachable("no route to host", code=38)
        self.lines.append(Line(uri))
        return self.lines[-1]


def event(uuid: str, kind: EventKind = EventKind.LIFECYCLE) -> DomainEvent:
    return DomainEvent(kind=kind, uuid=uuid, at=ManualClock().now())


def test_it_opens_a_host_once() -> None:
    exchange = Exchange()
    assert exchange.pool.get("sim://a") is exchange.pool.get("sim://a")
    assert exchange.pool.get("sim://b") is not exchange.pool.get("sim://a")
    assert len(exchange.lines) == 2


def test_it_opens_once_where_many_ask_at_the_same_time() -> None:
    exchange = Exchange()
    threads = [threading.Thread(target=exchange.pool.get, args=("sim://a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert exchange.asked == 1


def test_it_reopens_a_dead_connection_and_listens_on() -> None:
    exchange = Exchange()
    heard: list[str] = []
    exchange.pool.listen("sim://a", "u1", lambda e: heard.append(e.uuid))
    exchange.pool.get("sim://a")
    exchange.lines[0].up = False
    exchange.pool.get("sim://a")
    assert exchange.lines[0].closed
    exchange.lines[1].tell(event("u1"))
    assert heard == ["u1"]


def test_it_hands_an_event_to_its_domains_listeners_and_a_hosts_to_all() -> None:
    exchange = Exchange()
    heard: list[tuple[str, str]] = []
    for uuid in ("u1", "u2"):
        exchange.pool.listen("sim://a", uuid, lambda e, me=uuid: heard.append((me, e.uuid)))  # type: ignore[misc]
    exchange.pool.get("sim://a")
    exchange.lines[0].tell(event("u1"))
    exchange.lines[0].tell(event("", EventKind.CONNECTION_LOST))
    assert heard == [("u1", "u1"), ("u1", ""), ("u2", "")]


def test_it_tells_nothing_to_who_has_left() -> None:
    exchange = Exchange()
    heard: list[DomainEvent] = []
    exchange.pool.listen("sim://a", "u1", heard.append)
    exchange.pool.get("sim://a")
    exchange.pool.unlisten("sim://a", "u1", heard.append)
    exchange.pool.unlisten("sim://a", "u1", heard.append)
    exchange.lines[0].tell(event("u1"))
    assert heard == []


def test_it_does_not_ask_a_dark_host_again_at_once() -> None:
    exchange = Exchange()
    exchange.broken = True
    for _ in range(5):
        with pytest.raises(HostUnreachable, match="no route"):
            exchange.pool.get("sim://a")
    assert exchange.asked == 1
    exchange.broken = False
    exchange.clock.advance(RETRY_S)
    assert exchange.pool.get("sim://a").alive()


def test_it_keeps_no_connection_that_gives_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Line, "subscribe", lambda self, callback: (_ for _ in ()).throw(OperationFailed("none")))
    exchange = Exchange()
    with pytest.raises(OperationFailed):
        exchange.pool.get("sim://a")
    assert exchange.lines[0].closed
