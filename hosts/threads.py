"""Blocking work (libvirt, the ORM) for asyncio: a fixed number of threads, so a fixed number of database connections.

Django keeps one connection a thread. Threads that come and go would leave one behind each; these stay.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
R = TypeVar("R")

#: more than a few hosts that do not answer can hold at once, well below PostgreSQL's 100 connections
THREADS = 24
#: for what is done for all migrations at once, and must not wait behind the steps of each
APART = 2
#: a connection is asked whether it lives (SELECT 1) before its first use after so long, in seconds. Asked before each
#: of the 1,000 steps a second of 200 migrations it was every eighth of their time
HEALTHY_S = 1.0

_executor = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="work")
_apart = ThreadPoolExecutor(max_workers=APART, thread_name_prefix="apart")
_looked = threading.local()


async def blocking(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """``call(*args, **kwargs)`` on one of the threads, with a database connection that is not dead."""
    return await _on(_executor, call, *args, **kwargs)


async def apart(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The same on threads that no single migration holds up: leases, samples and orders of all of them."""
    return await _on(_apart, call, *args, **kwargs)


async def _on(executor: Executor, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    loop = asyncio.get_running_loop()

    def run() -> R:
        _look_after_connections(now=loop.time())
        try:
            return call(*args, **kwargs)
        finally:
            _look_after_connections(now=loop.time(), at_the_end=True)

    return await loop.run_in_executor(executor, run)


def _look_after_connections(*, now: float, at_the_end: bool = False) -> None:
    """Close what broke or is too old; where Django keeps none (CONN_MAX_AGE 0), at the end of each call."""
    mine = connections.all(initialized_only=True)
    broken = any(each.errors_occurred for each in mine)
    kept_none = at_the_end and any(each.settings_dict["CONN_MAX_AGE"] == 0 for each in mine)
    due = not at_the_end and now - getattr(_looked, "at", -HEALTHY_S) >= HEALTHY_S
    if broken or kept_none or due:
        _looked.at = now
        close_old_connections()
