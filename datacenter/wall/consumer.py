"""The socket at /ws/wall. One word comes in, once: hello. Frames go out. Nothing that is said here does anything.

From the screen: ``{"hello": {"link": "…", "screen": "random", "size": "3840x2160", "version": "9f2c…"}}``, with
``"preview": true`` where the link is an administrator's ticket. Any other word closes the socket. No cookie is read:
datacenter/asgi.py routes it around sessions. The link is in no address, so that no log of addresses has it.
"""

import asyncio
import logging
from typing import Any

import orjson
from django.db import Error as DatabaseError

from datacenter.live.droppable import Droppable
from datacenter.live.groups import Socket
from datacenter.wall import screens
from datacenter.wall.hub import MOST_SCREENS, MOST_SOCKETS, Screen, WallHub, wall_hub
from datacenter.wall.screens import Ended, Hello
from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

#: a screen that says nothing for so long is none
HELLO_WITHIN_S = 10.0
MOST_CHARACTERS = 1000
NOT_UNDERSTOOD, ENDED, TOO_MANY, TRY_LATER = 4400, 4410, 4429, 4503


class WallConsumer(Droppable):
    """One screen on a wall."""

    hub: WallHub
    screen: Screen | None = None
    _greeted = False
    _waits: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await self.accept()
        self.hub = await wall_hub()
        if len(self.hub) >= MOST_SOCKETS:
            await self.close(TOO_MANY, "too many screens")
            return
        self.hub.waiting.add(self)
        self._waits = asyncio.create_task(self._expect_hello(), name="wall hello")

    async def disconnect(self, code: int) -> None:
        self._leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        hello = None if self._greeted else understood(text_data)
        if hello is None:
            await self._close(NOT_UNDERSTOOD, "not understood")
            return
        self._greeted = True
        if self._waits is not None:
            self._waits.cancel()
        try:
            answer = await self.hub.ask(screens.welcome, hello, self._address())
        except DatabaseError as exc:
            log.warning("A wall could not be asked for: %s", exc, extra={"action": "wall_hello_failed"})
            await self._close(TRY_LATER, "try later")
            return
        if isinstance(answer, Ended):
            await self._show_end(answer)
        elif self.hub.of(answer.display) >= MOST_SCREENS:
            await self._close(TOO_MANY, "too many screens")
        else:
            self._begin(answer)

    def _begin(self, answer: screens.Welcome) -> None:
        self.hub.waiting.discard(self)
        socket = Socket(self.send_frame, drop=self._dropped.set, owner=answer.display)
        self.screen = Screen(socket, display=answer.display, program=answer.program, row=answer.row, end=self._show_end)
        self.hub.enter(self.screen)

    async def _show_end(self, end: Ended) -> None:
        """The reason goes as a frame of its own: a close frame holds 123 bytes."""
        log.info("A wall was ended: %s", end.why, extra={"action": "wall_ended"})
        await self.send_frame(orjson.dumps({"at": WALL.now().isoformat(), "ended": end.why}).decode())
        await self._close(ENDED, "ended")

    async def _close(self, code: int, reason: str) -> None:
        self._leave()
        await self.close(code, reason)

    def _leave(self) -> None:
        self.hub.waiting.discard(self)
        if self._waits is not None:
            self._waits.cancel()
        if self.screen is not None:
            self.hub.leave(self.screen)
            self.screen = None

    async def _expect_hello(self) -> None:
        await asyncio.sleep(HELLO_WITHIN_S)
        self._waits = None
        await self._close(NOT_UNDERSTOOD, "no hello")

    def _address(self) -> str:
        client: Any = self.scope.get("client")
        return str(client[0]) if client else ""


def understood(text: str | None) -> Hello | None:
    """The hello; None for anything else that may have been said."""
    if text is None or len(text) > MOST_CHARACTERS:
        return None
    try:
        said = orjson.loads(text)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.keys() != {"hello"} or not isinstance(said["hello"], dict):
        return None
    given = dict(said["hello"])
    preview = given.pop("preview", False)
    words = {"link", "screen", "size", "version"}
    if given.keys() != words or not all(isinstance(each, str) for each in given.values()):
        return None
    return Hello(**given, preview=preview is True)
