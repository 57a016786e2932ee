"""What a browser that shows a wall for long holds in memory, at ten frames a second."""

import subprocess
import sys
import time
from typing import Any

from playwright.sync_api import CDPSession

from tests.bench.browser import opened
from tests.bench.installation import ROOT, Installation
from tests.browser.serving import free_port

#: until every scene has been shown once: what is compiled and kept by then is kept for good
WARM_UP_S = 60.0
LOOKS = 5
COUNT_FRAMES = """() => {
  window.frames_ = 0;
  const morph = Idiomorph.morph;
  Idiomorph.morph = (...given) => { window.frames_ += 1; return morph(...given); };
}"""


def heap_of_a_wall(godwit: Installation, link: str, *, seconds: float) -> dict[str, Any]:
    """Heap after garbage collection, DOM nodes and listeners, after the warm-up and at the end."""
    port = free_port()
    env = godwit.env | {"DJANGO_SETTINGS_MODULE": "tests.bench.wall_settings"}
    database = (godwit.var / "postgres.json").read_text().partition('"url": "')[2].partition('"')[0]
    command = [sys.executable, "-m", "uvicorn", "datacenter.asgi:application", "--port", str(port), "--no-access-log"]
    with (godwit.var / "log" / "wall-web.log").open("wb") as log:
        web = subprocess.Popen(command, cwd=ROOT, env=env | {"DATABASE_URL": database}, stdout=log, stderr=log)
    try:
        return _watched(f"http://127.0.0.1:{port}/wall/{link}", seconds)
    finally:
        web.terminate()
        web.wait(20)


def _watched(url: str, seconds: float) -> dict[str, Any]:
    with opened() as page:
        for _ in range(120):
            try:
                page.goto(url)
                break
            except Exception:  # noqa: BLE001  # it is still starting
                time.sleep(0.5)
        page.set_viewport_size({"width": 1920, "height": 1080})
        page.locator("[data-fit]").wait_for()
        page.evaluate(COUNT_FRAMES)
        session = page.context.new_cdp_session(page)
        page.wait_for_timeout(1000 * min(WARM_UP_S, seconds))
        first = held(session)
        heaps = [first["heap"]]
        for _ in range(LOOKS):
            page.wait_for_timeout(1000 * seconds / LOOKS)
            heaps.append(held(session)["heap"])
        last = held(session)
        frames = page.evaluate("window.frames_")
    return {
        "heap_growth_pct": round(100 * (last["heap"] / first["heap"] - 1), 2),
        "heap_kib": [round(each / 1024) for each in heaps],
        "dom_nodes": [first["nodes"], last["nodes"]],
        "listeners": [first["listeners"], last["listeners"]],
        "browser_frames": frames,
    }


def held(session: CDPSession) -> dict[str, int]:
    """What is still held once all garbage is gone."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    counters = session.send("Memory.getDOMCounters")
    usage = session.send("Runtime.getHeapUsage")
    return {"heap": int(usage["usedSize"]), "nodes": counters["nodes"], "listeners": counters["jsEventListeners"]}
