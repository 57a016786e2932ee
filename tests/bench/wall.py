"""Measure the walls (`make bench-wall`): one web process, 500 wall sockets and 100 operators' sockets, and a browser.

    python -m tests.bench.wall [--walls 500] [--operators 100] [--seconds 60] [--browser 600]

A whole Godwit of its own with the simulated data center (40 hosts, 600 VMs) and 10 migrations under way. All that it
starts is gone at the end. The last line is JSON; what each figure is stands in docs/benchmarks.md.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import django
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.bench import machine
from tests.bench.installation import Installation, installed, until
from tests.bench.wall_browser import heap_of_a_wall

MIGRATIONS = 10
#: slow enough to be under way as long as the bench needs
CAP_BYTES_S = 6 * 2**20
BESIDES = ["counts/overview", "counts/running", "vms", "hosts", "migrations"]
WARM_UP_S = 6.0
AT = re.compile(r'\{"at":"([^"]+)","beat":(\d+),')


@dataclass(slots=True)
class Heard:
    """What one wall's socket got: the numbers of the beats, and how late each came, ms."""

    beats: set[int] = field(default_factory=set)
    late_ms: list[float] = field(default_factory=list)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def furnish(walls: int) -> list[tuple[str, str]]:
    """Displays of every scope in two rotations of all scenes; (link, name) for each socket. Django is set up."""
    from datacenter.models import Display
    from datacenter.wall.links import new_link
    from datacenter.wall.scenes import SCENES
    from hosts.models import Cluster, DataCenter

    scopes: list[tuple[str, int | None]] = [("system", None)]
    scopes += [("datacenter", pk) for pk in DataCenter.objects.values_list("pk", flat=True)]
    scopes += [("cluster", pk) for pk in Cluster.objects.values_list("pk", flat=True)]
    found = []
    for number in range(max(len(SCENES), (walls + 19) // 20)):
        scope, pk = scopes[number % len(scopes)]
        display = Display(name=f"bench {number}", made_by="bench", scope=scope, scope_pk=pk)
        display.scenes = [[key, 10] for key in (SCENES if number // len(scopes) % 2 else reversed(SCENES))]
        found.append((new_link(display), display.name))
        display.save()
    return [found[number % len(found)] for number in range(walls)]


def operators_cookies(count: int) -> list[str]:
    """A session for each twenty of ``count``."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    cookies = []
    for number in range((count + 19) // 20):
        client = Client()
        client.force_login(get_user_model().objects.create_superuser(f"bench{number}"))
        cookies.append(client.cookies[settings.SESSION_COOKIE_NAME].value)
    return [cookies[number // 20] for number in range(count)]


def migrate(count: int) -> None:
    """Order migrations, spread over hosts and clusters, capped so that they last."""
    from hosts.livemigration.request import RequestRefused, request_migration
    from hosts.models import VM, Host

    hosts = sorted(Host.objects.filter(state="up"), key=lambda host: (host.name[-2:], host.name))  # clusters in turn
    ordered = 0
    for number, host in enumerate(hosts):
        others = [each for each in hosts if each.cluster_id == host.cluster_id and each != host]
        vm = VM.objects.filter(host=host, state="up").order_by("-memory_bytes").first()
        if vm is None or not others:
            continue
        try:
            request_migration(vm, others[number % len(others)], actor="bench", bandwidth=CAP_BYTES_S)
        except RequestRefused as exc:
            say(f"not migrated: {exc}")
            continue
        ordered += 1
        if ordered == count:
            return


async def one_wall(url: str, link: str, heard: Heard, *, number: int) -> None:
    async with connect(f"{url}/ws/wall", compression=None, max_size=None, origin=url.replace("ws", "http", 1)) as wire:
        said = {"link": link, "screen": f"bench{number}", "size": "1920x1080", "version": "bench"}
        await wire.send(json.dumps({"hello": said}))
        async for text in wire:
            now = time.time()
            at, beat = AT.match(text).groups()
            heard.beats.add(int(beat))
            heard.late_ms.append(1000 * (now - datetime.fromisoformat(at).timestamp()))


async def one_operator(url: str, cookie: str, names: list[str], frames: Counter[str]) -> None:
    headers = {"Cookie": f"sessionid={cookie}"}
    origin = url.replace("ws", "http", 1)
    async with connect(
        f"{url}/ws/live", additional_headers=headers, compression=None, max_size=None, origin=origin
    ) as w:
        await w.send(json.dumps({"join": names}))
        async for _ in w:
            frames["operators"] += 1


async def fan_out(url: str, pid: int, options: argparse.Namespace, given: dict[str, Any]) -> dict[str, Any]:
    """All sockets at once on one web process, for so many seconds."""
    heard = [Heard() for _ in range(options.walls)]
    frames: Counter[str] = Counter()
    tasks = []
    for number, (link, _) in enumerate(given["links"]):
        tasks.append(asyncio.create_task(one_wall(url, link, heard[number], number=number)))
        await asyncio.sleep(0.005)
    for cookie in given["cookies"]:
        tasks.append(asyncio.create_task(one_operator(url, cookie, given["names"], frames)))
        await asyncio.sleep(0.005)
    give_up = time.monotonic() + 60
    while not all(each.beats for each in heard) and time.monotonic() < give_up:
        await asyncio.sleep(0.2)
    await asyncio.sleep(WARM_UP_S)
    for each in heard:
        each.beats.clear()
        each.late_ms.clear()
    frames.clear()
    cpu, began = machine.cpu_seconds([pid])[pid], time.monotonic()
    await asyncio.sleep(options.seconds)
    used, took = machine.cpu_seconds([pid])[pid] - cpu, time.monotonic() - began
    broken = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    closed = [str(each) for each in answers if isinstance(each, ConnectionClosed | OSError)]
    if closed:
        say(f"{len(broken)} sockets ended: {closed[:3]}")
    return told(heard, frames, used=used, took=took)


def told(heard: list[Heard], frames: Counter[str], *, used: float, took: float) -> dict[str, Any]:
    """A beat at the edge of the measured time counts for nobody: some walls had it before, or have it after."""
    beats = sorted(set().union(*(each.beats for each in heard)))[1:-1]
    lost = sum(1 for each in heard for beat in beats if beat not in each.beats)
    late = [value for each in heard for value in each.late_ms]
    cuts = statistics.quantiles(late, n=100, method="inclusive")
    walls = len(late)
    return {
        "lost": lost,
        "latency_ms": {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)},
        "us_per_frame": round(1e6 * used / max(1, walls + frames["operators"]), 1),
        "beats": len(beats),
        "beats_per_second": round((len(beats) + 1) / took, 3),
        "wall_frames": walls,
        "operator_frames": frames["operators"],
        "web_cpu_pct": round(100 * used / took, 1),
    }


def prepare(godwit: Installation, options: argparse.Namespace) -> dict[str, Any]:
    """Displays, sessions, migrations, by Django in this process on the installation's database."""
    os.environ["DATABASE_URL"] = json.loads((godwit.var / "postgres.json").read_text())["url"]
    os.environ["GODWIT_VAR"] = str(godwit.var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "datacenter.settings"
    django.setup()
    from datacenter.models import Display
    from datacenter.wall.links import new_link
    from datacenter.wall.scenes import SCENES
    from hosts.models import VM

    browsers = Display(name="bench browser", made_by="bench", scenes=[[key, 5] for key in SCENES])
    given = {"browser": new_link(browsers), "links": furnish(options.walls)}
    browsers.save()
    given["cookies"] = operators_cookies(options.operators)
    rows = VM.objects.filter(state="up").order_by("name").values_list("pk", flat=True)[:50]
    given["names"] = [name for pk in rows for name in (f"vm:{pk}/row", f"vm:{pk}")] + BESIDES
    migrate(MIGRATIONS)
    copying = "SELECT count(*) FROM hosts_migration WHERE state = 'copying'"
    until(lambda: godwit.rows(copying)[0][0] >= MIGRATIONS - 2, what="migrations that copy")
    given["copying"] = godwit.rows(copying)[0][0]
    return given


def parser() -> argparse.ArgumentParser:
    given = argparse.ArgumentParser(prog="python -m tests.bench.wall", description="Measure the walls.")
    given.add_argument("--walls", type=int, default=500)
    given.add_argument("--operators", type=int, default=100)
    given.add_argument("--seconds", type=float, default=60.0)
    given.add_argument(
        "--browser", type=float, default=600.0, help="seconds of a browser at ten frames a second; 0: none"
    )
    return given


def main() -> int:
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves through every finally
    facts = machine.describe()
    say(f"{facts['cores']} cores, {facts['cpu']}, load {facts['load_1m']}; a Godwit of its own")
    with installed(None) as godwit:
        given = prepare(godwit, options)
        (pid,) = godwit.programs()["web"]
        say(f"{options.walls} walls and {options.operators} operators, {given['copying']} migrations copy")
        found = asyncio.run(fan_out(godwit.url.replace("http", "ws", 1), pid, options, given))
        say(json.dumps(found))
        if options.browser:
            say(f"a browser on a wall for {options.browser:g} s at ten frames a second")
            found |= heap_of_a_wall(godwit, given["browser"], seconds=options.browser)
    print(json.dumps({"machine": facts, **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
