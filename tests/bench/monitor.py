"""``make bench-monitor``: how well one worker watches 200 migrations at once.

A private PostgreSQL (durable), the simulated data center in a process of its own, and a real ``manage.py work``. All
limits are lifted, the policy's too: an Adaptive one that only watches. Each migration is capped so that it copies for
minutes. Measured over a window in which all copy:

- tick lag: the interval between two samples of one migration, less the intended 200 ms; never below 0. From the rows.
- CPU: user and system time of the worker's process, in ms per second and migration.

At 2 MiB/s all are in their first pass, where nothing is forecast yet; later each forecast costs some 10 ms. Those take
minutes to come (``ARGS="--migrations 60 --cap 10 --settle 400"``). ``past_first_pass`` says how many were there.
Ends with one line of JSON.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datacenter.database import var_folder
from datacenter.management import postgres
from datacenter.management.processes import spawn
from tests.bench.machine import cpu_seconds, describe, spread

ROOT = Path(__file__).resolve().parent.parent.parent
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--migrations", type=int, default=200)
    parser.add_argument(
        "--cap", type=int, default=2, help="MiB/s of each; only guests that dirty twice as much are moved"
    )
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--settle", type=float, default=10.0, help="seconds between the last start and the window")
    parser.add_argument("--patience", type=float, default=240.0, help="seconds until all have to copy")
    parser.add_argument("--keep-log", type=Path, help="copy the worker's log here")
    wanted = parser.parse_args()
    var = Path(tempfile.mkdtemp(prefix="monitor-", dir=var_folder().resolve()))
    var.chmod(0o755)  # PostgreSQL's account must reach it
    os.environ |= {"GODWIT_VAR": str(var), "DJANGO_SETTINGS_MODULE": "datacenter.settings"}
    os.environ.pop("GODWIT_SIM_SOCKET", None)
    try:
        with private_postgres(var) as url:
            os.environ["DATABASE_URL"] = url
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True)
            with program(var, "simulate", "--pace", "0", "--fresh", ready="simulated hosts"):
                found = measure(var, wanted)
    finally:
        if wanted.keep_log and (var / "log" / "work.log").exists():
            shutil.copy(var / "log" / "work.log", wanted.keep_log)
        shutil.rmtree(var, ignore_errors=True)
    print(json.dumps(found))


@contextmanager
def private_postgres(var: Path) -> Iterator[str]:
    cluster = postgres.choose(var, "postgres")
    asyncio.run(postgres.start(cluster))
    try:
        yield cluster.url
    finally:
        asyncio.run(postgres.stop(cluster))
        shutil.rmtree(cluster.place, ignore_errors=True)


@contextmanager
def program(var: Path, *words: str, ready: str) -> Iterator[int]:
    """``manage.py …`` until the block ends; its pid once its log says ``ready``."""
    log = var / "log" / f"{words[0]}.log"
    with log.open("wb") as out:
        child = spawn([sys.executable, "manage.py", *words], output=out, cwd=ROOT, env=dict(os.environ))
    try:
        until(lambda: ready in log.read_text(), 60, lambda: f"{words[0]}: {log.read_text()[-2000:]}")
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def until(done: Callable[[], bool], seconds: float, why_not: Callable[[], str]) -> None:
    """Wait until it is so; TimeoutError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(why_not())
        time.sleep(0.5)


def measure(var: Path, wanted: argparse.Namespace) -> dict[str, object]:
    import django

    django.setup()
    from hosts.models import Migration

    machine = describe()
    began = time.monotonic()
    order(wanted.migrations, cap=wanted.cap * MIB)
    print(f"{wanted.migrations} ordered in {time.monotonic() - began:.1f} s", flush=True)
    copying = Migration.objects.filter(state="copying")
    with program(var, "work", ready="The worker has started") as pid:
        began = time.monotonic()
        until(lambda: copying.count() >= wanted.migrations, wanted.patience, lambda: f"only these copy: {states()}")
        print(f"{wanted.migrations} copy after {time.monotonic() - began:.1f} s", flush=True)
        time.sleep(wanted.settle)
        since, before = time.time(), cpu_seconds([pid])[pid]
        time.sleep(wanted.seconds)
        spent, window = cpu_seconds([pid])[pid] - before, time.time() - since
        n = copying.count()
        time.sleep(2.0)  # what was read within the window is written by now
        lags = tick_lags(since, since + window)
    print(f"{len(lags)} ticks in {window:.1f} s, {states()}", flush=True)
    return {
        "lag_ms": spread([1000 * lag for lag in lags], 50, 99),
        "cpu_ms_per_s_per_migration": round(1000 * spent / window / n, 2),
        "n": n,
        "past_first_pass": copying.filter(iterations__gt=1).count(),
        "ticks_per_s_per_migration": round(len(lags) / window / n, 2),
        "window_s": round(window, 1),
        "machine": machine,
    }


def states() -> dict[str, int]:
    from django.db.models import Count

    from hosts.models import Migration

    return dict(Migration.objects.order_by().values_list("state").annotate(Count("pk")))


def tick_lags(since: float, until_: float) -> list[float]:
    """Seconds by which each sample of the window came later after the one before than intended."""
    from django.db import connection

    from hosts.livemigration.walk import TICK_S

    query = (
        "SELECT gap FROM (SELECT at, extract(epoch FROM at - lag(at) OVER (PARTITION BY migration_id ORDER BY at)) gap "
        "FROM hosts_sample) s WHERE at BETWEEN to_timestamp(%s) AND to_timestamp(%s) AND gap IS NOT NULL"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [since, until_])
        return [max(0.0, float(gap) - TICK_S) for (gap,) in cursor.fetchall()]


def order(count: int, *, cap: int) -> None:
    """The simulated data center as rows, and ``count`` of its VMs on their way: those that never arrive at ``cap``."""
    from django.db import transaction

    from hosts.livemigration.policy import Policy, as_json
    from hosts.livemigration.request import request_migration
    from hosts.models import Cluster, DataCenter, MigrationPolicy, PolicyVersion
    from hosts.virt.clock import WALL
    from hosts.virt.sim.demo import demo_world
    from tests.factory import make_cluster, make_host, make_vm

    world = demo_world(WALL)
    cluster = make_cluster()
    Cluster.objects.update(most_out=1000, most_in=1000, most_at_once=1000)
    DataCenter.objects.update(most_on_network=1000)
    watches = MigrationPolicy.objects.create(name="Watches only")  # asked each second, and ends none before its time
    PolicyVersion.objects.create(policy=watches, number=1, data=as_json(Policy()), made_by="bench")
    with world.present(), transaction.atomic():
        hosts = {name: make_host(name, uuid=each.uuid, cluster=cluster) for name, each in world.hosts.items()}
        ordered = 0
        busy = [each for each in world.guests.values() if sum(kind.bytes_per_s for kind in each.classes) >= 2 * cap]
        for guest in sorted(busy, key=lambda each: each.touched_bytes):
            ((home, copy),) = world.copies_of(guest.uuid).items()
            fit = [
                name
                for name, each in world.hosts.items()
                if name != home and name[:3] == home[:3] and guest.machine in each.machine_types
            ]
            if str(copy.status.state) != "running" or not fit or ordered == count:
                continue
            vm = make_vm(guest.name, host=hosts[home], uuid=guest.uuid)
            request_migration(vm, hosts[fit[ordered % len(fit)]], actor="bench", bandwidth=cap, policy=watches)
            ordered += 1
    assert ordered == count, f"the simulated data center has only {ordered} VMs that can move"


if __name__ == "__main__":
    main()
