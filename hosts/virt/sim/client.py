"""The client's end of the simulator's socket: one socket and one reading thread a process, for all its hosts."""

import itertools
import logging
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from hosts.virt.clock import WALL
from hosts.virt.errors import HostLost, HostTimeout, HostUnreachable, VirtError
from hosts.virt.records import DomainEvent, EventKind
from hosts.virt.sim.place import socket_path
from hosts.virt.sim.wire import LONGEST_FRAME, RETURNS, decode, error_from_wire, frame, unframe

log = logging.getLogger(__name__)


class Line:
    """One socket to the simulator. When it breaks, all calls and connections on it fail; the next open makes a new."""

    def __init__(self, path: str) -> None:
        self.path, self.pid = path, os.getpid()
        self.broken = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(5.0)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(None)
        self._ids = itertools.count(1)
        self._sending, self._keeping = threading.Lock(), threading.Lock()
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._backends: dict[int, SocketBackend] = {}  # by the id of their open call
        threading.Thread(target=self._read, name="sim-line", daemon=True).start()

    def send(self, message: dict[str, object]) -> tuple[int, "Future[dict[str, Any]]"]:
        """Send a call; its id and its answer to come. HostLost where the line is broken."""
        answer: Future[dict[str, Any]] = Future()
        number = next(self._ids)
        with self._keeping:
            if self.broken:
                raise HostLost("the simulator has gone")
            self._waiting[number] = answer
        try:
            with self._sending:
                self._socket.sendall(frame({"id": number, **message}))
        except OSError as exc:
            self.forget(number)
            self._break()
            raise HostLost("the simulator has gone") from exc
        return number, answer

    def forget(self, number: int) -> None:
        """Nobody waits for that answer any more."""
        with self._keeping:
            self._waiting.pop(number, None)

    def keep(self, number: int, backend: "SocketBackend") -> None:
        with self._keeping:
            self._backends[number] = backend

    def drop(self, number: int) -> None:
        with self._keeping:
            self._backends.pop(number, None)

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as stream:
                while len(head := stream.read(4)) == 4:
                    size = int.from_bytes(head, "big")
                    if size > LONGEST_FRAME:
                        break
                    self._take(unframe(stream.read(size)))
        except (OSError, ValueError) as exc:
            log.warning("The simulator's line broke: %s", exc, extra={"action": "sim_line_broke"})
        finally:
            self._break()

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            with self._keeping:
                backend = self._backends.get(message["connection"])
            if backend is not None:
                backend.hear(decode(DomainEvent, message["event"]))
            return
        with self._keeping:
            answer = self._waiting.pop(message["id"], None)
        if answer is not None:
            answer.set_result(message)

    def _break(self) -> None:
        """All that waited or listened on this line hears that it is over."""
        with self._keeping:
            if self.broken:
                return
            self.broken = True
            waiting, self._waiting = self._waiting, {}
            backends, self._backends = self._backends, {}
        self._socket.close()
        for answer in waiting.values():
            answer.set_exception(HostLost("the simulator has gone"))
        for backend in backends.values():
            backend.hear(DomainEvent(kind=EventKind.CONNECTION_LOST, uuid="", at=WALL.now()))


_line: Line | None = None
_making = threading.Lock()


def shared_line() -> Line:
    """This process's line to the simulator. HostUnreachable where none runs."""
    global _line
    path = str(socket_path())
    with _making:
        if _line is None or _line.broken or _line.path != path or _line.pid != os.getpid():
            try:
                _line = Line(path)
            except OSError as exc:
                reason = exc.strerror or str(exc)
                raise HostUnreachable(f"No simulator answers at {path} ({reason}): manage.py simulate.") from exc
        return _line


def give_order(text: str, *, deadline_s: float = 5.0) -> None:
    """Let the running simulator carry a fault out (see orders.py). OperationFailed with a sentence, HostUnreachable."""
    _, answer = shared_line().send({"call": "order", "args": {"text": text}})
    try:
        message = answer.result(timeout=deadline_s)
    except TimeoutError as exc:
        raise HostTimeout(f"the simulator did not answer within {deadline_s:g} s") from exc
    if "error" in message:
        raise error_from_wire(message["error"])


class SocketBackend:
    """One connection to a simulated host over the shared line."""

    def __init__(self, host: str, *, deadline_s: float) -> None:
        self._host, self._deadline_s = host, deadline_s
        self._line = shared_line()
        self._lost = self._closed = False
        self._callbacks: list[Callable[[DomainEvent], None]] = []
        self._connection, answer = self._line.send({"call": "open", "host": host, "args": {}})
        self._line.keep(self._connection, self)
        try:
            self._result("open", self._connection, answer, deadline_s)
        except VirtError:
            self._line.drop(self._connection)
            raise

    def call(self, method: str, args: dict[str, object], *, lasting: bool) -> object:
        """One call of the driver under the deadline; ``lasting`` ones end when they are done."""
        if self._lost or self._closed:
            raise HostLost(f"the connection to {self._host} is closed")
        number, answer = self._line.send({"call": method, "connection": self._connection, "args": args})
        return self._result(method, number, answer, None if lasting else self._deadline_s)

    def _result(self, method: str, number: int, answer: "Future[dict[str, Any]]", deadline_s: float | None) -> object:
        try:
            message = answer.result(timeout=deadline_s)
        except TimeoutError as exc:
            self._line.forget(number)
            raise HostTimeout(f"{self._host} did not answer within {deadline_s:g} s ({method})") from exc
        if "error" in message:
            raise error_from_wire(message["error"])
        return decode(RETURNS[method], message.get("ok"))

    def subscribe(self, callback: Callable[[DomainEvent], None]) -> None:
        self._callbacks.append(callback)
        if len(self._callbacks) == 1:
            self.call("subscribe", {}, lasting=False)

    def hear(self, event: DomainEvent) -> None:
        """An event of this host, on the line's reading thread."""
        if event.kind is EventKind.CONNECTION_LOST:
            self._lost = True
        if not self._closed:
            for callback in list(self._callbacks):
                self._tell(callback, event)

    def _tell(self, callback: Callable[[DomainEvent], None], event: DomainEvent) -> None:
        try:
            callback(event)
        except Exception:  # somebody else's code on the thread that reads for all hosts
            log.exception("A listener to %s failed.", self._host, extra={"action": "sim_listener_failed"})

    def alive(self) -> bool:
        return not (self._lost or self._closed or self._line.broken)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._line.drop(self._connection)
        if not self._line.broken:
            number, _ = self._line.send({"call": "close", "connection": self._connection, "args": {}})
            self._line.forget(number)
