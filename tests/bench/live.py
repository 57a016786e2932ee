"""Measure the live path (`make bench-live`): a whole Godwit with 600 simulated VMs, and real guests on lab hosts.

    python -m tests.bench.live [--events 60] [--visits 100] [--rest 30] [--ticks 15]

Needs Linux, root and Chromium. All that it starts is its own and is gone at the end. The last line is JSON; what each
figure is stands in docs/benchmarks.md. Times of the browser and of the collector are compared: one machine, one clock.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page

from deploy.lab import Lab, why_not
from deploy.lab.sharing import own_lab
from tests.bench import browser, machine
from tests.bench.installation import Installation, Visitor, installed, until

#: dirties faster than the cap carries, even on a busy machine: it copies until it is cancelled
ENDLESS = {"memory_mb": 160, "dirty_mb": 64, "dirty_rate": 60, "pattern": "random"}
CAP_MIB = 6
#: between two page visits, so that the server is measured and not its queue
PAUSE_S = 0.05


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def told(found: dict[str, Any]) -> dict[str, Any]:
    """Say what was found, so that a later failure does not take it along."""
    say(json.dumps(found))
    return found


@contextmanager
def guests_on(lab: Lab) -> Iterator[None]:
    """Guests on all three hosts: h1 keeps well, h2 will be frozen and h3 cut off."""
    lab.guest("flips", "h1", memory_mb=128)
    lab.guest("moves", "h1", **ENDLESS)
    lab.guest("frozen", "h2", memory_mb=128)
    lab.guest("lost", "h3", memory_mb=128)
    lab.await_beat("lost")
    try:
        yield
    finally:
        for host in lab.hosts:
            lab.mend(host)


def at_rest(godwit: Installation, seconds: float) -> dict[str, Any]:
    """CPU of every process of Godwit while nobody looks, in percent of one core; and their memory."""
    before, began = machine.cpu_seconds(machine.descendants(godwit.pid)), time.monotonic()
    time.sleep(seconds)
    programs, took = godwit.programs(), time.monotonic() - began
    after = machine.cpu_seconds(pid for pids in programs.values() for pid in pids)
    share = {name: 100 * sum(after[pid] - before.get(pid, 0) for pid in pids) / took for name, pids in programs.items()}
    measure = {"postgres": machine.pss_mb}
    return {
        "idle_cpu_pct": round(sum(share.values()), 1),
        "idle_cpu_pct_each": {name: round(each, 1) for name, each in share.items()},
        "rss_mb": {
            name: round(sum(map(measure.get(name, machine.rss_mb), pids)), 1) for name, pids in programs.items()
        },
    }


def addresses(godwit: Installation) -> dict[str, list[str]]:
    """The four screens. VM pages: one in the simulator, one on each lab host that will fail."""
    simulated = "SELECT v.uuid FROM hosts_vm v JOIN hosts_host h ON h.id = v.host_id WHERE h.uri LIKE 'sim:%%' LIMIT 1"
    uuids = [str(godwit.rows(simulated)[0][0]), *(vm_of(godwit, name)[1] for name in ("frozen", "lost"))]
    return {"overview": ["/"], "hosts": ["/hosts"], "vms": ["/vms"], "vm": [f"/vms/{uuid}" for uuid in uuids]}


def vm_of(godwit: Installation, name: str) -> tuple[int, str]:
    """Its key and UUID, once Godwit knows that it runs."""
    query = (
        "SELECT v.id, v.uuid FROM hosts_vm v JOIN hosts_host h ON h.id = v.host_id"
        " WHERE v.name = %s AND v.state = 'up' AND h.uri LIKE 'qemu%%'"
    )
    until(lambda: godwit.rows(query, name), what=f"VM {name}")
    pk, uuid = godwit.rows(query, name)[0]
    return pk, str(uuid)


def visit(visitor: Visitor, screens: dict[str, list[str]], times: int) -> dict[str, list[float]]:
    """Milliseconds of each visit, the screens in turn."""
    took: dict[str, list[float]] = {name: [] for name in screens}
    visitor.begin()
    for number in range(-3, times):  # the first three warm up
        for name, paths in screens.items():
            spent = visitor.milliseconds(paths[number % len(paths)])
            if number >= 0:
                took[name].append(spent)
            time.sleep(PAUSE_S)
    return took


def frozen(lab: Lab, godwit: Installation, visitor: Visitor, times: int) -> dict[str, list[float]]:
    """The same visits from the moment on at which one host's daemon is stopped and another's packets are dropped."""
    silent = "SELECT count(*) FROM hosts_host WHERE state <> 'up'"
    screens = addresses(godwit)
    lab.stop_daemon("h2")
    lab.drop("h3")
    first = visit(visitor, screens, times // 2)
    until(lambda: godwit.rows(silent)[0][0] == 2, what="two hosts that are seen to be silent")
    second = visit(visitor, screens, times - times // 2)
    return {name: first[name] + second[name] for name in screens}


def pages(healthy: dict[str, list[float]], frozen_ms: dict[str, list[float]]) -> dict[str, Any]:
    ratios = {
        name: machine.spread(frozen_ms[name], 95)["p95"] / machine.spread(healthy[name], 95)["p95"] for name in healthy
    }
    return {
        "page_ms": {name: machine.spread(took, 50, 95) for name, took in healthy.items()},
        "page_ms_frozen_host": {name: machine.spread(took, 50, 95) for name, took in frozen_ms.items()},
        "frozen_ratio": {name: round(ratio, 2) for name, ratio in ratios.items()},
        "frozen_ratio_worst": round(max(ratios.values()), 2),
    }


def measure(lab: Lab, godwit: Installation, page: Page, options: argparse.Namespace) -> dict[str, Any]:
    """All figures, from the quietest on; the faults come last."""
    say(f"at rest for {options.rest:g} s")
    found = told(at_rest(godwit, options.rest))
    cookie = browser.sign_in(page, godwit)
    visitor = Visitor(godwit.url, cookie)
    say(f"{options.visits} visits of four screens")
    page.goto("about:blank")
    healthy = visit(visitor, addresses(godwit), options.visits)
    say(f"{options.events} events of a lab guest")
    found |= told(browser.event_to_dom(page, godwit, lab, vm=vm_of(godwit, "flips"), events=options.events))
    say(f"ticks of a migration for {options.ticks:g} s")
    found |= told(browser.ticks(page, godwit, vm=vm_of(godwit, "moves"), cap_mib=CAP_MIB, seconds=options.ticks))
    page.goto("about:blank")
    say("the visits again, with one daemon stopped and one host's packets dropped")
    found |= pages(healthy, frozen(lab, godwit, visitor, options.visits))
    return found


def parser() -> argparse.ArgumentParser:
    given = argparse.ArgumentParser(prog="python -m tests.bench.live", description="Measure the live path.")
    given.add_argument("--events", type=int, default=60)
    given.add_argument("--visits", type=int, default=100, help="of each screen")
    given.add_argument("--rest", type=float, default=30.0, help="seconds")
    given.add_argument("--ticks", type=float, default=15.0, help="seconds")
    return given


def main() -> int:
    options = parser().parse_args()
    if reason := why_not():
        say(f"no lab on this machine: {reason}")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves through every finally
    facts = machine.describe()
    say(f"{facts['cores']} cores, {facts['cpu']}, load {facts['load_1m']}")
    say("a lab of three hosts, and a Godwit of its own")
    with own_lab(hosts=3) as lab, guests_on(lab), installed(lab) as godwit, browser.opened() as page:
        found = measure(lab, godwit, page, options)
    print(json.dumps({"machine": facts, **found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
