"""Blocking work on threads: it …"""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.db import connection

from hosts import threads
from hosts.models import DataCenter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_connection_is_left() -> Iterator[None]:
    """One would keep the test database from being dropped."""
    yield
    together = threading.Barrier(threads.APART)

    def close() -> None:
        together.wait(10)
        connection.close()

    async def close_all() -> None:
        await asyncio.gather(*(threads.apart(close) for _ in range(threads.APART)))

    asyncio.run(close_all())


def queries_of(call: object) -> int:
    """How many statements a call on a thread makes, its connection's own question whether it lives among them."""
    seen: list[str] = []

    def counted() -> None:
        with connection.execute_wrapper(lambda execute, *args: (seen.append(args[0]), execute(*args))[1]):
            call()  # type: ignore[operator]

    asyncio.run(threads.apart(counted))
    return len(seen)


def test_what_is_for_all_does_not_wait_behind_the_steps_of_each() -> None:
    held, free = threading.Event(), threading.Event()

    async def run() -> str:
        steps = [asyncio.create_task(threads.blocking(free.wait, 20)) for _ in range(threads.THREADS + 5)]
        try:
            return await asyncio.wait_for(threads.apart(lambda: held.set() or "done"), timeout=10)
        finally:
            free.set()
            await asyncio.gather(*steps)

    assert asyncio.run(run()) == "done"
    assert held.is_set()


def test_a_connection_that_broke_is_not_used_again() -> None:
    def end_own_session() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    async def run() -> int:
        with pytest.raises(Exception, match="terminat"):
            await threads.apart(end_own_session)
        return await threads.apart(DataCenter.objects.count)

    for _ in range(2 * threads.APART):
        assert asyncio.run(run()) >= 0


def test_it_does_not_ask_a_connection_at_each_call_whether_it_lives() -> None:
    for _ in range(3 * threads.APART):
        assert queries_of(DataCenter.objects.count) == 1
