"""One host by itself: what of it endangers or hinders migrations, green, yellow, red; what is not known says so."""

import ipaddress
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from hosts.livemigration.preflight.hosts import fault_of
from hosts.livemigration.preflight.records import (
    Finding,
    Outcome,
    Place,
    Version,
    passes,
    refuses,
    spoken,
    warns,
)
from hosts.states import HostState

#: a beat comes every 10 s: a host that was silent for three of them is not to be trusted with a guest
_SILENT = timedelta(seconds=30)
#: below, a migration call with typed parameters, peer-to-peer, or post-copy's recovery is missing
_LEAST_LIBVIRT, _RECOVERS_LIBVIRT = (5, 2), (8, 5)
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9a-fA-F:]{2,45}")


def unknown(check: str, text: str, remedy: str = "") -> Finding:
    return Finding(check=check, outcome=Outcome.UNKNOWN, text=text, remedy=remedy)


def is_address(text: str) -> bool:
    """A host name, an IPv4 or an IPv6 address; libvirt puts it into a URI of its own."""
    return _HOSTNAME.fullmatch(text) is not None


def host_findings(
    place: Place, peers: Sequence[Place], *, answered_at: datetime | None, now: datetime
) -> list[Finding]:
    """``peers``: the other hosts of its cluster."""
    return [
        _answers(place, answered_at, now),
        _libvirt(place),
        _qemu(place, peers),
        _keepalive(place),
        _locks(place),
        _tls(place),
        _address(place),
        _cpu(place, peers),
        _told(place),
        unknown("clock", "Its clock is not known: libvirt has no call for it.", "Run NTP or PTP on every host."),
        unknown("certificates", "When its certificates end is not known to Godwit.", "Watch them on the host."),
    ]


def _answers(place: Place, answered_at: datetime | None, now: datetime) -> Finding:
    if place.state in (HostState.CONNECTING, HostState.NON_RESPONSIVE) or answered_at is None:
        return refuses("answer", f"It does not answer. {place.error}".strip(), "Look at its daemon and its network.")
    age = now - answered_at
    if age > _SILENT:
        return warns("answer", f"It answered {int(age.total_seconds())} s ago.", "Look at the collector.")
    return passes("answer", "It answers.")


def _libvirt(place: Place) -> Finding:
    if not place.libvirt:
        return unknown("libvirt", "Its version of libvirt is not known yet.")
    if place.libvirt < _LEAST_LIBVIRT:
        return refuses("libvirt", f"libvirt {spoken(place.libvirt)} is too old.", "Upgrade to 9.0 or newer.")
    for outgoing in (True, False):
        if fault := fault_of(place.libvirt, outgoing=outgoing, postcopy=True):
            return warns("libvirt", f"libvirt {spoken(place.libvirt)}: {fault[0]}", f"Fixed in libvirt {fault[1]}.")
    if place.libvirt < _RECOVERS_LIBVIRT:
        text = f"libvirt {spoken(place.libvirt)} cannot take up a broken post-copy again."
        return warns("libvirt", text, "Allow no post-copy here, or upgrade to 8.5 or newer.")
    return passes("libvirt", f"libvirt {spoken(place.libvirt)}.")


def _qemu(place: Place, peers: Sequence[Place]) -> Finding:
    if not place.qemu:
        return unknown("qemu", "Its version of QEMU is not known yet.")
    versions: set[Version] = {peer.qemu[:2] for peer in peers if peer.qemu} - {place.qemu[:2]}
    said = f"QEMU {spoken(place.qemu)}"
    if versions:
        others = ", ".join(spoken(each) for each in sorted(versions))
        text = f"{said}; others of its cluster have {others}: VMs go only where their machine type is."
        return warns("qemu", text, "Give the VMs a machine type that all have.")
    return passes("qemu", f"{said}, as in the whole cluster.")


def _keepalive(place: Place) -> Finding:
    remedy = (
        "Set keepalive_interval = 1 and keepalive_count = 3 in qemu.conf and libvirtd.conf, and restart the daemon."
    )
    if place.keepalive_tuned:
        return passes("keepalive", "A lost link is noticed within 4 s, as an administrator states.")
    if place.keepalive_tuned is None:
        return unknown(
            "keepalive", "Not known: libvirt does not tell. By default a lost link is noticed after 28 s.", remedy
        )
    return warns("keepalive", "A lost link is noticed after 28 s, and a guest may stand still for so long.", remedy)


def _locks(place: Place) -> Finding:
    remedy = "Use storage with working locks, virtlockd or sanlock."
    if place.locks in ("storage", "virtlockd", "sanlock"):
        word = {"storage": "the storage"}.get(place.locks, place.locks)
        return passes("locks", f"Disks are locked by {word}, as an administrator states.")
    text = "if the destination's daemon dies at a hand-over, two copies of a VM could write to its disks"
    if place.locks == "none":
        return refuses("locks", f"No locks: {text}.", remedy)
    return unknown("locks", f"Not known: libvirt does not tell. Without locks, {text}.", remedy)


def _tls(place: Place) -> Finding:
    remedy = "Put QEMU's certificates into /etc/pki/qemu."
    if place.migration_tls:
        return passes("tls", "Guests' memory can travel by TLS, as an administrator states.")
    if place.migration_tls is None:
        return unknown("tls", "Whether guests' memory can travel by TLS is not known: libvirt does not tell.", remedy)
    return warns("tls", "Guests' memory travels unencrypted: anybody on the migration network could read it.", remedy)


def _is_outside(address: str, subnet: str) -> bool:
    """Whether an address is not of that subnet; a name, and no subnet, prove nothing."""
    try:
        return bool(subnet) and ipaddress.ip_address(address) not in ipaddress.ip_network(subnet)
    except ValueError:
        return False


def _address(place: Place) -> Finding:
    if place.migration_address and _is_outside(place.migration_address, place.migration_subnet):
        network = f"the migration network {place.migration_network}".strip()
        where = f"which is not in {network} ({place.migration_subnet})"
        text = f"Guests' memory comes in at {place.migration_address}, {where}."
        return warns("address", text, "Name its address on that network below.")
    if place.migration_address:
        return passes("address", f"Guests' memory comes in at {place.migration_address}.")
    text = "No migration network is named: guests' memory comes in where the host's own name leads to."
    return warns("address", text, "Name its address on the migration network below.")


def _cpu(place: Place, peers: Sequence[Place]) -> Finding:
    if not place.cpu_features:
        return unknown("cpu", "The flags of its CPU are not known yet.")
    known = [peer for peer in peers if peer.cpu_features]
    missing = frozenset().union(*(peer.cpu_features for peer in known)) - place.cpu_features
    if missing:
        flags = ", ".join(sorted(missing)[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        text = f"Its CPU ({place.cpu_model or 'unknown'}) lacks {flags}, which others of its cluster have."
        return warns("cpu", text, "Give VMs a CPU model that all hosts of the cluster can run.")
    return passes("cpu", f"Its CPU ({place.cpu_model or 'unknown'}) has every flag that others of its cluster have.")


def _told(place: Place) -> Finding:
    """Without the interface driver nobody can say which bridges there are not."""
    if place.networks or place.bridges:
        return passes("networks", "It tells its networks.")
    return unknown("networks", "It tells neither networks nor bridges; whether a VM finds its own shows at the start.")
