"""Faults of a host's network; those of its daemon and guests are in lab.py, one line each.

| fault | what happens | what others see |
|---|---|---|
| cut   | its port on the switch is down, its own link loses carrier | no ARP answer: "No route to host" after 3 s |
| drop  | the port is up and forwards nothing; ARP is answered from memory | silence: nothing comes back, ever |
| slow  | a token bucket both ways | a slow line |
"""

from __future__ import annotations

from deploy.lab.machine import LabError, run
from deploy.lab.network import HOST_BRIDGE, batch
from deploy.lab.plan import HostPlan, LabPlan

BURST_KIB = 64
QUEUE_MS = 50
DISABLED, FORWARDING = 0, 3


def cut(plan: LabPlan, host: HostPlan) -> None:
    """Pull the host's cable. The others forget its MAC at once, not whenever their caches run out."""
    batch(plan.switch, f"link set {host.port} down")
    _forget_neighbours(plan, host)


def drop(plan: LabPlan, host: HostPlan) -> None:
    """Lose every packet from and to the host, without a word to anybody."""
    _remember_neighbours(plan, host)
    _port_state(plan, host, DISABLED)


def mend(plan: LabPlan, host: HostPlan) -> None:
    """Undo cut, drop and slow."""
    slow(plan, host, 0)
    batch(plan.switch, f"link set {host.port} up")
    _port_state(plan, host, FORWARDING)
    _forget_neighbours(plan, host)


def slow(plan: LabPlan, host: HostPlan, mbit: float) -> None:
    """Shape the host's line to `mbit` megabit a second each way; 0 takes the shaping off."""
    if mbit < 0:
        raise LabError(f"a line can't have {mbit} Mbit/s")
    for netns, link in ((plan.switch, host.port), (host.netns, "eth0")):
        run("tc", "-n", netns, "qdisc", "delete", "dev", link, "root", check=False)
        if mbit:
            shape = f"rate {mbit}mbit burst {BURST_KIB}kb latency {QUEUE_MS}ms"
            run("tc", "-n", netns, "qdisc", "add", "dev", link, "root", "tbf", *shape.split())


def _port_state(plan: LabPlan, host: HostPlan, state: int) -> None:
    run("bridge", "-n", plan.switch, "link", "set", "dev", host.port, "state", str(state))


def _others(plan: LabPlan, host: HostPlan) -> list[tuple[str | None, str]]:
    rest = [(each.netns, HOST_BRIDGE) for each in plan.hosts if each.name != host.name]
    return [(None, plan.link), *rest]


def _remember_neighbours(plan: LabPlan, host: HostPlan) -> None:
    # Without an ARP answer the kernel reports "No route to host" after 3 s: that would not be silence.
    for netns, link in _others(plan, host):
        batch(netns, f"neigh replace {host.address} lladdr {host.mac} dev {link} nud permanent")


def _forget_neighbours(plan: LabPlan, host: HostPlan) -> None:
    for netns, link in _others(plan, host):
        prefix = ["-n", netns] if netns else []
        run("ip", *prefix, "neigh", "delete", host.address, "dev", link, check=False)
