"""One event loop in one thread, for SSH and HTTP: steps run in plain threads and ask it."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_making = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def loop() -> asyncio.AbstractEventLoop:
    """The loop, begun at the first call. It ends with the process: what it waits for is held by hosts, not by us."""
    global _loop
    with _making:
        if _loop is None or not _loop.is_running():
            started = threading.Event()
            _loop = asyncio.new_event_loop()
            _loop.call_soon(started.set)
            threading.Thread(target=_loop.run_forever, name="steps", daemon=True).start()
            started.wait(5.0)
        return _loop


def submit(coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
    """Let the loop run it; the answer can be waited for in any other thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop())
