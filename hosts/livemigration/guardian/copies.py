"""Which guests have more copies than they should, from what all hosts say of all their domains. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from hosts.virt.records import DomainState, DomainStats, DomainStatus

#: host -> its domains; a host that did not answer is not in it
Found = Mapping[int, Sequence[DomainStats]]
Copies = Mapping[int, DomainStats]

_TICKS = frozenset({DomainState.RUNNING, DomainState.BLOCKED})
_ACTIVE = _TICKS | {DomainState.PAUSED, DomainState.PMSUSPENDED, DomainState.SHUTDOWN}
_HALVES = frozenset({"postcopy", "postcopy_failed"})


def active(status: DomainStatus) -> bool:
    """It is in a QEMU's memory."""
    return status.state in _ACTIVE


def ticks(status: DomainStatus) -> bool:
    """Its vCPUs run, and it is no half of a guest in post-copy."""
    return status.state in _TICKS and status.reason not in _HALVES


def by_guest(found: Found) -> dict[str, dict[int, DomainStats]]:
    """UUID -> host -> its copy, of those in memory."""
    guests: dict[str, dict[int, DomainStats]] = defaultdict(dict)
    for host, domains in found.items():
        for each in domains:
            if active(each.status):
                guests[each.uuid][host] = each
    return guests


def too_many(copies: Copies, *, moves: bool) -> bool:
    """Two that run are always one too many; a second copy that stands still is, where nothing moves the guest."""
    running = sum(ticks(each.status) for each in copies.values())
    return running > 1 or (len(copies) > 1 and not moves)


def suspects(found: Found, *, moving: Collection[str]) -> dict[str, dict[int, DomainStats]]:
    """UUID -> its copies, of guests with too many. ``moving``: the guests with an open migration."""
    guests = by_guest(found)
    return {uuid: copies for uuid, copies in guests.items() if too_many(copies, moves=uuid in moving)}


def cleared(found: Found, uuid: str, hosts: Collection[int]) -> bool:
    """Whether a doubt is over: both its hosts answered, one copy at most is left, and that one is not in between."""
    if not all(host in found for host in hosts):
        return False
    copies = by_guest(found).get(uuid, {})
    waits = any(
        each.status.state is DomainState.PAUSED and each.status.reason in {"migration", *_HALVES}
        for each in copies.values()
    )
    return len(copies) <= 1 and not waits


def evidence(found: Found, uuid: str, names: Mapping[int, str], *, at: datetime) -> list[dict[str, Any]]:
    """What each host says of the guest, side by side, for the page: the answers first."""
    told = []
    for host, name in names.items():
        each = next((one for one in found.get(host, ()) if one.uuid == uuid), None)
        line: dict[str, Any] = {"host": host, "name": name, "state": "", "reason": "", "cpu_time_s": None}
        line["seen_at"] = at.isoformat() if host in found else None
        if each is not None:
            line |= {"state": str(each.status.state), "reason": each.status.reason, "cpu_time_s": each.cpu_time_s}
        elif host in found:
            line["state"] = "absent"
        told.append(line)
    return told
