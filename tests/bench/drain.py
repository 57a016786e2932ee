"""``make bench-drain``: how close a drain comes to what the lines allow, and how long the planner thinks.

``host16_ratio``, ``host100_ratio``: one host with 16 and with 100 VMs is emptied; ``roll_ratio``: a roll goes through a
cluster of 24 hosts, one at a time. All of Godwit's own code does it, on the simulated data center and its own clock
(tests/maintenance/house.py): plans.make_plan, the runner, the queue with its limits, the supervisors, migrations as
QEMU makes them. The cluster has moved a VM before, so that the speed of its lines is known to Godwit. A ratio is the
time from the plan's start to its end over the physical limit:

    limit = sum over hosts of (sum of bytes_i of the VMs that leave it) / line

    bytes_i = touched_i + f_i(touched_i / line)

``line``: bytes/s of the one line that a host has, shared by all that leaves and arrives; hosts are emptied one at a
time, so no other line is of use. ``touched``: what of a guest's memory is not zero; each such page goes over at least
once. ``f_i(T)``: the distinct bytes that the guest dirties in T: even if it had the whole line for itself, its first
pass lasts touched / line, and what it wrote meanwhile has to be sent once more (pre-copy; all these guests converge).
In the roll every VM leaves one host at least once, and those of the first host a second time, since every other host
is still to be emptied then: they count twice, for the host with the fewest bytes, whichever it is. No time for
checks, starts, switch-overs and the hosts' own ways in and out of maintenance is granted. So the limit is a true lower
bound: nothing that moves these guests by pre-copy over these lines is faster.

``plan_s``: the planner alone, on the wall's clock: a roll through one cluster of 2,500 hosts with 40,000 VMs, half of
them measured; the snapshot is made in memory. ``plan_cpu_s``: its CPU time, for a machine that is busy.
``lab_vs_virsh``: six guests of one real lab host, by Godwit over by ``virsh migrate`` one after another. Ends with one
line of JSON; what was not asked for is null.
"""

import argparse
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from datacenter.database import var_folder
from tests.bench.machine import describe
from tests.bench.monitor import ROOT, private_postgres

GIB, MIB = 1 << 30, 1 << 20
LINE = 330.0 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """How many hosts, VMs on each of the first ``full`` of them, and how many of the hosts are emptied."""

    hosts: int
    full: int
    vms: int
    emptied: int
    gib: tuple[float, ...]  # of the guests' non-zero memory, in turn by chance


SCENES = {
    "host16": Scene(hosts=6, full=1, vms=16, emptied=1, gib=(1.0, 2.0, 3.0, 6.0)),
    "host100": Scene(hosts=8, full=1, vms=100, emptied=1, gib=(1.0, 1.5, 2.0, 3.0)),
    "roll": Scene(hosts=24, full=24, vms=16, emptied=24, gib=(1.0, 2.0, 3.0, 6.0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="host16, host100, roll, plan or lab, with commas between")
    parser.add_argument("--roll-hosts", type=int, default=24)
    parser.add_argument("--verbose", action="store_true")
    wanted = parser.parse_args()
    only = set(wanted.only.split(",")) - {""} or {*SCENES, "plan", "lab"}
    found: dict[str, object] = dict.fromkeys(("host16_ratio", "host100_ratio", "roll_ratio", "plan_s", "lab_vs_virsh"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "datacenter.settings"
    with private_database() as url:
        os.environ["DATABASE_URL"] = url
        set_up(verbose=wanted.verbose)
        if "plan" in only:
            found |= plan()
        for name, scene in SCENES.items():
            if name in only:
                scene = replace(scene, **fewer(scene, wanted.roll_hosts)) if name == "roll" else scene
                found |= {f"{name}_{key}": value for key, value in play(name, scene).items()}
        if "lab" in only:
            from tests.bench.drain_lab import play_lab

            found |= play_lab()
    found["machine"] = describe()
    print(json.dumps(found))


def fewer(scene: Scene, hosts: int) -> dict[str, int]:
    return {"hosts": hosts, "full": hosts, "emptied": hosts}


@contextmanager
def private_database() -> Iterator[str]:
    """A private PostgreSQL with Godwit's tables, gone at the end."""
    var = Path(tempfile.mkdtemp(prefix="drain-", dir=var_folder().resolve()))
    var.chmod(0o755)  # PostgreSQL's account must reach it
    os.environ["GODWIT_VAR"] = str(var)
    try:
        with private_postgres(var) as url:
            env = {**os.environ, "DATABASE_URL": url}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, check=True, env=env)
            yield url
    finally:
        shutil.rmtree(var, ignore_errors=True)


def set_up(*, verbose: bool) -> None:
    import django

    django.setup()
    logging.disable(logging.NOTSET if verbose else logging.WARNING)


# the scenes
def play(name: str, scene: Scene) -> dict[str, float]:
    """Empty the hosts; the ratio, and what the plan itself had foretold over what it took."""
    from django.core.management import call_command

    from tests.bench.drain_house import DrainHouse

    call_command("flush", interactive=False, verbosity=0)
    house = DrainHouse(script(scene), line=LINE)
    began = time.monotonic()
    with house.open():
        guests = {guest.name: guest for guest in house.world.guests.values()}
        limit = physical_limit(scene, [guests[name] for name in sorted(guests)])
        told, seconds = house.drain([f"h{n:02}" for n in range(1, scene.emptied + 1)])
    ratio = round(seconds / limit, 3)
    print(
        f"{name}: {seconds:.0f} s, limit {limit:.0f} s, ratio {ratio}; foretold {told:.0f} s "
        f"({time.monotonic() - began:.0f} s of ours)",
        flush=True,
    )
    return {"ratio": ratio, "limit_s": round(limit, 1), "s": round(seconds, 1), "foretold_s": round(told, 1)}


def script(scene: Scene) -> str:
    chance = random.Random(4)
    lines = [f"host h{n:02}" for n in range(1, scene.hosts + 1)]
    for host in range(1, scene.full + 1):
        for number in range(scene.vms):
            touched = chance.choice(scene.gib) * 1024
            hot, rate = chance.choice((40, 80, 160)), chance.choice((2, 5, 10, 20))
            lines.append(
                f"guest g{host:02}{number:03} on h{host:02} memory {touched * 4 / 3:.0f} touched {touched:.0f} "
                f"hot {hot} at {rate}"
            )
    return "\n".join(lines)


def physical_limit(scene: Scene, guests: list[object]) -> float:
    """Seconds; the formula is the module's."""
    from hosts.virt.sim.memory import dirtied_bytes

    by_host: dict[str, float] = {}
    for guest in guests:
        first_pass_s = guest.touched_bytes / LINE  # type: ignore[attr-defined]
        size = guest.touched_bytes + dirtied_bytes(guest.classes, first_pass_s)  # type: ignore[attr-defined]
        by_host[guest.home] = by_host.get(guest.home, 0.0) + size  # type: ignore[attr-defined]
    twice = min(by_host.values()) if scene.emptied == scene.hosts else 0.0
    return (sum(by_host.values()) + twice) / LINE


# the planner
def plan() -> dict[str, float]:
    from datacenter.maintenance.planner import propose

    snapshot, wishes = large(hosts=2500, vms=40_000)
    began, cpu = time.monotonic(), time.process_time()
    found = propose(snapshot, wishes)
    seconds, cpu_s = time.monotonic() - began, time.process_time() - cpu
    migrate = [move for move in found.moves if move.action == "migrate" and move.target is not None]
    print(
        f"plan: {len(migrate)} moves, {found.again} of them twice, {seconds:.1f} s ({cpu_s:.1f} s of CPU)", flush=True
    )
    return {"plan_s": round(seconds, 2), "plan_cpu_s": round(cpu_s, 2), "plan_moves": len(migrate)}


def large(*, hosts: int, vms: int):  # type: ignore[no-untyped-def]
    """One cluster, two kinds of hosts, three of VMs (one of which the older hosts cannot take), 50 groups."""
    from datacenter.maintenance.planner import Fit, Group, HostFact, HostWish, Refusal, Snapshot, VMFact, Wishes

    chance = random.Random(7)
    used = [0] * hosts
    made = []
    for key in range(vms):
        host, gib = key % hosts, chance.choice((2, 4, 4, 8, 8, 16))
        used[host] += gib
        kind = "modern" if host % 2 == 0 and chance.random() < 0.3 else chance.choice(("plain", "odd"))
        made.append(
            VMFact(
                key=key, name=f"v{key:05}", host=host, kind=kind, memory_bytes=gib * GIB,
                rss_bytes=int(gib * GIB * chance.uniform(0.3, 1.0)),
                dirty_rate=chance.uniform(0, 60) * MIB if chance.random() < 0.5 else None,
            )
        )  # fmt: skip
    known = [
        HostFact(
            key=key, name=f"h{key:04}", kind="new" if key % 2 == 0 else "old", memory_bytes=256 * GIB,
            free_bytes=(250 - used[key]) * GIB, line=LINE,
        )
        for key in range(hosts)
    ]  # fmt: skip
    refused = Fit(refusal=Refusal(reason="Its CPU cannot run the VM's CPU model."))

    def fits(vm: VMFact, host: HostFact) -> Fit:
        return refused if (vm.kind, host.kind) == ("modern", "old") else Fit()

    groups = [
        Group(name=f"g{n:02}", together=False, hard=n % 2 == 0, vms=frozenset(chance.sample(range(vms), 5)))
        for n in range(50)
    ]
    snapshot = Snapshot(hosts=tuple(known), vms=tuple(made), groups=tuple(groups), fits=fits)
    return snapshot, Wishes(hosts=tuple(HostWish(key=key) for key in range(hosts)))


if __name__ == "__main__":
    main()
