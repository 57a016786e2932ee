"""Who shows what, and what each has not been sent yet: the fan-out of one web process, on its event loop.

Not Channels' groups: those cost a thread hop a message and client. Here a socket keeps only the *names* of what is new
to it; the newest value of each, packed once as JSON, is kept once for all. So newest wins, a slow client costs a set of
names, and sockets that miss the same things share one packed frame. At most one frame a beat and socket.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson

from datacenter.live.items import Item, Kind
from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

BEAT_S = 0.1
HEARTBEAT_S = 2.0
#: a frame that a client does not take for so long ends its socket
SLOW_S = 15.0

Send = Callable[[str], Awaitable[None]]


class Socket:
    """One browser's connection: what it shows, and what of it is news."""

    __slots__ = ("_drop", "_send", "free", "items", "news", "owner", "refused", "sending", "sent_at")

    def __init__(self, send: Send, *, drop: Callable[[], None], owner: object = None) -> None:
        self.owner = owner  # the user's key
        self._send = send
        self._drop = drop
        self.free: Callable[[], object] = lambda: None  # called when a frame went out while there was more news
        self.items: set[str] = set()
        self.news: set[str] = set()
        self.refused: list[str] = []
        self.sending: asyncio.Task[None] | None = None
        self.sent_at = WALL.monotonic()

    def start(self, frame: str, now: float) -> None:
        """Send in a task of its own: nobody waits for a slow one."""
        self.sent_at = now
        self.sending = asyncio.create_task(self._deliver(frame))

    async def _deliver(self, frame: str) -> None:
        try:
            await self._send(frame)
        except (OSError, RuntimeError) as exc:  # gone between two frames; its consumer hears of it itself
            log.debug("A frame found its socket gone: %s", exc, extra={"action": "live_socket_gone"})
        finally:
            self.sending = None
            if self.news:
                self.free()

    def drop(self) -> None:
        self._drop()


class Shown:
    """One item that at least one socket shows, with its newest value."""

    __slots__ = ("item", "packed", "sockets", "values")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.sockets: set[Socket] = set()
        self.packed: orjson.Fragment | None = None  # None: not known yet
        self.values: dict[str, Any] = {}  # of figures: what the text was made of so far


class Groups:
    """All sockets of this process."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._shown: dict[str, Shown] = {}
        self._by_topic: dict[str, set[str]] = defaultdict(set)
        self._news = asyncio.Event()
        self.frames_sent = 0
        self.listening = False  # while the database is not heard, silence must not look like health

    def __len__(self) -> int:
        return len(self._sockets)

    def owned_by(self, owner: object) -> int:
        return sum(socket.owner == owner for socket in self._sockets)

    def enter(self, socket: Socket) -> None:
        self._sockets.add(socket)
        socket.free = self._news.set

    def leave(self, socket: Socket) -> None:
        self._sockets.discard(socket)
        for text in socket.items:
            self._unshow(text, socket)
        socket.items = set()
        socket.news.clear()

    def join(self, socket: Socket, items: Iterable[Item], *, refused: list[str]) -> list[Item]:
        """Show exactly ``items`` on the socket; returns those that nobody has painted yet. The known are news to it."""
        wanted = {item.text: item for item in items}
        for text in socket.items - wanted.keys():
            self._unshow(text, socket)
        socket.items = set(wanted)
        socket.refused = refused
        socket.news = set()
        unknown = []
        for text, item in wanted.items():
            shown = self._shown.get(text)
            if shown is None:
                shown = self._shown[text] = Shown(item)
                self._by_topic[item.topic].add(text)
            shown.sockets.add(socket)
            if shown.packed is not None and item.kind in (Kind.HTML, Kind.TEXT):
                socket.news.add(text)
            elif item.kind in (Kind.HTML, Kind.TEXT):
                unknown.append(item)
        self._news.set()
        return unknown

    def shown(self, topics: Iterable[str], *kinds: Kind) -> list[Item]:
        """The items of these topics, of these kinds, that somebody shows."""
        texts = (text for topic in topics for text in self._by_topic.get(topic, ()))
        return [self._shown[text].item for text in texts if self._shown[text].item.kind in kinds]

    def everything(self, *kinds: Kind) -> list[Item]:
        return [shown.item for shown in self._shown.values() if shown.item.kind in kinds]

    def shows(self, topic: str) -> bool:
        return topic in self._by_topic

    def forget_figures(self) -> None:
        """What was heard may be long past: the database's figures are the newest now."""
        for shown in self._shown.values():
            shown.values.clear()

    def publish(self, text: str, value: Any, *, older: bool = False) -> None:
        """The newest value of an item; what nobody shows is dropped.

        Figures are merged with the fields known before; ``older``: read from the database, so what was heard wins.
        """
        shown = self._shown.get(text)
        if shown is None:
            return
        if shown.item.kind is Kind.TEXT:
            value = shown.values = {**value, **shown.values} if older else {**shown.values, **value}
        shown.packed = orjson.Fragment(orjson.dumps(value))
        for socket in shown.sockets:
            socket.news.add(text)
        self._news.set()

    async def run(self) -> None:
        """Send what is news once a beat: the first at once, what follows within the beat together."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_S / 4):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            self.flush()
            await asyncio.sleep(BEAT_S)

    def flush(self) -> None:
        """Begin one frame for each socket that has news, or that heard nothing for two seconds."""
        now = WALL.monotonic()
        at = WALL.now().isoformat(timespec="milliseconds")
        packed: dict[frozenset[str], str] = {}
        for socket in self._sockets:
            if socket.sending is not None:
                if now - socket.sent_at > SLOW_S:
                    log.info("A browser took no frame for %s s", SLOW_S, extra={"action": "live_slow"})
                    socket.drop()
                continue
            if socket.news or socket.refused:
                socket.start(self._frame_for(socket, packed, at=at), now)
            elif self.listening and now - socket.sent_at >= HEARTBEAT_S:
                socket.start(f'{{"at":"{at}"}}', now)
            else:
                continue
            self.frames_sent += 1

    def _frame_for(self, socket: Socket, packed: dict[frozenset[str], str], *, at: str) -> str:
        news, socket.news = frozenset(socket.news), set()
        if socket.refused:
            refused, socket.refused = socket.refused, []
            return self._pack(news, at=at, refused=refused)
        if news not in packed:
            packed[news] = self._pack(news, at=at)
        return packed[news]

    def _pack(self, news: frozenset[str], **also: Any) -> str:
        parts: dict[str, dict[str, Any]] = defaultdict(dict)
        topics: list[str] = []
        for text in news:
            shown = self._shown.get(text)
            if shown is None:
                continue
            if shown.item.kind is Kind.TOPICS:
                topics.append(text)
            else:
                parts[shown.item.kind.value][_key(shown.item)] = shown.packed
        if topics:
            also["topics"] = topics
        return orjson.dumps({**also, **parts}).decode()

    def _unshow(self, text: str, socket: Socket) -> None:
        shown = self._shown[text]
        shown.sockets.discard(socket)
        if not shown.sockets:
            del self._shown[text]
            texts = self._by_topic[shown.item.topic]
            texts.discard(text)
            if not texts:
                del self._by_topic[shown.item.topic]


def _key(item: Item) -> str:
    return item.text if item.kind is Kind.HTML else item.topic
