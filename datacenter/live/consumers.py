"""The socket at /ws/live: who may come in, what may be joined, and how hostile talk ends.

From the client: ``{"join": ["vm:12/row", …]}``, the whole set each time; nothing else is understood. Closed with a
code of ours and one word as reason; the page acts on SIGNED_OUT and tries again after any other.
"""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import get_user
from django.db import Error as DatabaseError
from django.http import HttpRequest
from django.utils.module_loading import import_string

from datacenter.access import Verb, can
from datacenter.live.groups import Socket
from datacenter.live.hub import Hub, hub
from datacenter.live.items import Item, parse
from datacenter.live.paint import read
from datacenter.live.version import version
from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

MOST_ITEMS = 500
MOST_CHARACTERS = 64 * 1024
#: messages a socket may send at once, and how many more each second
BURST, PER_SECOND = 20.0, 4.0
#: tabs of one account in one web process; walls share accounts
MOST_SOCKETS = 200
#: how often it is asked whether the session still stands and the joined may still be seen
RECHECK_S = 30.0

NOT_UNDERSTOOD, SIGNED_OUT, TOO_SLOW, TOO_MANY, TRY_LATER = 4400, 4401, 4408, 4429, 4503


class NotUnderstood(Exception):
    """The client said something that live.js never says."""


class LiveConsumer(AsyncWebsocketConsumer):
    """One browser tab."""

    socket: Socket | None = None
    hub: Hub
    _watch: asyncio.Task[None] | None = None
    _allowance: float = BURST
    _heard_at: float = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        """As Channels does, but a socket that takes no frames can be ended though nothing can be sent to it."""
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

    async def connect(self) -> None:
        await self.accept()  # a refused handshake tells a page nothing; a code says "sign in again"
        if not _signed_in(self.scope["user"]):
            await self.close(SIGNED_OUT, "signed out")
            return
        self.hub = await hub()
        owner = getattr(self.scope["user"], "pk", None)
        if self.hub.groups.owned_by(owner) >= MOST_SOCKETS:
            await self._end(TOO_MANY, "too many tabs")
            return
        self._heard_at = WALL.monotonic()
        self.socket = Socket(self._send_frame, drop=self._dropped.set, owner=owner)
        self.hub.groups.enter(self.socket)
        hello = {"at": WALL.now().isoformat(timespec="milliseconds"), "version": version()}
        await self._send_frame(orjson.dumps(hello).decode())
        self._watch = asyncio.create_task(self._watch_session(), name="live session")

    async def disconnect(self, code: int) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self.socket is not None:
            self.hub.groups.leave(self.socket)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.socket is None:
            return
        if not self._may_speak():
            await self._end(TOO_MANY, "too many messages")
            return
        try:
            named = _understood(text_data)
        except NotUnderstood as exc:
            await self._end(NOT_UNDERSTOOD, str(exc))
            return
        items = [item for item in map(parse, named) if item is not None]
        try:
            allowed = await self.hub.ask(_allowed, self.scope["user"], items)
        except DatabaseError as exc:
            log.warning("A join could not be asked for: %s", exc, extra={"action": "live_join_failed"})
            await self._end(TRY_LATER, "try later")
            return
        if self.socket is None:  # ended meanwhile
            return
        refused = sorted(set(named) - {item.text for item in allowed})
        self.hub.need(self.hub.groups.join(self.socket, allowed, refused=refused))

    async def _send_frame(self, frame: str) -> None:
        await self.base_send({"type": "websocket.send", "text": frame, "bytes": None})

    async def _end(self, code: int, reason: str) -> None:
        user = getattr(self.scope["user"], "pk", None)
        log.info("A live socket was ended: %s", reason, extra={"action": "live_ended", "code": code, "user": user})
        if self.socket is not None:
            self.hub.groups.leave(self.socket)
            self.socket = None
        await self.close(code, reason)

    def _may_speak(self) -> bool:
        now = WALL.monotonic()
        self._allowance = min(BURST, self._allowance + (now - self._heard_at) * PER_SECOND) - 1
        self._heard_at = now
        return self._allowance >= 0

    async def _watch_session(self) -> None:
        """End the socket within RECHECK_S after a log-out, a changed password, or the account's deactivation."""
        await asyncio.sleep(RECHECK_S * random.uniform(0.5, 1.0))  # noqa: S311  # spread, not secret
        while self.socket is not None:
            try:
                user = await self.hub.ask(_still, self.scope["session"].session_key)
                if not _signed_in(user):
                    await self._end(SIGNED_OUT, "signed out")
                    return
                self.scope["user"] = user
                await self._recheck_items(self.socket, user)
            except DatabaseError as exc:  # nothing new can be shown either; asked again below
                log.warning("A session could not be asked for: %s", exc, extra={"action": "live_recheck_failed"})
            await asyncio.sleep(RECHECK_S)

    async def _recheck_items(self, socket: Socket, user: Any) -> None:
        before = set(socket.items)
        items = [item for item in map(parse, before) if item is not None]
        allowed = await self.hub.ask(_allowed, user, items)
        withdrawn = before - {item.text for item in allowed}
        if withdrawn and socket.items == before:
            self.hub.need(self.hub.groups.join(socket, allowed, refused=sorted(withdrawn)))


def _signed_in(user: Any) -> bool:
    return bool(user.is_authenticated and user.is_active)


def _understood(text: str | None) -> list[str]:
    """The names in a join. Raises NotUnderstood with a word that may be told to the client."""
    if text is None:
        raise NotUnderstood("binary")
    if len(text) > MOST_CHARACTERS:
        raise NotUnderstood("too large")
    try:
        said = orjson.loads(text)
    except ValueError as exc:
        raise NotUnderstood("not JSON") from exc
    if not isinstance(said, dict) or said.keys() != {"join"} or not isinstance(said["join"], list):
        raise NotUnderstood("not a join")
    named = said["join"]
    if len(named) > MOST_ITEMS:
        raise NotUnderstood("too many items")
    if not all(isinstance(name, str) and len(name) <= 80 for name in named):
        raise NotUnderstood("not names")
    return named


def _allowed(user: Any, items: Iterable[Item]) -> list[Item]:
    """The items whose rows exist and may be seen: what is hidden and what is not there answer alike."""
    by_noun: dict[str, set[int]] = defaultdict(set)
    items = list(items)
    for item in items:
        if item.pk:
            by_noun[item.noun].add(item.pk)
    seen = {
        f"{noun}:{pk}"
        for noun, pks in by_noun.items()
        for pk, row in read(noun, pks).items()
        if can(user, Verb.VIEW, row)
    }
    coarse = can(user, Verb.VIEW)
    return [item for item in items if (item.topic in seen if item.pk else coarse)]


def _still(session_key: str | None) -> Any:
    """The user of this session as the database has it now; anonymous if the session or the account is gone."""
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    request = HttpRequest()
    request.session = store(session_key)
    user = get_user(request)
    user.is_authenticated  # noqa: B018  # read now, in this thread
    return user
