"""The one door out to the browsers: newest value per key, one frame per beat.

``changed`` says that a row is to be read and painted again; ``figures`` carries numbers that tick. Both only put
the newest value into a table; a thread sends what is in it at most once per beat, in NOTIFYs below PostgreSQL's
8,000 bytes, from a connection of its own: never inside a transaction of the inventory.

A frame is a JSON list of entries ``[topic, kind, data]``: topic "vm:12", kind "changed" (data null) or "figures"
(data: field -> number, text or null). State, never deltas: the next frame is whole, so a lost one is harmless.
"""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import psycopg
from django.db import connection, transaction

from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

CHANNEL = "godwit_feed"
BEAT_S = 0.05
_FRAME_BYTES = 7_800  # NOTIFY takes 7,999

Entry = tuple[str, str, dict[str, Any] | None]


def changed(noun: str, pk: int) -> None:
    """The row ``noun`` ``pk`` changed: after the commit, whoever shows it reads and paints it again."""
    transaction.on_commit(lambda: OUT.put(f"{noun}:{pk}", "changed", None))


def figures(noun: str, pk: int, values: dict[str, Any]) -> None:
    """Numbers of a row that tick; sent as they are, merged with those not yet sent."""
    OUT.put(f"{noun}:{pk}", "figures", values)


def frames(entries: list[Entry]) -> Iterator[bytes]:
    """Pack entries into JSON lists of at most 7,800 bytes. An entry that alone is larger becomes "changed"."""
    batch: list[bytes] = []
    size = 2
    for entry in entries:
        packed = orjson.dumps(entry)
        if len(packed) + 2 > _FRAME_BYTES:
            packed = orjson.dumps((entry[0], "changed", None))
        if size + len(packed) + 1 > _FRAME_BYTES:
            yield b"[" + b",".join(batch) + b"]"
            batch, size = [], 2
        batch.append(packed)
        size += len(packed) + 1
    if batch:
        yield b"[" + b",".join(batch) + b"]"


class Out:
    """The table of newest values, and the thread that empties it."""

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, topic: str, kind: str, data: dict[str, Any] | None) -> None:
        with self._wake:
            waiting = self._newest.get((topic, kind))
            self._newest[topic, kind] = {**waiting, **data} if waiting and data else data
            if self._thread is None:
                parameters = connection.get_connection_params()
                self._thread = threading.Thread(target=self._run, args=(parameters,), name="feed", daemon=True)
                self._thread.start()
            self._wake.notify()

    def take(self) -> list[Entry]:
        """Everything that waits, oldest first; the table is empty afterwards."""
        with self._wake:
            entries: list[Entry] = [(topic, kind, data) for (topic, kind), data in self._newest.items()]
            self._newest.clear()
            return entries

    def _run(self, parameters: dict[str, Any]) -> None:
        parameters = {
            key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if key in parameters
        }
        link: psycopg.Connection[Any] | None = None
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._newest)
            entries = self.take()
            try:
                link = link or psycopg.connect(**parameters, autocommit=True, connect_timeout=5)
                for frame in frames(entries):
                    link.execute("SELECT pg_notify(%s, %s)", (CHANNEL, frame.decode()))
            except psycopg.Error as exc:
                log.warning("The feed lost the database: %s", exc, extra={"action": "feed_lost"})
                link = None  # what was taken is lost; the views repaint on their own when they hear nothing
                WALL.sleep(1.0)
            WALL.sleep(BEAT_S)


OUT = Out()
