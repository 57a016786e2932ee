"""Measure the fan-out: one web process, N sockets with the same list of rows, figures as fast as the beat allows.

    DATABASE_URL=… python -m tests.bench.fanout --sockets 100 --seconds 10

Makes rows of its own in that database (give it one to throw away, migrated) and removes them. The last line is JSON:
frames a second delivered to all sockets, and microseconds of the server's CPU a frame and socket.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import django


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def one_browser(url: str, headers: dict[str, str], names: list[str], counts: dict[str, Any]) -> None:
    from websockets.asyncio.client import connect

    async with connect(url, additional_headers=headers, compression=None, max_size=None) as socket:
        await socket.send(json.dumps({"join": names}))
        while '"html"' not in await socket.recv():
            pass
        counts["ready"] += 1
        async for text in socket:
            counts["frames"] += 1
            counts["bytes"] += len(text)
            at = text.find('"told_at":["')
            if at > 0:
                told = float(text[at + 12 : text.index('"', at + 12)])
                counts["lags"].append(time.time() - told)


async def measure(server: Any, vms: list[Any], cookie: str, *, sockets: int, seconds: float) -> dict[str, Any]:
    from hosts import feed

    counts: dict[str, Any] = {"frames": 0, "bytes": 0, "lags": [], "ready": 0}
    names = [name for vm in vms for name in (f"vm:{vm.pk}/row", f"vm:{vm.pk}")]
    headers = {"Cookie": f"sessionid={cookie}", "Origin": server.url}
    browsers = [asyncio.create_task(one_browser(server.live_url, headers, names, counts)) for _ in range(sockets)]
    while counts["ready"] < sockets:
        await asyncio.sleep(0.2)
    await asyncio.sleep(1)
    counts.update(frames=0, bytes=0, lags=[])
    cpu, began = cpu_seconds(server.pid), time.monotonic()
    while time.monotonic() - began < seconds:
        now = f"{time.time():.4f}"
        for number, vm in enumerate(vms):
            values = {"cpu_percent": number + 0.5, "net_rx_rate": 1e6 * number, "told_at": now}
            await asyncio.to_thread(feed.figures, "vm", vm.pk, values)
        await asyncio.sleep(0.05)
    took, used = time.monotonic() - began, cpu_seconds(server.pid) - cpu
    for browser in browsers:
        browser.cancel()
    await asyncio.gather(*browsers, return_exceptions=True)
    return {
        "sockets": sockets,
        "rows": len(vms),
        "seconds": round(took, 1),
        "frames_per_second": round(counts["frames"] / took),
        "frame_bytes": round(counts["bytes"] / max(1, counts["frames"])),
        "server_cpu_us_per_frame": round(1e6 * used / max(1, counts["frames"]), 1),
        "server_cpu_percent": round(100 * used / took, 1),
        "lag_ms_median": round(1000 * statistics.median(counts["lags"] or [0]), 1),
        "lag_ms_99": round(1000 * statistics.quantiles(counts["lags"] or [0, 0], n=100)[98], 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sockets", type=int, default=100)
    options.add_argument("--rows", type=int, default=50)
    options.add_argument("--seconds", type=float, default=10.0)
    given = options.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "datacenter.settings")
    django.setup()
    from django.contrib.auth import get_user_model
    from django.test import Client

    from tests.browser.serving import Server
    from tests.factory import make_host, make_vm

    client = Client()
    user, _ = get_user_model().objects.get_or_create(username="bench")
    client.force_login(user)
    host = make_host(f"bench-{os.getpid()}")
    vms = [make_vm(f"bench-{os.getpid()}-{number}", host=host) for number in range(given.rows)]
    log = Path(tempfile.mkstemp(suffix=".log")[1])
    server = Server(log=log, settings="tests.browser.probe_settings").start()
    try:
        cookie = client.cookies["sessionid"].value
        answer = asyncio.run(measure(server, vms, cookie, sockets=given.sockets, seconds=given.seconds))
    finally:
        server.stop()
        host.vms.all().delete()
        host.delete()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
