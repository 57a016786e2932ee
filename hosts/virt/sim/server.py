"""The simulator's server: one World, served to any number of processes over a unix socket, in one thread.

A call that a frozen host would not answer gets no answer here either; the client's own deadline ends it.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hosts.virt.errors import HostLost, OperationFailed, VirtError
from hosts.virt.records import DomainEvent, EventKind
from hosts.virt.sim import service
from hosts.virt.sim.orders import obey
from hosts.virt.sim.place import make_folder
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.wire import ARGUMENTS, LONGEST_FRAME, decode, error_to_wire, frame, unframe
from hosts.virt.sim.world import World

log = logging.getLogger(__name__)

#: a client that lets this much pile up unread is thrown out
_MOST_UNREAD = 64 << 20


@dataclass(slots=True, kw_only=True)
class Connection:
    """One driver's connection to one host, over the socket of its process."""

    host: str
    epoch: int
    subscribed: bool = False
    lost: bool = False
    open_calls: set[int] = field(default_factory=set)


class Session:
    """One client process."""

    def __init__(self, world: World, writer: asyncio.StreamWriter, *, armed: Callable[[], None]) -> None:
        self._world, self._writer, self._armed = world, writer, armed
        self.connections: dict[int, Connection] = {}

    def send(self, message: dict[str, object]) -> None:
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > _MOST_UNREAD:
            log.warning("A client reads nothing and is closed.", extra={"action": "sim_client_closed"})
            transport.abort()
            return
        self._writer.write(frame(message))

    def take(self, message: dict[str, Any]) -> None:
        """Answer one call, at once or when it is done."""
        number, call = int(message["id"]), str(message["call"])
        try:
            with self._world.present():
                answer = self._answer(number, call, message)
        except VirtError as error:
            self.send({"id": number, "error": error_to_wire(error)})
        except service.NoAnswer:
            pass
        except Exception:  # a fault of ours is that caller's error, and nobody else's
            log.exception("The simulator failed at a call of “%s”.", call, extra={"action": "sim_call_failed"})
            self.send({"id": number, "error": error_to_wire(OperationFailed("the simulator failed; see its log"))})
        else:
            self._reply(number, answer, self.connections.get(message.get("connection", 0)))
        self._armed()

    def _answer(self, number: int, call: str, message: dict[str, Any]) -> object:
        if call == "open":
            host = str(message["host"])
            self.connections[number] = Connection(host=host, epoch=service.open_connection(self._world, host))
            return self.connections[number].epoch
        if call == "order":
            self._order(str(message["args"]["text"]))
            return None
        connection = self.connections.get(message["connection"])
        if call == "close":
            self.connections.pop(message["connection"], None)
            return None
        if connection is None:
            raise HostLost("the connection is closed")
        if call == "subscribe":
            connection.subscribed = True
            return None
        if call not in service.METHODS:
            raise OperationFailed(f"The simulator knows no call “{call}”.")
        connection.open_calls.add(number)
        args = {name: decode(ARGUMENTS.get(name, str), raw) for name, raw in message["args"].items()}
        try:
            answer = service.call(self._world, connection.host, connection.epoch, call, args)
        except VirtError:
            connection.open_calls.discard(number)
            raise
        return answer

    def _order(self, text: str) -> None:
        try:
            obey(self._world, text)
        except ValueError as exc:
            raise OperationFailed(str(exc)) from exc
        log.info("Ordered: %s", text, extra={"action": "sim_order"})

    def _reply(self, number: int, answer: object, connection: Connection | None) -> None:
        if isinstance(answer, Ticket):
            answer.when_done(lambda ticket: self._done(number, ticket, connection))
            return
        if connection is not None:
            connection.open_calls.discard(number)
        self.send({"id": number, "ok": answer})

    def _done(self, number: int, ticket: Ticket, connection: Connection | None) -> None:
        if connection is not None and number not in connection.open_calls:
            return  # the connection was lost meanwhile, and the caller told so
        if connection is not None:
            connection.open_calls.discard(number)
        if ticket.error is not None:
            self.send({"id": number, "error": error_to_wire(ticket.error)})
        else:
            self.send({"id": number, "ok": ticket.result})

    def close(self) -> None:
        self._writer.close()

    def hear(self, host: str, event: DomainEvent) -> None:
        """An event of the world: for whoever has subscribed to its host."""
        lost = event.kind is EventKind.CONNECTION_LOST
        for key, connection in self.connections.items():
            if connection.host != host or connection.lost:
                continue
            if connection.subscribed or lost:
                self.send({"connection": key, "event": event})
            if lost:
                self._lose(connection)

    def _lose(self, connection: Connection) -> None:
        """Calls that still wait on a lost connection end; later ones are refused by its epoch."""
        connection.lost = True
        error = error_to_wire(HostLost("the connection to the host was lost", code=38, domain=7))
        for number in connection.open_calls:
            self.send({"id": number, "error": error})
        connection.open_calls.clear()


class Server:
    """Serves a World until stopped, and moves it on when something is due."""

    def __init__(self, world: World, path: Path) -> None:
        self.world, self.path = world, path
        self._sessions: set[Session] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, stop: asyncio.Event, *, ready: Callable[[], None] | None = None) -> None:
        """Listen until ``stop``. OSError where another simulator holds the socket."""
        await self._claim()
        unwatch = self.world.watch(self._tell)
        server = await asyncio.start_unix_server(self._serve, path=str(self.path))
        self.path.chmod(0o600)
        self._arm()
        if ready is not None:
            ready()
        try:
            await stop.wait()
        finally:
            unwatch()
            server.close()
            if self._timer is not None:
                self._timer.cancel()
            for session in list(self._sessions):
                session.close()
            self.path.unlink(missing_ok=True)

    async def _claim(self) -> None:
        """A socket that nobody answers on is left over from a crash and goes."""
        make_folder(self.path)
        if not self.path.exists():
            return
        try:
            _, writer = await asyncio.open_unix_connection(str(self.path))
        except OSError:
            self.path.unlink(missing_ok=True)
            return
        writer.close()
        raise OSError(f"another simulator serves {self.path}")

    def _tell(self, host: str, event: DomainEvent) -> None:
        for session in self._sessions:
            session.hear(host, event)

    def _arm(self) -> None:
        """Wake up when the next thing is due, and no sooner."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.world.next_due_s()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(due, 0.002), self._wake)

    def _wake(self) -> None:
        self._timer = None
        try:
            with self.world.present():
                pass
        except Exception:  # one deed that fails must not stop the world's clock
            log.exception("Something planned in the simulated world failed.", extra={"action": "sim_act_failed"})
        self._arm()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(self.world, writer, armed=self._arm)
        self._sessions.add(session)
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(4), "big")
                if size > LONGEST_FRAME:
                    raise ValueError("a frame is too long")
                session.take(unframe(await reader.readexactly(size)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone, as clients do
        except (ValueError, KeyError, TypeError) as exc:
            log.warning("A client spoke nonsense and is closed: %s", exc, extra={"action": "sim_client_closed"})
        finally:
            self._sessions.discard(session)
            with suppress(OSError):
                writer.close()
