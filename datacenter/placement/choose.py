"""Where a VM may go: every host of its data center, best first, and why another may not."""

from dataclasses import dataclass

from datacenter.placement.capacity import Room, snapshot
from datacenter.placement.rules import HARD_RULES, Objection
from hosts.models import VM, Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One host for one VM. ``ok`` False: ``reason`` says why not and ``remedy`` what would mend it."""

    host: Host
    ok: bool
    reason: str = ""
    remedy: str = ""
    free_memory_after_bytes: int | None = None
    cpu_percent: float | None = None
    incoming: int = 0
    score: float = 0.0


def candidates(vm: VM) -> list[Candidate]:
    """Best first; those that cannot take it last, by name. Two queries."""
    rooms = snapshot(vm.host.cluster.datacenter_id)
    judged = [_judge(vm, room) for room in rooms]
    return sorted(judged, key=lambda each: (not each.ok, -each.score, each.host.name))


def best(vm: VM) -> Candidate | None:
    """The best host for it, or None if no host can take it."""
    first = next(iter(candidates(vm)), None)
    return first if first and first.ok else None


def _judge(vm: VM, room: Room) -> Candidate:
    objection = _objection(vm, room)
    after = None if room.free_bytes is None else room.free_bytes - vm.memory_bytes
    return Candidate(
        host=room.host,
        ok=objection is None,
        reason=objection.reason if objection else "",
        remedy=objection.remedy if objection else "",
        free_memory_after_bytes=after,
        cpu_percent=room.cpu_percent,
        incoming=room.incoming,
        score=_score(room, after) if objection is None else 0.0,
    )


def _objection(vm: VM, room: Room) -> Objection | None:
    return next((objection for rule in HARD_RULES if (objection := rule(vm, room))), None)


def _score(room: Room, free_after: int | None) -> float:
    """Between 0 and 1: the scarcer of memory left and CPU left, less a tenth for each migration on its way there.

    An empty host of 64 GiB that takes 4 GiB at 10 % CPU scores 0.90; one with 8 of 64 GiB left scores 0.125.
    """
    memory_left = (free_after or 0) / room.memory_bytes if room.memory_bytes else 0.0
    cpu_left = 1.0 - (room.cpu_percent or 0.0) / 100.0
    return max(0.0, min(memory_left, cpu_left) - 0.1 * room.incoming)
