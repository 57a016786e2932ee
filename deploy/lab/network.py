"""Network namespaces, links and the bridge of a lab.

The bridge stands in a namespace of its own: neither the machine's firewall (docker's FORWARD policy reaches bridged
frames where br_netfilter is loaded) nor its other bridges have a say there. The machine has one veth into it.
In each host, eth0 is a port of br0, which carries the host's address and the guests' taps, as on a real host.
"""

from __future__ import annotations

import ipaddress
import json
import os
import signal
from pathlib import Path

from deploy.lab.machine import await_true, run
from deploy.lab.plan import HostPlan, LabPlan
from deploy.lab.processes import Recorded

BRIDGE = "lan"
HOST_BRIDGE = "br0"
NETNS = Path("/run/netns")


def batch(netns: str | None, *commands: str) -> None:
    """Run several `ip` commands at once, in a namespace or in the machine's own."""
    prefix = ["-n", netns] if netns else []
    for command in commands:
        run("ip", *prefix, *command.split())


def exists(netns: str) -> bool:
    return (NETNS / netns).exists()


def link_exists(name: str) -> bool:
    return Path("/sys/class/net", name).exists()


def subnet_taken(octet: int) -> bool:
    """Whether the machine already knows a route into 10.78.<octet>.0/24 that is not its default."""
    wanted = ipaddress.ip_network(f"10.78.{octet}.0/24")
    routes = json.loads(run("ip", "-j", "-4", "route", "show", "table", "all") or "[]")
    destinations = (route["dst"] for route in routes if route.get("dst", "default") != "default")
    return any(ipaddress.ip_network(dst, strict=False).overlaps(wanted) for dst in destinations)


def build(plan: LabPlan) -> None:
    """Make the switch and each host's link; what stands already is left as it is."""
    if not exists(plan.switch):
        _build_switch(plan)
    for host in plan.hosts:
        if not exists(host.netns):
            _build_host(plan, host)


def _namespace(name: str) -> None:
    run("ip", "netns", "add", name)
    for knob in ("all", "default"):
        run(
            "ip",
            "netns",
            "exec",
            name,
            "sh",
            "-c",
            f"echo 1 > /proc/sys/net/ipv6/conf/{knob}/disable_ipv6",
            check=False,
        )
    batch(name, "link set lo up")


def _build_switch(plan: LabPlan) -> None:
    _namespace(plan.switch)
    batch(plan.switch, f"link add {BRIDGE} type bridge forward_delay 0 stp_state 0", f"link set {BRIDGE} up")
    batch(None, f"link add {plan.link} type veth peer name machine netns {plan.switch}")
    batch(plan.switch, f"link set machine master {BRIDGE}", "link set machine up")
    batch(None, f"address add {plan.address}/24 dev {plan.link}", f"link set {plan.link} up")


def _build_host(plan: LabPlan, host: HostPlan) -> None:
    _namespace(host.netns)
    batch(plan.switch, f"link add {host.port} type veth peer name eth0 netns {host.netns}")
    batch(plan.switch, f"link set {host.port} master {BRIDGE}", f"link set {host.port} up")
    batch(
        host.netns,
        f"link add {HOST_BRIDGE} type bridge forward_delay 0 stp_state 0",
        # A bridge without an address of its own takes the lowest of its ports', and changes it with each tap.
        f"link set {HOST_BRIDGE} address {host.mac}",
        f"link set eth0 master {HOST_BRIDGE}",
        "link set eth0 up",
        f"address add {host.address}/24 dev {HOST_BRIDGE}",
        f"link set {HOST_BRIDGE} up",
    )


def dismantle(plan: LabPlan) -> None:
    """Remove the lab's namespaces and the machine's link, ending what still runs in these namespaces."""
    for netns in plan.namespaces:
        end_namespace(netns)
    if link_exists(plan.link):
        # The namespace's end removes the pair, but a moment later: don't stumble over each other.
        run("ip", "link", "delete", plan.link, check=False)
    await_true(f"link {plan.link} to go", lambda: not link_exists(plan.link), timeout_s=10)


def end_namespace(netns: str) -> None:
    """Remove a namespace of the lab and end what still runs in it."""
    if not exists(netns):
        return
    for word in run("ip", "netns", "pids", netns, check=False).split():
        found = Recorded.of(int(word))
        if found and found.pid != os.getpid():
            found.send(signal.SIGKILL)
    run("ip", "netns", "delete", netns)


def named_like(lab: str) -> list[str]:
    """Namespaces a lab of this name has left behind, whatever its number of hosts was."""
    if not NETNS.exists():
        return []
    return sorted(entry.name for entry in NETNS.iterdir() if entry.name.startswith(f"gl-{lab}-"))
