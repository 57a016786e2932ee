"""As the destination: what speaks against taking a domain. Each answer has a reason and a remedy, for the person.

There is no dry run in libvirt. What is asked here costs no side effect; what cannot be known is not refused.
"""

from collections.abc import Iterator

import libvirt

from hosts.virt.libvirt.facts import HostShape, unless_lacking
from hosts.virt.libvirt.xml import DomainShape, read_domain
from hosts.virt.records import DomainFacts, HostStats, Refusal

#: A guest needs more than its memory: video memory, page tables, QEMU itself.
_MEMORY_MARGIN = 1.10
_MIB = 1024 * 1024


def refusals(
    conn: libvirt.virConnect, shape: HostShape, stats: HostStats, domain: DomainFacts, *, is_qemu: bool
) -> Iterator[Refusal]:
    """All of them, not the first only: who mends one wants to know the next."""
    yield from _clash(conn, domain)
    yield from _virt_type(shape, domain)
    yield from _machine(shape, domain)
    yield from _memory(stats, domain)
    yield from _network(shape, domain)
    if is_qemu and (not shape.virt_types or domain.virt_type in shape.virt_types):
        yield from _cpu(conn, shape, read_domain(domain.xml))


def _clash(conn: libvirt.virConnect, domain: DomainFacts) -> Iterator[Refusal]:
    for other in conn.listAllDomains(0):
        if other.UUIDString() == domain.uuid:
            if other.isActive():
                yield Refusal(
                    check="uuid",
                    reason="This VM is already active on the host.",
                    remedy="Look at both hosts first: one VM must run once only.",
                )
        elif other.name() == domain.name:
            yield Refusal(
                check="name",
                reason=f"Another VM on the host is already named “{domain.name}”.",
                remedy="Rename one of the two.",
            )


def _virt_type(shape: HostShape, domain: DomainFacts) -> Iterator[Refusal]:
    if domain.virt_type and shape.virt_types and domain.virt_type not in shape.virt_types:
        offered = ", ".join(sorted(shape.virt_types))
        yield Refusal(
            check="virt_type",
            reason=f"The VM runs by “{domain.virt_type}”; the host offers {offered}.",
            remedy="Choose a host with the same acceleration; for kvm, enable virtualization in its firmware.",
        )


def _machine(shape: HostShape, domain: DomainFacts) -> Iterator[Refusal]:
    offered = shape.machines.get(domain.arch)
    if offered is None:
        if domain.arch and shape.machines:
            yield Refusal(
                check="arch",
                reason=f"The host runs no {domain.arch} guests.",
                remedy=f"Choose a host with an emulator for {domain.arch}.",
            )
        return
    if domain.machine and offered and domain.machine not in offered:
        yield Refusal(
            check="machine_type",
            reason=f"The host's QEMU does not offer the machine type {domain.machine}.",
            remedy="Choose a host with the same or a newer QEMU, or update this one's.",
        )


def _memory(stats: HostStats, domain: DomainFacts) -> Iterator[Refusal]:
    needed = int(domain.memory_bytes * _MEMORY_MARGIN)
    if needed > stats.memory_free_bytes:
        yield Refusal(
            check="memory",
            reason=(
                f"The VM needs {needed // _MIB:,} MiB (its memory and 10 %); "
                f"the host has {stats.memory_free_bytes // _MIB:,} MiB free."
            ),
            remedy="Choose a host with more free memory, or move other VMs away first.",
        )


def _network(shape: HostShape, domain: DomainFacts) -> Iterator[Refusal]:
    known = {"network": (shape.networks, "network"), "bridge": (shape.bridges, "bridge")}
    asked = {(nic.kind, nic.source) for nic in domain.nics if nic.source and nic.kind in known}
    for kind, source in sorted(asked):
        there, word = known[kind]
        if there is not None and source not in there:
            yield Refusal(
                check="network",
                reason=f"The host has no active {word} “{source}”, to which the VM is attached.",
                remedy=f"Make a {word} of this name on the host, or choose another host.",
            )


def _cpu(conn: libvirt.virConnect, shape: HostShape, domain: DomainShape) -> Iterator[Refusal]:
    """Ask the destination's own hypervisor. host-passthrough names no model, so nothing can be compared."""
    if not domain.cpu_xml or not domain.cpu_model or domain.cpu_mode == "host-passthrough":
        return
    answer = _compare(conn, domain)
    if answer == libvirt.VIR_CPU_COMPARE_INCOMPATIBLE:
        yield Refusal(
            check="cpu",
            reason=f"The host's CPU ({shape.cpu_model or 'unknown'}) lacks features of the VM's {domain.cpu_model}.",
            remedy="Choose a host with the same or a newer CPU, or give the VM an older CPU model.",
        )


def _compare(conn: libvirt.virConnect, domain: DomainShape) -> int | None:
    """virCPUCompareResult, or None where the host cannot say: an emulator, a model it does not know, old libvirt.

    Under TCG (type "qemu") the CPU is software, equal on every host with the machine type's QEMU: not compared.
    """
    if domain.virt_type != "kvm":
        return None
    try:
        answer: int | None = unless_lacking(
            lambda: conn.compareHypervisorCPU(
                domain.emulator or None, domain.arch, domain.machine or None, domain.virt_type, domain.cpu_xml, 0
            ),
            None,
        )
    except libvirt.libvirtError as exc:
        if exc.get_error_code() == libvirt.VIR_ERR_CPU_INCOMPATIBLE:
            return int(libvirt.VIR_CPU_COMPARE_INCOMPATIBLE)
        # another emulator path than ours, an unknown model: the question failed, which is no answer "no"
        return None
    return answer
