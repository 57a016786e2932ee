"""Making a lab's parts and removing them: network, hosts, and what a crashed run left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from deploy.lab import daemon, faults, guests, network, rooms
from deploy.lab.machine import LabError, locked_folder, remove, text_of, write
from deploy.lab.plan import LabPlan, first_subnet, make_plan
from deploy.lab.processes import Recorded

# Says which state folder a running lab's name belongs to: two checkouts can't both have a lab "godwit".
OWNERS = Path("/run/godwit-lab")
Say = Callable[[str], None]


def quiet(_: str) -> None:
    """Say nothing."""


def planned(name: str, *, state: Path, hosts: int) -> LabPlan:
    """The plan of a lab: its recorded subnet, or the first free one; never fewer hosts than it has."""
    known = recorded(state, name)
    if known:
        octet = int(known.subnet.split(".")[2])
        return make_plan(name, state=state, octet=octet, hosts=max(hosts, len(known.hosts)))
    first = first_subnet(name)
    octet = next(number for number in [*range(first, 251), *range(1, first)] if not network.subnet_taken(number))
    return make_plan(name, state=state, octet=octet, hosts=hosts)


def build_network(name: str, state: Path, hosts: int, say: Say) -> LabPlan:
    """Plan the lab, clean what a crashed run left of it, and make its network."""
    # One at a time on this machine, or two labs could choose the same subnet. /run itself: no file is left behind.
    with locked_folder(Path("/run")):
        plan = planned(name, state=state, hosts=hosts)
        claim(plan)
        if is_stale(plan):
            say("clean: removing what an earlier run left behind")
            sweep(plan)
            plan = planned(name, state=state, hosts=hosts)
            claim(plan)
        record(plan)
        network.build(plan)
    say(f"network: {plan.subnet}, this machine is {plan.address}")
    return plan


def record(plan: LabPlan) -> None:
    octet = int(plan.subnet.split(".")[2])
    facts = {"name": plan.name, "octet": octet, "hosts": len(plan.hosts)}
    write(plan.state / "lab.json", json.dumps(facts))
    plan.shared.mkdir(exist_ok=True)


def recorded(state: Path, name: str) -> LabPlan | None:
    text = text_of(state / "lab.json")
    if not text:
        return None
    facts = json.loads(text)
    return make_plan(name, state=state, octet=facts["octet"], hosts=facts["hosts"])


def claim(plan: LabPlan) -> None:
    """Take the lab's name on this machine, unless a lab with another state folder has it and lives."""
    note = OWNERS / plan.name
    owner = text_of(note).strip()
    if owner and Path(owner) != plan.state and lives(recorded(Path(owner), plan.name)):
        raise LabError(f"a lab named {plan.name!r} is up already, with its state in {owner}: choose another --name")
    write(note, f"{plan.state}\n")


def lives(plan: LabPlan | None) -> bool:
    return plan is not None and any(rooms.holder_of(host) for host in plan.hosts)


def is_stale(plan: LabPlan) -> bool:
    """Whether there are traces of a lab of which nothing lives: a crash, a reboot, a removed state folder."""
    known = recorded(plan.state, plan.name)
    if known is None:
        return plan.state.joinpath("hosts").exists() or bool(network.named_like(plan.name))
    return not lives(known) or not network.exists(plan.switch)


def open_hosts(plan: LabPlan, say: Say, *, only: str | None = None) -> None:
    """Start what isn't there of each host; all daemons start side by side."""
    chosen = [host for host in plan.hosts if only in (None, host.name)]
    for host in plan.hosts:
        rooms.furnish(plan, host)  # all of them: a host that stands must learn the names of new ones
    for host in chosen:
        if rooms.holder_of(host) is None:
            rooms.clear_run(host)
            faults.mend(plan, host)  # a power cut took the link too
            daemon.configure(host)
            daemon.lend_capabilities(host)
            rooms.open_room(host)
        daemon.launch(host)
    for host in chosen:
        daemon.await_answer(host)
        say(f"host {host.name}: {host.uri} answers")


def sweep(plan: LabPlan) -> None:
    """End and remove everything of a lab, whatever is left of it."""
    for folder in sorted(plan.state.glob("hosts/*")):
        if holder := Recorded.load(folder / "holder"):
            holder.kill()
        daemon.keep_capabilities(folder)
    network.dismantle(plan)
    for netns in network.named_like(plan.name):
        network.end_namespace(netns)
    guests.detach_all(plan)
    remove([plan.state])
    (OWNERS / plan.name).unlink(missing_ok=True)
    for folder in (OWNERS, plan.state.parent):
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
