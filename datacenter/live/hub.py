"""The live path of one web process: listener → what changed → paint in a thread → groups. One for each event loop.

Started by the first socket, ended with the server. 100 changes of a row within a beat are one paint.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

from datacenter.live.formats import texts
from datacenter.live.fragments import FOLLOWS_FIGURES, FOLLOWS_TIME
from datacenter.live.groups import Groups
from datacenter.live.items import COARSE, Item, Kind, coarse_of
from datacenter.live.listener import Listener
from datacenter.live.paint import Painted, paint, related
from hosts.feed import EVERYTHING, link_parameters

log = logging.getLogger(__name__)

PAINT_BEAT_S = 0.1
SLOW_BEAT_S = 1.0
TIME_BEAT_S = 5.0
_RETRY_S = 1.0

Answer = TypeVar("Answer")


class Hub:
    """Everything that this process's sockets share."""

    def __init__(self) -> None:
        self.groups = Groups()
        self.listener: Listener | None = None
        self._dirty: set[str] = set()  # topics whose rows changed
        self._unpainted: dict[str, Item] = {}
        self._coarse: set[str] = set()
        self._following: dict[str, Item] = {}  # fragments that follow figures, due for a paint
        self._work = asyncio.Event()
        self._slow_work = asyncio.Event()
        self._painter = ThreadPoolExecutor(1, thread_name_prefix="paint")
        self._asker = ThreadPoolExecutor(1, thread_name_prefix="ask")  # a join need not wait for a long paint
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        parameters = await asyncio.get_running_loop().run_in_executor(self._painter, link_parameters)
        self.listener = Listener(parameters, hear=self.hear, heard_again=self._heard_again, lost=self._lost)
        for run in (self.listener.run, self.groups.run, self._paint_forever, self._slow_forever, self._time_forever):
            self._tasks.append(asyncio.create_task(_kept_alive(run), name=f"live {run.__qualname__}"))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pool in (self._painter, self._asker):
            await asyncio.get_running_loop().run_in_executor(pool, connections.close_all)
            pool.shutdown()

    async def ask(self, do: Callable[..., Answer], *given: Any) -> Answer:
        """Run a question to the database in a thread of the hub's."""
        return await asyncio.get_running_loop().run_in_executor(self._asker, _in_thread, do, *given)

    def need(self, items: Iterable[Item]) -> None:
        """Paint these, though no row changed: somebody shows them for the first time."""
        self._unpainted.update((item.text, item) for item in items)
        if self._unpainted:
            self._work.set()

    def hear(self, entries: Sequence[Any]) -> None:
        """A frame of the feed. What nobody shows is let go after one look."""
        for entry in entries:
            match entry:
                case [str(topic), "figures", dict(values)]:
                    self._figures(topic, values)
                case [str(topic), "changed", None] if topic == EVERYTHING:
                    self._read_everything_again()
                case [str(topic), "changed", None]:
                    self._changed(topic)
                case _:
                    log.warning("The feed brought no entry: %.200r", entry, extra={"action": "live_no_entry"})

    def _figures(self, topic: str, values: dict[str, Any]) -> None:
        if not self.groups.shows(topic):
            return
        for item in self.groups.shown([topic], Kind.TEXT):
            self.groups.publish(item.text, texts(values))
        if "at" in values:
            for item in self.groups.shown([topic], Kind.POINTS):
                self.groups.publish(item.text, values)
        for item in self.groups.shown([topic], Kind.HTML):
            if item.fragment in FOLLOWS_FIGURES:
                self._following[item.text] = item
                self._slow_work.set()

    def _changed(self, topic: str) -> None:
        if not len(self.groups):
            return
        self._dirty.add(topic)
        self._work.set()
        self._coarse |= coarse_of(topic)
        self._slow_work.set()

    def _heard_again(self) -> None:
        self.groups.listening = True
        self.groups.forget_figures()
        self._read_everything_again()

    def _lost(self) -> None:
        self.groups.listening = False

    def _read_everything_again(self) -> None:
        self.need(self.groups.everything(Kind.HTML, Kind.TEXT))
        self._coarse |= COARSE
        self._slow_work.set()

    async def _slow_forever(self) -> None:
        while True:
            await self._slow_work.wait()
            self._slow_work.clear()
            kinds, self._coarse = self._coarse, set()
            for item in self.groups.shown(kinds, Kind.TOPICS):
                self.groups.publish(item.text, None)
            following, self._following = self._following, {}
            self.need([*self.groups.shown(kinds, Kind.HTML), *following.values()])
            await asyncio.sleep(SLOW_BEAT_S)

    async def _time_forever(self) -> None:
        while True:
            await asyncio.sleep(TIME_BEAT_S)
            self.need(item for item in self.groups.shown(COARSE, Kind.HTML) if item.fragment in FOLLOWS_TIME)

    async def _paint_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            self._work.clear()
            dirty, self._dirty = self._dirty, set()
            unpainted, self._unpainted = self._unpainted, {}
            try:
                topics = await loop.run_in_executor(self._painter, _in_thread, related, dirty) if dirty else set()
                wanted = {item.text: item for item in self.groups.shown(topics, Kind.HTML)} | unpainted
                painted = await loop.run_in_executor(self._painter, _in_thread, paint, wanted.values())
            except DatabaseError as exc:
                log.warning("Nothing can be painted: %s", exc, extra={"action": "paint_failed"})
                self._dirty |= dirty
                self._unpainted = {**unpainted, **self._unpainted}
                self._work.set()
                await asyncio.sleep(_RETRY_S)
                continue
            self._show(painted)
            await asyncio.sleep(PAINT_BEAT_S)

    def _show(self, painted: Painted) -> None:
        for text, html in painted.html.items():
            self.groups.publish(text, html)
        for text, said in painted.text.items():
            self.groups.publish(text, said, older=True)


async def _kept_alive(run: Callable[[], Awaitable[None]]) -> None:
    """A mistake of ours costs one batch and a traceback in the log, never the live path of all who look on."""
    while True:
        try:
            await run()
        except Exception:  # whatever it is: nobody else would hear of it
            log.exception("A part of the live path failed and begins anew", extra={"action": "live_failed"})
        await asyncio.sleep(_RETRY_S)


def _in_thread(do: Callable[..., Answer], *given: Any) -> Answer:
    """Run with the ORM in a thread that lives long: connections that broke or aged are closed first."""
    close_old_connections()
    return do(*given)


_HUBS: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


async def hub() -> Hub:
    """This event loop's hub, started if need be."""
    loop = asyncio.get_running_loop()
    if loop not in _HUBS:
        _HUBS[loop] = Hub()
        await _HUBS[loop].start()
    return _HUBS[loop]


async def close_hub() -> None:
    """End this event loop's hub: at the server's end, and a test's."""
    found = _HUBS.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()
