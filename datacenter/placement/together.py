"""Many VMs placed at once, on one snapshot: each sees the room that those before it have taken, so that ten moves do
not land on the one host that was best for each of them alone.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from datacenter.placement.capacity import Room, snapshot
from datacenter.placement.choose import Candidate, candidates
from hosts.models import VM, Host


def place_together(vms: Iterable[VM], *, destination: Host | None = None) -> dict[VM, Candidate]:
    """A host for each VM, or why there is none, in the order they were placed: biggest first. Two queries a data center.

    Greedy: each takes its best host as far as those before it left room there; migrations already under way count.
    The same VMs and hosts give the same answer. ``destination``: only this host comes into question.
    """
    rooms: dict[int, list[Room]] = {}
    placed: dict[VM, Candidate] = {}
    for vm in sorted(vms, key=lambda each: (-each.memory_bytes, each.name, each.pk)):
        home = vm.host.cluster.datacenter_id
        if home not in rooms:
            rooms[home] = snapshot(home)
        placed[vm], rooms[home] = place_one(vm, rooms[home], destination=destination)
    return placed


def place_one(vm: VM, rooms: list[Room], *, destination: Host | None = None) -> tuple[Candidate, list[Room]]:
    """Its place among these rooms, and the rooms as it leaves them."""
    judged = candidates(vm, rooms=rooms)
    if destination is not None:
        judged = [each for each in judged if each.host.pk == destination.pk]
    if not judged or not judged[0].ok:
        return Candidate(host=destination or vm.host, ok=False, reason=nobody(judged)), rooms
    chosen = judged[0]
    return chosen, [_taken(room, vm) if room.host.pk == chosen.host.pk else room for room in rooms]


def _taken(room: Room, vm: VM) -> Room:
    """The room with this VM on its way there: its memory gone, its CPU share added, one more to receive."""
    free = None if room.free_bytes is None else room.free_bytes - vm.memory_bytes
    cpu = room.cpu_percent
    if cpu is not None and room.host.cpus and vm.cpu_percent is not None:
        cpu = min(100.0, cpu + vm.cpu_percent * vm.vcpus / room.host.cpus)
    return replace(room, free_bytes=free, cpu_percent=cpu, incoming=room.incoming + 1)


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
