"""Events to all streams of one web process: one reader of the table, however many listen.

Events get their number in the chain within a second of their commit, without gaps and in order: a stream that goes on
behind a number misses none and repeats none. So the reader asks for newer numbers once a second while anybody listens.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import Max

from datacenter import access
from datacenter.access import Verb
from datacenter.api.nouns.events import EventOut
from datacenter.events import GUARDED, seen_by
from hosts.models import Event

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

BEAT_S = 1.0
AT_ONCE = 500
#: events that may wait for one slow client; then its stream is ended, and it comes back with Last-Event-ID
MOST_WAITING = 2_000
MOST_STREAMS, MOST_OF_A_TOKEN = 200, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event, as it is sent."""

    number: int
    frame: bytes


class Stream:
    """One client. ``ended``: the reader gave up on it."""

    def __init__(self, who: Any) -> None:
        self.who = who
        self.queue: asyncio.Queue[Told | None] = asyncio.Queue(MOST_WAITING)
        self.ended = False

    def end(self) -> None:
        """Nothing more is said; what waits in the queue comes with Last-Event-ID."""
        self.ended = True
        if not self.queue.full():
            self.queue.put_nowait(None)  # wakes who waits for it


class Wire:
    """Of one event loop."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.last = 0
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="events")
        self._task: asyncio.Task[None] | None = None

    async def ask(self, do: Callable[..., Answer], *given: Any) -> Answer:
        """Run a question to the database in a thread of ours: streams hold no connections."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _in_thread, do, *given)

    async def enter(self, stream: Stream) -> int:
        """From now on its queue fills. The number behind which it does."""
        if self._task is None or self._task.done():
            self.last = await self.ask(newest)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._read_forever(), name="events")
        self.streams.add(stream)
        return self.last

    def leave(self, stream: Stream) -> None:
        self.streams.discard(stream)

    async def _read_forever(self) -> None:
        """Until nobody listens any more."""
        while self.streams:
            await asyncio.sleep(BEAT_S)
            try:
                told = await self.ask(self._read, self.last, tuple(self.streams))
            except DatabaseError as exc:
                log.warning("Events cannot be read: %s", exc, extra={"action": "api_events_lost"})
                continue
            for stream, said, number in told:
                self.last = max(self.last, number)
                _put(stream, said)

    def _read(self, last: int, streams: tuple[Stream, ...]) -> list[tuple[Stream, list[Told], int]]:
        """What is new, for each who may see it. In a thread."""
        rows = list(Event.objects.filter(number__gt=last).order_by("number")[:AT_ONCE])
        if not rows:
            return []
        said = [Told(number=row.number or 0, frame=frame_of(row)) for row in rows]
        number = said[-1].number
        told = []
        for stream in streams:
            mine = [each for row, each in zip(rows, said, strict=True) if access.can(stream.who, _asks(row), row)]
            told.append((stream, mine, number))
        return told


def _asks(row: Event) -> Verb:
    """As datacenter.events.seen_by has it, without a query a stream."""
    return Verb.AUDIT if row.kind in GUARDED else Verb.VIEW


def backlog(who: Any, after: int, until: int) -> list[Told]:
    """What was said between two numbers and may be seen, at most AT_ONCE. In a thread."""
    rows = seen_by(who).filter(number__gt=after, number__lte=until).order_by("number")[:AT_ONCE]
    return [Told(number=row.number or 0, frame=frame_of(row)) for row in rows]


def newest() -> int:
    """The number of the last event that has one."""
    return int(Event.objects.aggregate(last=Max("number"))["last"] or 0)


def frame_of(row: Event) -> bytes:
    """As an event stream has it: id, kind, one line of JSON."""
    data = EventOut.from_orm(row).model_dump_json()
    return f"id: {row.number}\nevent: {row.kind}\ndata: {data}\n\n".encode()


def _put(stream: Stream, said: list[Told]) -> None:
    try:
        for each in said:
            stream.queue.put_nowait(each)
    except asyncio.QueueFull:
        stream.end()


def _in_thread(do: Callable[..., Answer], *given: Any) -> Answer:
    close_old_connections()
    try:
        return do(*given)
    finally:
        close_old_connections()


_WIRES: WeakKeyDictionary[asyncio.AbstractEventLoop, Wire] = WeakKeyDictionary()


def wire() -> Wire:
    """This event loop's."""
    return _WIRES.setdefault(asyncio.get_running_loop(), Wire())
