"""Checks of the VM itself: its state, its disks and devices, and what its options allow."""

from posixpath import dirname

from hosts.livemigration.policy import Arrival
from hosts.livemigration.preflight.hosts import PARALLEL_POSTCOPY_QEMU
from hosts.livemigration.preflight.records import About, Case, Finding, passes, refuses, spoken, warns
from hosts.states import HostState, VMState
from hosts.virt.records import Disk

_GIB = 1 << 30
_SOURCE_SILENT = (HostState.CONNECTING, HostState.NON_RESPONSIVE)
#: QEMU drops a file's cached pages by itself from here on, so that any cache mode may migrate
_DROPS_CACHE_QEMU = (4, 0)
_SAFE_CACHES = frozenset({"none", "directsync"})
_ZERO_COPY_QEMU, _ZERO_COPY_LIBVIRT = (7, 1), (8, 5)
_LOCKED = {"storage": "by the storage", "virtlockd": "by virtlockd", "sanlock": "by sanlock"}


def state(case: Case) -> Finding:
    guest, source = case.guest, case.source
    if source.state in _SOURCE_SILENT:
        return refuses("vm_state", f"{source.name}, where {guest.name} runs, does not answer.", about=About.VM)
    if guest.state is VMState.UP:
        return passes("vm_state", "The VM runs.")
    if guest.state is VMState.PAUSED:
        return passes("vm_state", "The VM is paused, and arrives paused.")
    if guest.state is VMState.DOWN:
        return passes("vm_state", "The VM is down: its definition moves, and it stays down.")
    text = f"Only a VM that runs, is paused or is down can be migrated; {guest.name} is {guest.state.label.lower()}."
    return refuses("vm_state", text, about=About.VM)


def definition(case: Case) -> Finding:
    """What its host keeps of it beside its memory and its disks, and whether that moves."""
    if case.guest.managed_save:
        text = "The VM's memory is saved to a file of its host, which does not move."
        return refuses("definition", text, "Start it first: it goes on from there; then migrate it.", About.VM)
    if not case.guest.persistent:
        text = "The VM is transient, and arrives so: once it is off, no host has a definition of it."
        return passes("definition", text)
    return passes("definition", "Its definition moves with it: it is on the destination alone afterwards.")


def not_busy(case: Case) -> Finding:
    if case.guest.busy:
        return refuses("job", case.guest.busy, about=About.VM)
    return passes("job", "Nothing else is under way with the VM.")


def snapshots(case: Case) -> Finding:
    if not case.guest.snapshots:
        return passes("snapshots", "The VM has no snapshots.")
    text = f"The VM has snapshots ({case.guest.snapshots}): libvirt does not migrate it with them."
    return refuses("snapshots", text, "Delete the snapshots first.", About.VM)


def devices(case: Case) -> Finding:
    """A clear yes or no: what belongs to one host's hardware stays there."""
    for each in case.guest.devices:
        word = each.split(" ", 1)[0]
        if word == "tpm" and case.offline:
            text = "The VM has a TPM: its state lies on its host and does not move with a definition."
            return refuses("devices", text, "Start it and migrate it live: then it moves too.", About.VM)
        if word in ("hostdev", "redirdev"):
            return refuses("devices", f"The VM uses a device of its host: {each}.", "Detach it first.", About.VM)
        if word in ("shmem", "memory"):
            return warns("devices", f"The VM has {each}: libvirt may refuse it.", "Detach it if it does.", About.VM)
        if word == "filesystem":
            text = "A folder of the host is shared into the VM: libvirt refuses while it is mounted."
            return warns("devices", text, "Unmount it in the guest first.", About.VM)
    if any(nic.kind == "hostdev" for nic in case.guest.nics):
        return refuses("devices", "The VM uses a network card of its host.", "Detach it first.", About.VM)
    if odd := next((nic for nic in case.guest.nics if nic.kind in ("direct", "vdpa", "ethernet")), None):
        text = f"A network card of the VM hangs on the host's own device “{odd.source or odd.kind}”."
        return warns("devices", text, "The destination needs a device of the same name.", About.VM)
    if case.offline and case.guest.nvram:
        text = "The VM has firmware variables in a file of its host, which does not move with a definition."
        return warns("devices", text, "Put that file on shared storage; else it starts with new ones.", About.VM)
    return passes("devices", "The VM uses no device of its host.")


def _in_use(case: Case) -> list[Disk]:
    return [disk for disk in case.guest.disks if disk.source]


def storage(case: Case) -> Finding:
    """libvirt knows only some kinds of shared file systems; that a disk is the same on both is proved by moving it."""
    unproved = [
        disk for disk in _in_use(case) if disk.kind != "network" and dirname(disk.source) not in case.proof.shared
    ]
    if not unproved:
        return passes("storage", "Its disks are reached from both hosts." if _in_use(case) else "The VM has no disk.")
    names = ", ".join(f"{disk.target} ({disk.source})" for disk in unproved[:3])
    if case.offline:
        text = f"Not proved that these disks are the same there: {names}. Without them it will not start there."
        return warns("storage", text, "Put them on shared storage.")
    if case.wishes.copy_disks:
        text = f"Disks are copied: {names}. An image of the same name and size must be there, or its folder be a pool."
        return warns("storage", text)
    return warns(
        "storage",
        f"Not proved that these disks are the same there: {names}.",
        "Put them on shared storage; or have them copied (Options).",
    )


def cache(case: Case) -> Finding:
    local = [disk for disk in _in_use(case) if not disk.readonly and disk.kind != "network"]
    if any(disk.cache == "unsafe" for disk in local):
        text = "A disk's cache mode is “unsafe”: what the guest wrote may not have reached it."
        return warns("cache", text, "Set its cache to none.", About.VM)
    risky = [disk for disk in local if disk.cache not in _SAFE_CACHES]
    versions = [place.qemu for place in (case.source, case.destination)]
    if risky and not all(version and version >= _DROPS_CACHE_QEMU for version in versions):
        text = f"The cache mode of {risky[0].target} ({risky[0].cache or 'default'}) is safe from QEMU 4.0 on only."
        return warns("cache", text, "Set its cache to none.", About.VM)
    return passes("cache", "No disk is cached in a way that could lose writes.")


def arrives_paused(case: Case) -> bool:
    """Whether the policy wants the guest to arrive paused, and only the guardian to let it go on."""
    if case.offline or case.guest.state is VMState.PAUSED or case.wishes.arrival is Arrival.NEVER:
        return False
    bare = any(place.locks == "none" for place in (case.source, case.destination))
    return case.wishes.arrival is Arrival.ALWAYS or (bool(_spoilt(case)) and bare)


def _spoilt(case: Case) -> list[Disk]:
    """Disks that two running copies could both write to."""
    return [disk for disk in _in_use(case) if not disk.readonly and disk.kind != "network"]


def lock_safety(case: Case) -> Finding:
    """Without locks libvirt can leave two running copies after a lost reply (migration.md, H05 and H06)."""
    writable = [disk for disk in _in_use(case) if not disk.readonly]
    if not writable:
        return passes("locks", "The VM has no disk that two copies could spoil.")
    if case.offline:
        return passes("locks", "The VM is down: no two copies can come of this move.")
    if arrives_paused(case):
        text = (
            "The guest arrives paused, and is let go on once the source's copy has ended: two copies cannot run. "
            "It stands still 0.3 to 1.2 s longer for that."
        )
        return passes("locks", text)
    if not _spoilt(case):
        return passes("locks", "Network disks hold locks of their own.")
    bare = [place for place in (case.source, case.destination) if place.locks not in _LOCKED]
    if not bare:
        return passes("locks", f"Disks are locked {_LOCKED[case.destination.locks]}.")
    known = "has none" if any(place.locks == "none" for place in bare) else "is not known"
    return warns(
        "locks",
        f"What locks its disks {known}: if the daemon there dies at the hand-over, two copies could write to them.",
        "Use storage with working locks, virtlockd or sanlock, and state it on the hosts' pages.",
    )


def postcopy(case: Case) -> Finding:
    wishes, guest = case.wishes, case.guest
    if not wishes.postcopy or case.offline:
        return passes("postcopy", "Post-copy is not wished for.")
    if wishes.parallel and (old := _too_old(case)):
        text = f"Post-copy with parallel connections loses the VM below QEMU 10.1 ({old})."
        return refuses("postcopy", text, "Choose one of the two.", About.OPTION)
    if arrives_paused(case):
        text = "Post-copy is not used: the guest arrives paused, because no lock protects its disks."
        return warns("postcopy", text, "Use storage with working locks, virtlockd or sanlock.", About.OPTION)
    if wishes.copy_disks:
        return warns("postcopy", "Post-copy is not used while disks are copied.", about=About.OPTION)
    if guest.huge_page_bytes is not None and (guest.huge_page_bytes == 0 or guest.huge_page_bytes >= _GIB):
        return warns(
            "postcopy",
            "With huge pages of 1 GiB each missing page would stop the guest for a second or more.",
            "Allow no post-copy.",
            About.OPTION,
        )
    if guest.state is VMState.PAUSED:
        return passes("postcopy", "A paused VM needs no post-copy.")
    return passes("postcopy", "Post-copy may be used.")


def _too_old(case: Case) -> str:
    if case.source.kind != "qemu" and case.source.kind != "sim":
        return ""
    for place in (case.source, case.destination):
        if place.qemu[:2] < PARALLEL_POSTCOPY_QEMU:
            return f"{place.name} has {spoken(place.qemu)}"
    return ""


def methods(case: Case) -> Finding:
    """Wishes that contradict each other."""
    wishes = case.wishes
    if case.offline:
        if wishes.copy_disks:
            text = "Disks are copied of a running VM only; of one that is down its definition moves alone."
            return refuses("methods", text, "Start it first, or put its disks on shared storage.", About.OPTION)
        return passes("methods", "No memory is copied: how it would be does not matter.")
    if wishes.xbzrle and wishes.parallel:
        return refuses(
            "methods", "XBZRLE does not work over parallel connections.", "Choose one of the two.", About.OPTION
        )
    if wishes.copy_disks and case.guest.state is not VMState.UP:
        return refuses("methods", "Disks are copied of a running VM only.", about=About.OPTION)
    return passes("methods", "The chosen ways of copying go together.")


def zero_copy(case: Case) -> Finding:
    """The kernel sends the guest's own pages: QEMU locks them, so its limit of locked memory has to hold them."""
    wishes = case.wishes
    if not wishes.zero_copy or case.offline:
        return passes("zero_copy", "Zero-copy is not wished for.")
    if not wishes.parallel or wishes.tls or wishes.xbzrle:
        text = "Zero-copy works over parallel connections only, without TLS and without XBZRLE."
        return refuses("zero_copy", text, "Choose parallel connections, or do without.", About.OPTION)
    for place in (case.source, case.destination):
        if (place.qemu and place.qemu < _ZERO_COPY_QEMU) or (place.libvirt and place.libvirt < _ZERO_COPY_LIBVIRT):
            text = f"{place.name} has QEMU {spoken(place.qemu)} and libvirt {spoken(place.libvirt)}."
            return refuses("zero_copy", f"Zero-copy needs QEMU 7.1 and libvirt 8.5: {text}", about=About.OPTION)
    limit = case.guest.memory_limit_bytes
    if limit is not None and limit < case.guest.memory_bytes:
        text = "Zero-copy locks all of the guest's memory; its hard limit (memtune) is lower than that."
        return refuses("zero_copy", text, "Raise the limit, or do without zero-copy.", About.VM)
    return passes("zero_copy", "Its pages are sent where they lie; libvirt lets QEMU lock its memory meanwhile.")
