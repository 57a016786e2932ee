"""Checks of what the guest needs and the destination has: machine, CPU, memory, networks."""

from hosts.livemigration.preflight.records import About, Case, Finding, passes, refuses, spoken, warns
from hosts.livemigration.words import size

#: a guest's QEMU needs about this much more than the guest's memory (migration.md, section 2)
MEMORY_HEADROOM = 1.1


def architecture(case: Case) -> Finding:
    needed, there = case.guest.arch, case.destination.arch
    if needed and there and needed != there:
        return refuses("arch", f"Its CPU is {there}, the VM needs {needed}.")
    return passes("arch", f"Both are {there or needed or 'of one kind'}.")


def acceleration(case: Case) -> Finding:
    needed, there = case.guest.virt_type, case.destination.virt_types
    if needed and there and needed not in there:
        return refuses("virt_type", f"No {needed} there.", "Enable hardware virtualization on the host.")
    return passes("virt_type", f"It runs by {needed or 'the same hypervisor'} there too.")


def machine_type(case: Case) -> Finding:
    needed, there = case.guest.machine, case.destination.machine_types
    if not needed or not there:
        return passes("machine_type", "The destination is asked for the machine type before anything moves.")
    if needed in there:
        return passes("machine_type", f"It has {needed}.")
    return refuses(
        "machine_type",
        f"No machine type {needed} (QEMU {spoken(case.destination.qemu)}).",
        "Upgrade its QEMU, or restart the VM with an older machine type.",
    )


def cpu(case: Case) -> Finding:
    """Flags are compared only where both hosts tell theirs: what KVM itself adds is in neither list."""
    guest, source, destination = case.guest, case.source, case.destination
    if guest.virt_type != "kvm":
        return passes("cpu", "Its CPU is emulated: the same everywhere.")
    if guest.cpu_mode == "host-passthrough":
        return _passthrough(case)
    if guest.cpu_model and destination.cpu_models and guest.cpu_model not in destination.cpu_models:
        return refuses(
            "cpu",
            f"Its CPU ({destination.cpu_model or 'unknown'}) cannot run the VM's CPU model {guest.cpu_model}.",
            "Give the VM a CPU model that all hosts of its cluster can run, and restart it.",
        )
    if destination.cpu_features and (missing := (guest.cpu_features & source.cpu_features) - destination.cpu_features):
        return refuses(
            "cpu",
            f"Its CPU lacks {_listed(missing)}, which the VM requires.",
            "Take the flag from the VM's CPU, and restart it.",
        )
    return passes("cpu", f"It runs {guest.cpu_model or 'the default CPU model'}.")


def _passthrough(case: Case) -> Finding:
    source, destination = case.source, case.destination
    if not source.cpu_features or not destination.cpu_features:
        return warns(
            "cpu",
            "The VM has its host's own CPU (host-passthrough); its flags are not known on both hosts.",
            "Migrate between equal CPUs only, or give the VM a named CPU model.",
        )
    if missing := source.cpu_features - destination.cpu_features:
        remedy = "Give the VM a named CPU model that both hosts have, and restart it."
        return refuses("cpu", f"The VM has {source.name}'s own CPU, and this host's lacks {_listed(missing)}.", remedy)
    return passes("cpu", "The VM has its host's own CPU; this one has every flag of it.")


def _listed(flags: frozenset[str]) -> str:
    first = sorted(flags)[:5]
    more = f" and {len(flags) - 5} more" if len(flags) > 5 else ""
    return ", ".join(first) + more


def memory(case: Case) -> Finding:
    if case.guest.huge_page_bytes is not None:
        return passes("memory", "The guest's memory comes from the pool of huge pages.")
    free = case.destination.free_bytes
    if case.offline:
        return _room_for_a_start(case, free)
    if free is None:
        return refuses("memory", "Its free memory is not known yet.", "Wait for its next beat (10 s).")
    needed = int(case.guest.memory_bytes * MEMORY_HEADROOM)
    if free < needed:
        text = f"Needs {_size(needed)} of memory, {_size(max(0, free))} is free."
        return refuses("memory", text, "Move another VM away first.")
    return passes("memory", f"Needs {_size(needed)} of memory, {_size(free)} is free.")


def _room_for_a_start(case: Case, free: int | None) -> Finding:
    """A definition needs none; a start there would."""
    needed = int(case.guest.memory_bytes * MEMORY_HEADROOM)
    if free is not None and free < needed:
        text = f"Its definition fits; to start there it needs {_size(needed)} of memory, {_size(max(0, free))} is free."
        return warns("memory", text, "Move another VM away before it is started there.")
    return passes("memory", "The VM is down: its definition needs no memory there.")


def _size(number: int) -> str:
    return size(number).replace(".0 ", " ")


def huge_pages(case: Case) -> Finding:
    """Whether the pool is large enough at all; whether it is free, the destination says before anything moves."""
    wanted, pools = case.guest.huge_page_bytes, case.destination.huge_pages
    if wanted is None:
        return passes("huge_pages", "The VM uses ordinary pages.")
    if pools is None:
        return warns("huge_pages", "The VM uses huge pages; whether the host has any is not known.")
    fitting = pools if wanted == 0 else {size: pages for size, pages in pools.items() if size == wanted}
    most = max((page * pages for page, pages in fitting.items()), default=0)
    kind = "huge pages" if wanted == 0 else f"huge pages of {_size(wanted)}"
    if most < case.guest.memory_bytes:
        return refuses(
            "huge_pages",
            f"Needs {_size(case.guest.memory_bytes)} in {kind}, its pool holds {_size(most)}.",
            "Reserve more of them on the host (vm.nr_hugepages).",
        )
    return passes("huge_pages", f"Its pool of {kind} holds {_size(most)}.")


def networks(case: Case) -> Finding:
    there = {"network": case.destination.networks, "bridge": case.destination.bridges}
    untold = []
    for nic in case.guest.nics:
        known = there.get(nic.kind)
        if known is None or not nic.source:
            continue
        if not known:
            untold.append(f"{nic.kind} “{nic.source}”")
        elif nic.source not in known:
            return refuses("networks", f"No {nic.kind} “{nic.source}”.", "Define it there under the same name.")
    if untold:
        return warns(
            "networks", f"Whether it has the {', '.join(untold[:3])} is not known: libvirt there does not tell."
        )
    return passes("networks", "It has the VM's networks." if case.guest.nics else "The VM has no network card.")


def pinned(case: Case) -> Finding:
    if not case.guest.pinned_cpus:
        return passes("pinning", "The VM is not bound to CPUs by number.")
    here, there = case.source.cpus, case.destination.cpus
    if here and there and there < here:
        return refuses(
            "pinning",
            f"The VM is bound to CPUs by number, and it has {there} CPUs, not {here}.",
            "Remove the pinning first.",
            About.VM,
        )
    return warns(
        "pinning",
        "The VM is bound to CPUs or memory nodes by number: the same numbers will hold there.",
        about=About.VM,
    )
