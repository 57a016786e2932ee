"""Test runs in one clone share a PostgreSQL, and the last one's end ends it."""

import asyncio
import fcntl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

from datacenter.management import postgres
from datacenter.management.lent_postgres import NAME, borrow
from datacenter.management.processes import ended

ROOT = Path(__file__).resolve().parent.parent.parent
BORROWER = """
import sys; from pathlib import Path; from datacenter.management.lent_postgres import borrow
url, hold = borrow(Path(sys.argv[1])); print(url, flush=True); sys.stdin.read()
"""


async def is_over(pid: int) -> bool:
    try:
        await asyncio.wait_for(ended(pid), 10)
    except TimeoutError:
        return False
    return True


async def test_it_stays_while_anybody_holds_it_and_then_goes(var: Path) -> None:
    url, first = borrow(var)
    again, second = borrow(var)
    assert again == url
    pid = postgres.running(postgres.choose(var, NAME, durable=False))
    assert pid
    first.close()
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
    second.close()
    assert await is_over(pid)


async def test_it_goes_when_a_borrower_is_killed(var: Path) -> None:
    borrower = subprocess.Popen(
        [sys.executable, "-c", BORROWER, str(var)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert borrower.stdout is not None
    assert borrower.stdout.readline()
    pid = postgres.running(postgres.choose(var, NAME, durable=False))
    assert pid
    borrower.kill()
    borrower.wait()
    assert await is_over(pid)


async def test_those_who_come_at_the_same_moment_get_the_same_one(var: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        lent = list(threads.map(lambda _: borrow(var), range(3)))
    assert len({url for url, _ in lent}) == 1
    pid = postgres.running(postgres.choose(var, NAME, durable=False))
    assert pid
    for _, hold in lent:
        hold.close()
    assert await is_over(pid)


async def test_it_is_empty_each_time(var: Path) -> None:
    url, hold = borrow(var)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE left_behind ()")
    pid = postgres.running(postgres.choose(var, NAME, durable=False))
    assert pid
    hold.close()
    assert await is_over(pid)
    url, hold = borrow(var)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT to_regclass('left_behind')").fetchone() == (None,)
    hold.close()
    with (var / f"{NAME}.keeper").open("w") as keeper:
        fcntl.flock(keeper, fcntl.LOCK_EX)  # its keeper has ended: nothing is left when this test is
