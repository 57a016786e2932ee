"""Small clusters for the planner's tests, as records: hosts of 64 GiB that are told how much is free."""

from collections.abc import Iterable
from typing import Any

from datacenter.maintenance.planner import (
    Group,
    HostFact,
    HostWish,
    Leg,
    Move,
    Proposal,
    Snapshot,
    VMFact,
    Wishes,
    propose,
)

GIB = 1 << 30
MIB = 1 << 20


def hosts(*free_gib: float, **fields: Any) -> list[HostFact]:
    """Hosts 1, 2, 3 … named h1, h2, h3."""
    return [
        HostFact(key=n, name=f"h{n}", memory_bytes=64 * GIB, free_bytes=int(free * GIB), **fields)
        for n, free in enumerate(free_gib, start=1)
    ]


def vm(key: int, host: int = 1, gib: float = 4, **fields: Any) -> VMFact:
    return VMFact(key=key, name=f"v{key:02}", host=host, memory_bytes=int(gib * GIB), **fields)


def plan(
    known: Iterable[HostFact],
    vms: Iterable[VMFact],
    *empty: int,
    groups: Iterable[Group] = (),
    snapshot: dict[str, Any] | None = None,
    **terms: Any,
) -> Proposal:
    """What the planner proposes for emptying these hosts, in this order."""
    wanted = {"keep_spare": False, "hosts": tuple(HostWish(key=key) for key in empty)} | terms
    seen = Snapshot(hosts=tuple(known), vms=tuple(vms), groups=tuple(groups), **(snapshot or {}))
    return propose(seen, Wishes(**wanted))


def out(proposal: Proposal, key: int, host: int | None = None) -> Move:
    """The one move of that VM away from its host."""
    found = [
        move
        for move in proposal.moves
        if move.vm == key and move.leg is Leg.OUT and (host is None or move.host == host)
    ]
    assert len(found) == 1, found
    return found[0]


def targets(proposal: Proposal) -> dict[int, int | None]:
    return {move.vm: move.target for move in proposal.moves if move.leg is Leg.OUT}
