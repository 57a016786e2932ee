"""The one door out to the browsers: newest value per key, one frame per beat.

``changed`` says that a row is to be read and painted again; ``figures`` carries numbers that tick. Both only put
the newest value into a table; a thread sends what is in it at most once per beat, in NOTIFYs below PostgreSQL's
8,000 bytes, from a connection of its own: never inside a transaction of the inventory.

A frame is a JSON list of entries ``[topic, kind, data]``: topic "vm:12", kind "changed" (data null) or "figures"
(data: field -> number, text or null). State, never deltas: the next frame is whole, so a lost one is harmless.
The topic ``EVERYTHING`` with "changed" asks for all that is shown to be read again.
"""

import atexit
import logging
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import psycopg
from django.db import connection, transaction

log = logging.getLogger(__name__)

CHANNEL = "godwit_feed"
EVERYTHING = "*"
BEAT_S = 0.05
#: keys that may wait for the database; a larger heap of news is replaced by one "read everything again"
MOST_KEYS = 20_000
_FRAME_BYTES = 7_800  # NOTIFY takes 7,999
_RETRY_S = (0.5, 1.0, 2.0, 5.0)
_NOT_FOR_A_LINK = ("cursor_factory", "context")  # Django's own cursors and adapters

Data = dict[str, Any] | None
Key = tuple[str, str]
Entry = tuple[str, str, Data]


def changed(noun: str, pk: int) -> None:
    """The row ``noun`` ``pk`` changed: after the commit, whoever shows it reads and paints it again."""
    transaction.on_commit(lambda: OUT.put(f"{noun}:{pk}", "changed", None))


def figures(noun: str, pk: int, values: dict[str, Any]) -> None:
    """Numbers of a row that tick; sent as they are, merged with those not yet sent."""
    OUT.put(f"{noun}:{pk}", "figures", values)


def link_parameters() -> dict[str, Any]:
    """How psycopg reaches Django's database on a connection of its own; to be asked in a thread that uses the ORM."""
    given = connection.get_connection_params()
    return {key: value for key, value in given.items() if key not in _NOT_FOR_A_LINK}


def frames(entries: list[Entry]) -> Iterator[bytes]:
    """Pack entries into JSON lists of at most 7,800 bytes, in order.

    An entry that alone is larger, or that JSON cannot say, becomes "changed": the reader asks the database.
    """
    batch: list[bytes] = []
    size = 2
    for entry in entries:
        packed = _packed(entry)
        if size + len(packed) + 1 > _FRAME_BYTES and batch:
            yield b"[" + b",".join(batch) + b"]"
            batch, size = [], 2
        batch.append(packed)
        size += len(packed) + 1
    if batch:
        yield b"[" + b",".join(batch) + b"]"


def _packed(entry: Entry) -> bytes:
    topic, kind, _ = entry
    try:
        packed = orjson.dumps(entry)
    except TypeError as exc:  # one odd value must not hold up everything behind it
        extra = {"action": "feed_unpackable", "topic": topic}
        log.warning("The feed cannot say the %s of %s: %s", kind, topic, exc, extra=extra)
        return orjson.dumps((topic, "changed", None))
    return packed if len(packed) + 3 <= _FRAME_BYTES else orjson.dumps((topic, "changed", None))


class Out:
    """The table of newest values, and the thread that empties it. Thread-safe.

    The first value is sent at once, those that follow within a beat together. What the database did not take is kept
    and tried again.
    """

    def __init__(self) -> None:
        self._newest: dict[Key, Data] = {}
        self._wake = threading.Condition()  # something waits, something was sent, or it is to end
        self._sending = False
        self._closing = False
        self._thread: threading.Thread | None = None

    def put(self, topic: str, kind: str, data: Data) -> None:
        with self._wake:
            self._merge((topic, kind), data)
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._start()
            self._wake.notify_all()

    def take(self) -> list[Entry]:
        """Everything that waits, oldest first; the table is empty afterwards."""
        with self._wake:
            entries: list[Entry] = [(topic, kind, data) for (topic, kind), data in self._newest.items()]
            self._newest.clear()
            return entries

    def give_back(self, entries: list[Entry]) -> None:
        """Put what was taken but not sent under what came since: the newer value wins, field by field."""
        with self._wake:
            newer, self._newest = self._newest, {(topic, kind): data for topic, kind, data in entries}
            for key, data in newer.items():
                self._merge(key, data)

    def flush(self, timeout_s: float = 2.0) -> bool:
        """Wait until everything is sent; False if the database did not take it in time."""
        with self._wake:
            if self._thread is None or not self._thread.is_alive():
                return not self._newest
            return self._wake.wait_for(lambda: not self._newest and not self._sending, timeout_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Send what waits, end the thread and its connection. A later ``put`` begins anew."""
        self.flush(timeout_s)
        with self._wake:
            thread, self._thread = self._thread, None
            self._closing = True
            self._wake.notify_all()
        if thread is not None and thread.is_alive():
            thread.join(timeout_s)

    def _merge(self, key: Key, data: Data) -> None:
        waiting = self._newest.get(key)
        self._newest[key] = {**waiting, **data} if waiting and data else data
        if len(self._newest) > MOST_KEYS:
            log.warning("%d rows wait for the database; they become one", MOST_KEYS, extra={"action": "feed_full"})
            self._newest = {(EVERYTHING, "changed"): None}

    def _start(self) -> None:
        self._closing = False
        self._thread = threading.Thread(target=self._run, args=(link_parameters(),), name="feed", daemon=True)
        self._thread.start()

    def _run(self, parameters: dict[str, Any]) -> None:
        link: psycopg.Connection[Any] | None = None
        failures = 0
        me = threading.current_thread()
        while self._wait(me):
            entries = self.take()
            try:
                link = link or psycopg.connect(**_with_limits(parameters))
                _notify(link, entries)
                failures = 0
            except psycopg.Error as exc:
                log.warning("The feed lost the database: %s", exc, extra={"action": "feed_lost"})
                self.give_back(entries)
                _close(link)
                link, failures = None, failures + 1
            self._rest(_RETRY_S[min(failures, len(_RETRY_S)) - 1] if failures else BEAT_S)
        _close(link)

    def _wait(self, me: threading.Thread) -> bool:
        """Sleep until something waits. False: this thread is to end."""
        with self._wake:
            self._wake.wait_for(lambda: self._newest or self._closing or self._thread is not me)
            if self._closing or self._thread is not me:
                return False
            self._sending = True
            return True

    def _rest(self, seconds: float) -> None:
        with self._wake:
            self._sending = False
            self._wake.notify_all()
            self._wake.wait_for(lambda: self._closing, seconds)


def _with_limits(parameters: dict[str, Any]) -> dict[str, Any]:
    """No endless wait for a database machine that is gone: 5 s to connect, 15 s without an acknowledgement."""
    limits = {"connect_timeout": 5, "tcp_user_timeout": 15_000, "application_name": "godwit feed"}
    return {**limits, **parameters, "autocommit": True}


def _notify(link: psycopg.Connection[Any], entries: list[Entry]) -> None:
    """One statement, so all or nothing: what failed is sent whole again, and twice is harmless."""
    texts = [frame.decode() for frame in frames(entries)]
    link.execute("SELECT pg_notify(%s, frame) FROM unnest(%s::text[]) AS frame", (CHANNEL, texts))


def _close(link: psycopg.Connection[Any] | None) -> None:
    if link is not None:
        link.close()


OUT = Out()
atexit.register(OUT.close)
