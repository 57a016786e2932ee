"""One LISTEN a web process: the feed's NOTIFYs become entries on the event loop."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import psycopg

from hosts.feed import CHANNEL

log = logging.getLogger(__name__)

_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)
#: after so long without news the connection is asked whether it still lives: a dead machine says nothing by itself
_ASK_AFTER_S = 10.0
_ANSWER_WITHIN_S = 5.0


class Listener:
    """Hears the feed for as long as it runs; reconnects by itself.

    ``hear`` gets the entries of a frame, ``heard_again`` is called after each (re)connection: whatever was said in
    between is unknown, so all that is shown has to be read again. ``lost`` is called when the connection is gone.
    """

    def __init__(
        self,
        parameters: dict[str, Any],
        *,
        hear: Callable[[Sequence[Any]], None],
        heard_again: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        limits = {"connect_timeout": 5, "tcp_user_timeout": 15_000, "application_name": "godwit live"}
        self._parameters = {**limits, **parameters, "autocommit": True}
        self._hear = hear
        self._heard_again = heard_again
        self._lost = lost
        self.backend_pid: int | None = None  # of our connection, while it lives

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**self._parameters) as link:
                    await link.execute(f"LISTEN {CHANNEL}")
                    self.backend_pid = link.info.backend_pid
                    failures = 0
                    self._heard_again()
                    await self._listen(link)
            except (psycopg.Error, OSError, TimeoutError) as exc:
                log.warning("The live path lost the database: %s", exc, extra={"action": "live_lost"})
            finally:
                if self.backend_pid is not None:
                    self.backend_pid = None
                    self._lost()
            await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
            failures += 1

    async def _listen(self, link: psycopg.AsyncConnection[Any]) -> None:
        while True:
            async for notify in link.notifies(timeout=_ASK_AFTER_S):
                self._take(notify.payload)
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                await link.execute("SELECT 1")

    def _take(self, payload: str) -> None:
        """Anybody who may connect to the database may NOTIFY: what is not a frame is named and left out."""
        try:
            entries = orjson.loads(payload)
        except orjson.JSONDecodeError as exc:
            log.warning("The feed brought what is not JSON: %s", exc, extra={"action": "live_not_json"})
            return
        if isinstance(entries, list):
            self._hear(entries)
