"""All walls of one web process: one beat a second, on which each open screen gets its frame, whole.

Apart from the pages' live path, which sends what changed: a wall that missed an hour is right with the next frame.
"""

import asyncio
import logging
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connections

from datacenter.live.groups import SLOW_S, Socket
from datacenter.live.hub import in_thread, kept_alive
from datacenter.wall import paint, screens
from datacenter.wall.paint import Program
from datacenter.wall.scope import Scope
from datacenter.wall.screens import Ended
from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

BEAT_S = 1.0
#: how often it is asked whether a display still stands, and that its screens are written down as seen
LOOK_S = 2.0
SEEN_S = 10.0
RETRY_S = 1.0
#: screens in one web process; a display has at most MOST_SCREENS of them
MOST_SOCKETS, MOST_SCREENS = 2000, 40


class Screen:
    """One wall's socket. ``row`` is its DisplayScreen; None: an administrator's preview, which nobody counts."""

    __slots__ = ("display", "end", "program", "row", "socket")

    def __init__(self, socket: Socket, *, display: int, program: Program, row: int | None, end: Any) -> None:
        self.socket = socket
        self.display = display
        self.program = program
        self.row = row
        self.end = end  # called with an Ended


class WallHub:
    """What the walls of this process share."""

    def __init__(self) -> None:
        self._screens: set[Screen] = set()
        self._painter = ThreadPoolExecutor(1, thread_name_prefix="wall paint")
        self._asker = ThreadPoolExecutor(1, thread_name_prefix="wall ask")  # who says hello need not wait for a paint
        self._tasks: list[asyncio.Task[None]] = []
        self._newest: dict[Program, str] = {}
        self._tried: set[Program] = set()  # of this beat; a scene that cannot be painted waits for the next
        self.waiting: set[object] = set()  # sockets that have not said hello
        self._enough = asyncio.Event()
        self._beats = 0
        self.frames_sent = 0
        self.frames_skipped = 0  # a screen that has not taken the one before gets none

    def __len__(self) -> int:
        return len(self._screens) + len(self.waiting)

    async def start(self) -> None:
        for run in (self._beat_forever, self._look_forever, self._seen_forever):
            self._tasks.append(asyncio.create_task(kept_alive(run), name=f"wall {run.__name__}"))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pool in (self._painter, self._asker):
            await asyncio.get_running_loop().run_in_executor(pool, connections.close_all)
            pool.shutdown()

    async def ask(self, do: Any, *given: Any) -> Any:
        """Run a question to the database in a thread of the hub's."""
        return await asyncio.get_running_loop().run_in_executor(self._asker, in_thread, do, *given)

    async def _paint(self, do: Any, *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._painter, in_thread, do, *given)

    def of(self, display: int) -> int:
        """How many screens show this display here."""
        return sum(screen.display == display for screen in self._screens)

    def enter(self, screen: Screen) -> None:
        """Show it from now on; at once if somebody shows the same already."""
        self._screens.add(screen)
        self._enough.set()
        if frame := self._newest.get(screen.program):
            self._give(screen, frame, WALL.monotonic())

    def leave(self, screen: Screen) -> None:
        self._screens.discard(screen)
        if not self._screens:
            self._newest = {}

    async def _beat_forever(self) -> None:
        while True:
            if not self._screens:
                self._enough.clear()
                await self._enough.wait()
            began = WALL.monotonic()
            self._tried = {screen.program for screen in self._screens}
            self._newest = {program: frame for program, frame in self._newest.items() if program in self._tried}
            try:
                await self._beat()
            except DatabaseError as exc:  # silence: each wall says itself since when it has heard nothing
                self._newest = {}
                log.warning("No wall can be painted: %s", exc, extra={"action": "wall_paint_failed"})
                await asyncio.sleep(RETRY_S)
                continue
            await self._until_next_beat(began)

    async def _beat(self) -> None:
        """Each scene goes out as soon as it is painted: none waits for another's."""
        self._beats += 1
        by_scope: dict[Scope, list[Program]] = defaultdict(list)
        for program in self._tried:
            by_scope[program.scope].append(program)
        for scope, programs in by_scope.items():
            seen = await self._paint(paint.look, scope, programs)
            for key, shown in seen.scenes.items():
                if frame := await self._paint(paint.paint, scope, key, seen, self._beats):
                    self._newest.update(dict.fromkeys(shown, frame))
                    self._send(frame, set(shown))

    async def _until_next_beat(self, began: float) -> None:
        """The rest of the beat. A screen whose program nobody showed before does not wait for the end of it."""
        beat = float(getattr(settings, "WALL_BEAT_S", BEAT_S))
        end = began + beat
        while (left := end - WALL.monotonic()) > 0:
            missing = {screen.program for screen in self._screens} - self._tried
            if missing and beat - left > beat / 10:
                return
            await asyncio.sleep(min(left, beat / 10))

    def _send(self, frame: str, shown: set[Program]) -> None:
        now = WALL.monotonic()
        for screen in self._screens:
            if screen.program in shown:
                self._give(screen, frame, now)

    def _give(self, screen: Screen, frame: str, now: float) -> None:
        socket = screen.socket
        if socket.sending is None:
            socket.start(frame, now)
            self.frames_sent += 1
            return
        self.frames_skipped += 1
        if now - socket.sent_at > SLOW_S:
            log.info("A wall took no frame for %s s", SLOW_S, extra={"action": "wall_slow"})
            socket.drop()

    async def _look_forever(self) -> None:
        """Revoked, run out, or arranged anew: every wall knows it within LOOK_S."""
        while True:
            await asyncio.sleep(LOOK_S)
            by_display: dict[int, list[Screen]] = defaultdict(list)
            for screen in self._screens:
                by_display[screen.display].append(screen)
            if not by_display:
                continue
            try:
                standing = await self.ask(screens.standing, list(by_display))
            except DatabaseError as exc:
                log.warning("Displays could not be asked for: %s", exc, extra={"action": "wall_look_failed"})
                continue
            for display, showing in by_display.items():
                for screen in showing:
                    await _tell(screen, standing[display])

    async def _seen_forever(self) -> None:
        while True:
            await asyncio.sleep(SEEN_S)
            rows = [screen.row for screen in self._screens if screen.row is not None]
            if rows:
                try:
                    await self.ask(screens.seen, rows)
                except DatabaseError as exc:  # written down again in SEEN_S
                    log.warning("Walls could not be written down: %s", exc, extra={"action": "wall_seen_failed"})


async def _tell(screen: Screen, found: Program | Ended) -> None:
    if isinstance(found, Ended):
        await screen.end(found)
    else:
        screen.program = found


_HUBS: WeakKeyDictionary[asyncio.AbstractEventLoop, WallHub] = WeakKeyDictionary()


async def wall_hub() -> WallHub:
    """This event loop's hub, started if need be."""
    loop = asyncio.get_running_loop()
    if loop not in _HUBS:
        _HUBS[loop] = WallHub()
        await _HUBS[loop].start()
    return _HUBS[loop]


async def close_wall_hub() -> None:
    """End this event loop's hub: at the server's end, and a test's."""
    found = _HUBS.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()
