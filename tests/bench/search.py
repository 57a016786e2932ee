"""``make bench-search``: how long the server takes to answer a query over 40,000 VMs.

A database of its own on a private PostgreSQL with 500 hosts and 40,000 VMs, written as a collector writes them, then
analysed. 20 queries of differing kind go through the real view and its middleware (Django's client, no network), as
the box asks while somebody types: by htmx, so for the list and what changes with it. Each is asked once to warm up,
then ``--rounds`` times, the kinds in turn.

- ``ms``: from the request to its last byte, wall clock. The machine's other work is in it.
- ``cpu_ms``: CPU of this process, templates and all, and of its PostgreSQL backend: what ``ms`` is on a machine that
  has nothing else to do. ``db_cpu_ms`` is the backend's part.

Ends with one line of JSON; ``p95_ms`` is over all requests, goal under 100.
"""

import argparse
import json
import os
import random
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.bench.machine import describe, spread

GIB = 2**30
HOSTS, CLUSTERS = 500, 20
QUERIES: dict[str, dict[str, str]] = {
    "all": {},
    "word": {"q": "web-0123"},
    "short word": {"q": "we"},
    "two words": {"q": "db host-12"},
    "no match": {"q": "nothing-is-called-this"},
    "page 700": {"page": "700"},
    "the issue's": {"q": "status = up and host = host-01* and cpu > 80 sortby memory desc"},
    "state": {"q": "status = down"},
    "chip": {"state": "paused"},
    "figure": {"q": "cpu > 80"},
    "size and age": {"q": "memory >= 16GiB and uptime > 30d"},
    "cluster": {"q": "cluster = cluster-07 sortby cpu desc"},
    "tag": {"q": "tag = gold"},
    "tags by part": {"q": "tag ~ gol"},
    "wildcards": {"q": "name = *b-0*7"},
    "not": {"q": "not (status = up or cluster = cluster-0*)"},
    "in": {"q": "host in (host-001, host-100, host-200) or tag in (gold, silver)"},
    "share": {"q": "mem_usage > 90 sortby mem_usage desc"},
    "uuid": {"q": "uuid = 7f*"},
    "sorted by host": {"q": "sortby host, name desc", "state": "up"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vms", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--explain", default="", help="names of queries whose plans are printed too: all,word")
    wanted = parser.parse_args()
    before = describe()
    from datacenter.database import var_folder
    from datacenter.management.lent_postgres import borrow

    url, hold = borrow(var_folder())
    os.environ["DATABASE_URL"] = f"{url}_bench_search_{os.getpid()}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "datacenter.settings"
    import django
    from django.conf import settings

    django.setup()
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": plain}}
    from django.db import connection

    from hosts import feed

    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        fill(wanted.vms)
        found = measure(wanted.rounds)
        for name in filter(None, wanted.explain.split(",")):
            explain(name)
        print(json.dumps(found | {"vms": wanted.vms, "machine": before}))
    finally:
        feed.OUT.close()
        connection.creation.destroy_test_db(os.environ["DATABASE_URL"].rpartition("/")[2], verbosity=0)
        hold.close()


def fill(count: int) -> None:
    """Clusters, hosts, VMs, the same for every run; then what autovacuum would do in a minute."""
    from django.db import connection

    from hosts.models import VM, Cluster, DataCenter, Host

    dice = random.Random(5)
    home = DataCenter.objects.create(name="Bench")
    clusters = [Cluster.objects.create(datacenter=home, name=f"cluster-{n:02}") for n in range(CLUSTERS)]
    rows = [
        Host(
            name=f"host-{n:03}", uri=f"sim://host-{n:03}", uuid=uuid.uuid4(), cluster=clusters[n % CLUSTERS], state="up"
        )
        for n in range(HOSTS)
    ]
    hosts = Host.objects.bulk_create(rows)
    VM.objects.bulk_create((make_vm(dice, n, dice.choice(hosts)) for n in range(count)), batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def make_vm(dice: random.Random, number: int, host: Any) -> Any:
    """One of many kinds; its facts as long as real ones."""
    from django.utils import timezone

    from hosts.models import VM

    memory = dice.choice((1, 2, 4, 4, 8, 16, 32)) * GIB
    state = dice.choices(("up", "down", "paused", "crashed"), (88, 10, 1, 1))[0]
    return VM(
        uuid=uuid.UUID(int=dice.getrandbits(128)),
        name=f"{dice.choice(('web', 'db', 'cache', 'queue', 'build', 'mail'))}-{number:05}",
        host=host,
        state=state,
        tags=dice.choice(([], [], [], ["gold"], ["silver", "backup"], ["bronze"])),
        vcpus=dice.choice((1, 2, 4, 8)),
        memory_bytes=memory,
        max_memory_bytes=memory,
        cpu_percent=min(100.0, dice.expovariate(1 / 20)) if state == "up" else None,
        memory_used_bytes=int(memory * dice.random()) if state == "up" else None,
        up_since=timezone.now() - timedelta(days=dice.expovariate(1 / 20)) if state == "up" else None,
        disks=[{"target": "vda", "kind": "file", "source": f"/var/lib/libvirt/images/{number}.qcow2"}],
        nics=[{"kind": "bridge", "source": "br0", "mac": f"52:54:00:{number:06x}", "model": "virtio"}],
        machine="pc-q35-7.2",
        cpu_model="EPYC-Milan",
        net_rx_rate=dice.expovariate(1e-6),
        net_tx_rate=dice.expovariate(1e-6),
        xml=f"<domain type='kvm'><name>{number}</name>" + f"<!-- {dice.getrandbits(4000):x} -->" * 4 + "</domain>",
    )


def measure(rounds: int) -> dict[str, Any]:
    """Every query ``rounds`` times, in turn."""
    client = _client()
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in QUERIES}
    for turn in range(rounds + 1):
        for name, given in QUERIES.items():
            began, cpu, backend = time.perf_counter(), time.process_time(), _backend_s()
            answer = client.get("/vms?" + urlencode(given))
            wall, own, database = time.perf_counter() - began, time.process_time() - cpu, _backend_s() - backend
            assert answer.status_code == 200, (name, answer.status_code)
            if turn:
                taken[name].append((wall * 1000, (own + database) * 1000, database * 1000))
    for name, each in taken.items():
        wall, cpu, spent = (sorted(column)[len(column) // 2] for column in zip(*each, strict=True))
        print(f"{name:15} {wall:7.1f} ms  cpu {cpu:6.1f}  of it PostgreSQL {spent:6.1f}")
    every = [[one[at] for each in taken.values() for one in each] for at in range(3)]
    ms, cpu_ms, db_cpu_ms = (spread(column, 50, 95) for column in every)
    figures = {"p95_ms": ms["p95"], "ms": ms, "cpu_ms": cpu_ms, "db_cpu_ms": db_cpu_ms}
    return figures | {"queries": len(QUERIES), "rounds": rounds}


def _client() -> Any:
    from django.test import Client

    from datacenter.models import User

    client = Client(headers={"HX-Request": "true"})
    client.force_login(User.objects.filter(username="bench").first() or User.objects.create_superuser("bench"))
    return client


def _backend_s() -> float:
    """CPU seconds so far of the PostgreSQL process that serves this connection; the kernel counts nanoseconds."""
    from django.db import connection

    connection.ensure_connection()
    return int(Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e9


def explain(name: str) -> None:
    """What PostgreSQL does for one of the queries."""
    from django.db import connection, reset_queries

    connection.force_debug_cursor = True
    reset_queries()
    _client().get("/vms?" + urlencode(QUERIES[name]))
    for query in [
        each for each in connection.queries if each["sql"].startswith("SELECT") and "hosts_vm" in each["sql"]
    ]:
        print(name, query["sql"][:1500])
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN ANALYZE " + query["sql"])
            print("    " + "\n    ".join(row[0] for row in cursor.fetchall()))


if __name__ == "__main__":
    main()
