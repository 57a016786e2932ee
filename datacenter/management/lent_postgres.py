"""A PostgreSQL for tests, lent to everyone in this clone who asks, and gone when the last of them is.

    url, hold = borrow(var)      # as long as ``hold`` is open, the server runs

The server belongs to a keeper, a process of its own, so that the first test run to end takes nothing from the others.
Each borrower shares a lock on a file; the keeper waits until it can have that lock alone, which the kernel grants when
the last borrower has ended, in whatever way. The cluster is made anew each time: it is written without fsync, and
nobody has to trust what a crash left.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

from datacenter.management import postgres

NAME = "test-postgres"


def borrow(var: Path) -> tuple[str, IO[str]]:
    """The URL of a running server, and the open file that keeps it; PostgresError where there is none."""
    (var / "log").mkdir(parents=True, exist_ok=True)
    hold = (var / f"{NAME}.users").open("w")
    fcntl.flock(hold, fcntl.LOCK_SH)  # waits while a keeper is stopping the server
    keeper = subprocess.Popen(
        [sys.executable, "-m", "datacenter.management.lent_postgres", str(var)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent.parent)},
    )
    assert keeper.stdout is not None
    url = keeper.stdout.readline().strip()
    keeper.returncode = 0  # it outlives us, or is gone already: Popen need not warn
    if not url:
        hold.close()
        raise postgres.PostgresError(
            f"no PostgreSQL for the tests; its reason stands above and in {var}/log/{NAME}.log"
        )
    return url, hold


async def keep(var: Path) -> None:
    """Run the server until nobody holds it; only print its URL where another keeper runs it."""
    with (var / f"{NAME}.keeper").open("w") as only_one, (var / f"{NAME}.users").open("w") as users:
        try:
            fcntl.flock(only_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            cluster = await _kept_by_another(var)
            print(cluster.url, flush=True)
            return
        cluster = postgres.choose(var, NAME, durable=False)
        await postgres.stop(cluster)
        shutil.rmtree(cluster.data, ignore_errors=True)
        await postgres.start(cluster)
        print(cluster.url, flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or whoever reads our output would wait for our end
        os.dup2(1, 2)
        fcntl.flock(users, fcntl.LOCK_EX)
        await postgres.stop(cluster)


async def _kept_by_another(var: Path) -> postgres.Cluster:
    """The cluster of another keeper, once it takes connections."""
    for _ in range(600):
        cluster = postgres.choose(var, NAME, durable=False)
        if (cluster.place / "database-made").exists() and postgres.running(cluster):
            return cluster
        await asyncio.sleep(0.1)
    raise postgres.PostgresError(f"another test run has not got PostgreSQL up in a minute: see {var}/log/{NAME}.log")


if __name__ == "__main__":
    try:
        asyncio.run(keep(Path(sys.argv[1])))
    except postgres.PostgresError as exc:
        print(exc, file=sys.stderr)
        sys.exit(1)
