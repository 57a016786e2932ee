"""Many VMs placed at once, on one snapshot: each sees the room that those before it have taken, so that ten moves do
not land on the one host that was best for each of them alone.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from datacenter.placement.affinity import Companions
from datacenter.placement.capacity import Room, snapshot
from datacenter.placement.choose import Candidate, candidates
from hosts.models import VM, Host


def place_together(vms: Iterable[VM], *, destination: Host | None = None) -> dict[VM, Candidate]:
    """A host for each VM; where there is none, ``ok`` is False and ``reason`` says why. Else as ``rank_together``."""
    ranked = rank_together(vms, destination=destination)
    return {vm: judged[0] if judged and judged[0].ok else _none(vm, judged) for vm, judged in ranked.items()}


def rank_together(vms: Iterable[VM], *, destination: Host | None = None) -> dict[VM, list[Candidate]]:
    """The hosts for each VM, best first, in the order they were placed: biggest first. Two queries a data
    center, and two for the affinity groups.

    Greedy: each takes its best host as far as those before it left room there; migrations already under way count.
    The same VMs and hosts give the same answer. ``destination``: only this host comes into question.
    """
    rooms: dict[int, list[Room]] = {}
    ranked: dict[VM, list[Candidate]] = {}
    vms = list(vms)
    companions = Companions(vms)
    for vm in sorted(vms, key=lambda each: (-each.memory_bytes, each.name, each.pk)):
        home = vm.host.cluster.datacenter_id
        if home not in rooms:
            rooms[home] = snapshot(home)
        judged = candidates(vm, rooms=rooms[home], companions=companions)
        ranked[vm] = [each for each in judged if destination is None or each.host.pk == destination.pk]
        if ranked[vm] and ranked[vm][0].ok:
            companions.moved(vm, ranked[vm][0].host.pk)
            rooms[home] = [_taken(room, vm, by=ranked[vm][0].host) for room in rooms[home]]
    return ranked


def _taken(room: Room, vm: VM, *, by: Host) -> Room:
    """The room with this VM on its way there: its memory gone, its CPU share added, one more to receive."""
    if room.host.pk != by.pk:
        return room
    free = None if room.free_bytes is None else room.free_bytes - vm.memory_bytes
    cpu = room.cpu_percent
    if cpu is not None and room.host.cpus and vm.cpu_percent is not None:
        cpu = min(100.0, cpu + vm.cpu_percent * vm.vcpus / room.host.cpus)
    return replace(room, free_bytes=free, cpu_percent=cpu, incoming=room.incoming + 1)


def _none(vm: VM, judged: Iterable[Candidate]) -> Candidate:
    return Candidate(host=vm.host, ok=False, reason=nobody(judged))


def nobody(judged: Iterable[Candidate]) -> str:
    """Why no host can take it, in words: each reason with the hosts it holds for, the commonest first."""
    hosts = defaultdict(list)
    for each in judged:
        if each.reason != "The VM is on this host.":
            hosts[each.reason].append(each.host.name)
    ordered = sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0]))
    return "No host can take it. " + (" ".join(map(_reason, ordered[:3])) or "Its data center has no other host.")


def _reason(item: tuple[str, list[str]]) -> str:
    reason, names = item
    return f"{', '.join(names)}: {reason}" if len(names) < 4 else f"{names[0]} and {len(names) - 1} others: {reason}"
