"""Threads for calls that block: they touch hypervisors and no database.

Daemon threads, not concurrent.futures: those are joined at exit, and a call to a frozen host would hold up SIGTERM
for its whole deadline.
"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

log = logging.getLogger(__name__)

Call = Callable[[], Any]
Done = Callable[[Any, BaseException | None], None]


class Pool:
    """A bounded number of threads; what does not fit waits its turn."""

    def __init__(self, name: str, *, threads: int) -> None:
        self._calls: SimpleQueue[tuple[Call, Done] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"{name} {number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Call, done: Done) -> None:
        """Run ``call`` on some thread; ``done`` gets its value or its exception there, and must only enqueue."""
        self._calls.put((call, done))

    def close(self) -> None:
        """Let the threads end once their calls have; waits for none."""
        for _ in self._threads:
            self._calls.put(None)

    def _run(self) -> None:
        while (job := self._calls.get()) is not None:
            call, done = job
            try:
                value = call()
            except BaseException as exc:  # noqa: BLE001 - handed on whole to the one who asked, who logs it
                done(None, exc)
            else:
                done(value, None)
            del job, call, done  # an idle thread keeps no answer of a thousand domains alive
