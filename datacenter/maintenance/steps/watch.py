"""Who follows a step: an advisory lock of PostgreSQL on a connection of its own, gone with its process.

That a step is RUNNING does not say that somebody still follows it; that this lock is taken does.
"""

import contextlib
import threading
from typing import Any, Self

import psycopg

from hosts import feed

#: the first half of our two-part locks: “plan step”
_CLASS = 0x67737470

_own: set[int] = set()
_keeping = threading.Lock()


class Watch:
    """Held from the taking to ``close``, by one thread of one process."""

    def __init__(self, pk: int, link: psycopg.Connection[Any]) -> None:
        self._pk, self._link = pk, link

    @classmethod
    def take(cls, pk: int) -> Self | None:
        """The watch over a step; None: somebody follows it, here or in another process. psycopg's errors pass."""
        with _keeping:
            if pk in _own:  # also where the database was restarted under us, and the lock is gone
                return None
            link = psycopg.connect(**_parameters())
            try:
                row = link.execute("SELECT pg_try_advisory_lock(%s, %s)", (_CLASS, pk)).fetchone()
            except psycopg.Error:
                link.close()
                raise
            if not row or not row[0]:
                link.close()
                return None
            _own.add(pk)
            return cls(pk, link)

    def close(self) -> None:
        """Nobody follows it any more. Safe to call twice."""
        with _keeping:
            _own.discard(self._pk)
        with contextlib.suppress(psycopg.Error):
            self._link.close()


def _parameters() -> dict[str, Any]:
    limits = {"connect_timeout": 5, "tcp_user_timeout": 15_000, "application_name": "godwit step"}
    return {**limits, **feed.link_parameters(), "autocommit": True}
