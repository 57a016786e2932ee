"""The hard rules: each says why a VM may not go to a host, and what would mend it, or None.

They judge by the inventory alone; the worker asks both hosts once more before anything moves.
"""

from collections.abc import Callable
from dataclasses import dataclass

from datacenter.placement.capacity import Room
from datacenter.units import size
from hosts.models import VM
from hosts.states import HostState

#: a guest's QEMU needs about this much more than the guest's memory (migration.md, section 2)
MEMORY_HEADROOM = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why not, and the remedy."""

    reason: str
    remedy: str = ""


Rule = Callable[[VM, Room], Objection | None]


def not_here_already(vm: VM, room: Room) -> Objection | None:
    if room.host.pk == vm.host_id:
        return Objection(reason="The VM is on this host.")
    return None


def same_cluster(vm: VM, room: Room) -> Objection | None:
    if room.host.cluster_id != vm.host.cluster_id:
        return Objection(
            reason=f"It is in another cluster ({room.host.cluster}).", remedy="Pick a host of its cluster."
        )
    return None


def host_is_up(vm: VM, room: Room) -> Objection | None:
    if room.state is HostState.UP:
        return None
    remedy = "Activate it first." if room.state in (HostState.MAINTENANCE, HostState.PREPARING) else room.host.error
    return Objection(reason=f"The host is {room.state.label.lower()}.", remedy=remedy)


def has_machine_type(vm: VM, room: Room) -> Objection | None:
    if not vm.machine or not room.host.machine_types or vm.machine in room.host.machine_types:
        return None
    version = room.host.qemu_version or "unknown"
    return Objection(
        reason=f"No machine type {vm.machine} (QEMU {version}).",
        remedy="Upgrade its QEMU, or restart the VM with an older machine type.",
    )


def has_virt_type(vm: VM, room: Room) -> Objection | None:
    if not vm.virt_type or not room.host.virt_types or vm.virt_type in room.host.virt_types:
        return None
    return Objection(reason=f"No {vm.virt_type} there.", remedy="Enable hardware virtualization on the host.")


def same_architecture(vm: VM, room: Room) -> Objection | None:
    if not vm.arch or not room.host.cpu_arch or vm.arch == room.host.cpu_arch:
        return None
    return Objection(reason=f"Its CPU is {room.host.cpu_arch}, the VM needs {vm.arch}.")


def has_memory(vm: VM, room: Room) -> Objection | None:
    if room.free_bytes is None:
        return Objection(reason="Its free memory is not known yet.", remedy="Wait for its next beat (10 s).")
    needed = int(vm.memory_bytes * MEMORY_HEADROOM)
    if room.free_bytes >= needed:
        return None
    return Objection(
        reason=f"Needs {size(needed)} of memory, {size(max(0, room.free_bytes))} is free.",
        remedy="Move another VM away first.",
    )


def has_networks(vm: VM, room: Room) -> Objection | None:
    for nic in vm.nics:
        known = {"network": room.host.networks, "bridge": room.host.bridges}.get(nic.get("kind", ""))
        source = nic.get("source", "")
        if known and source and source not in known:
            return Objection(reason=f"No {nic['kind']} “{source}”.", remedy="Define it there under the same name.")
    return None


HARD_RULES: tuple[Rule, ...] = (
    not_here_already,
    same_cluster,
    host_is_up,
    same_architecture,
    has_virt_type,
    has_machine_type,
    has_networks,
    has_memory,
)
