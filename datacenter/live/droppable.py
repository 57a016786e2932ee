"""A websocket's consumer that can be ended though nothing can be sent to it."""

import asyncio
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

TOO_SLOW = 4408


class Droppable(AsyncWebsocketConsumer):
    """As Channels' own; ``self._dropped.set()`` ends a socket that takes no frames."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        self._dropped = asyncio.Event()

        async def receive_or_dropped() -> Any:
            waits = [asyncio.ensure_future(receive()), asyncio.ensure_future(self._dropped.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                gone = {"type": "websocket.disconnect", "code": TOO_SLOW}
                return waits[0].result() if waits[0].done() else gone
            finally:
                for wait in waits:
                    wait.cancel()

        return await super().__call__(scope, receive_or_dropped, send)

    async def send_frame(self, frame: str) -> None:
        """Text, as it is."""
        await self.base_send({"type": "websocket.send", "text": frame, "bytes": None})
