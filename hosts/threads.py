"""Blocking work (libvirt, the ORM) for asyncio: a fixed number of threads, so a fixed number of database connections.

Django keeps one connection a thread. Threads that come and go would leave one behind each; these stay.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")

#: more than a few hosts that do not answer can hold at once, well below PostgreSQL's 100 connections
THREADS = 24

_executor = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="work")


async def blocking(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """``call(*args, **kwargs)`` on one of the threads, with a database connection that is not dead."""

    def run() -> R:
        close_old_connections()
        try:
            return call(*args, **kwargs)
        finally:
            close_old_connections()  # at once where CONN_MAX_AGE is 0

    return await asyncio.get_running_loop().run_in_executor(_executor, run)
