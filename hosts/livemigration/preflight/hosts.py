"""Checks of the two hosts: where they stand, whether one reaches the other, their software."""

from hosts.livemigration.preflight.records import Case, Finding, Version, passes, refuses, spoken, warns
from hosts.states import HostState

#: below, QEMU can lose the VM when parallel connections and post-copy meet (migration.md, section 0, finding 6)
PARALLEL_POSTCOPY_QEMU = (10, 1)


def not_here_already(case: Case) -> Finding:
    if case.source.pk == case.destination.pk:
        return refuses("place", "The VM is on this host.")
    if case.source.machine_uuid and case.source.machine_uuid == case.destination.machine_uuid:
        return refuses("place", f"It is the same machine as {case.source.name}, under another address.")
    return passes("place", "It is another machine.")


def same_cluster(case: Case) -> Finding:
    if case.source.datacenter_pk != case.destination.datacenter_pk:
        return refuses("cluster", f"It is in another data center ({case.destination.datacenter}).")
    if case.source.cluster_pk != case.destination.cluster_pk:
        remedy = "A VM migrates live within its cluster."
        return refuses("cluster", f"It is in another cluster ({case.destination.cluster}).", remedy)
    return passes("cluster", "Both hosts are in one cluster.")


def host_is_up(case: Case) -> Finding:
    state = case.destination.state
    if state is HostState.UP:
        return passes("host_state", "The host is up.")
    kept = state in (HostState.MAINTENANCE, HostState.PREPARING)
    return refuses(
        "host_state", f"The host is {state.label.lower()}.", "Activate it first." if kept else case.destination.error
    )


def transport(case: Case) -> Finding:
    """The source's daemon opens the destination's URI itself: one without a host would lead it back to itself."""
    source, destination = case.source, case.destination
    if source.kind != destination.kind or source.kind == "test":
        return refuses("transport", f"A {source.kind} host cannot send a VM to a {destination.kind} host.")
    if not destination.address:
        return refuses(
            "transport",
            f"Its URI names no host, so {source.name} cannot find it.",
            "Add it to Godwit as qemu+tls://NAME/system or qemu+ssh://NAME/system.",
        )
    return passes("transport", f"{source.name} finds it as {destination.address}.")


def reached(case: Case) -> Finding:
    proof, source, destination = case.proof, case.source, case.destination
    where = destination.migration_address or destination.address
    remedy = f"{source.name} must resolve and reach {destination.address}, and {where} at the ports 49152 to 49215."
    if proof.failure:
        return warns("reach", f"{source.name} did not reach it the last time: {proof.failure}", remedy)
    if proof.reached_at is None:
        return warns("reach", f"Not proved: {source.name} has not sent it a VM yet.", remedy)
    return passes("reach", f"{source.name} reached it on {proof.reached_at:%Y-%m-%d %H:%M} UTC.")


def libvirt_version(case: Case) -> Finding:
    """Versions by themselves refuse nothing; known faults of some are worth a word."""
    for place, outgoing in ((case.source, True), (case.destination, False)):
        if fault := fault_of(place.libvirt, outgoing=outgoing, postcopy=case.wishes.postcopy):
            text, fixed = fault
            return warns(
                "libvirt", f"libvirt {spoken(place.libvirt)} on {place.name}: {text}", f"Fixed in libvirt {fixed}."
            )
    if not case.source.libvirt or not case.destination.libvirt:
        return warns("libvirt", "The version of libvirt is not known on both hosts yet.")
    return passes("libvirt", f"libvirt {spoken(case.source.libvirt)} to {spoken(case.destination.libvirt)}.")


def fault_of(version: Version, *, outgoing: bool, postcopy: bool) -> tuple[str, str] | None:
    """(what goes wrong, the version that mends it), from libvirt's own release notes (migration.md, section 1.6)."""
    if not version:
        return None
    if outgoing and version[:2] == (8, 8):
        return "its daemon crashes when it is restarted during a migration.", "8.9"
    if not outgoing and postcopy and (11, 2) <= version[:2] <= (11, 3):
        return "its daemon crashes when a broken post-copy is resumed.", "11.4"
    if outgoing and version[:2] >= (10, 0) and version[:2] < (10, 5):
        return "its daemon can crash when the guest shuts down while it moves.", "10.5"
    return None


def qemu_version(case: Case) -> Finding:
    source, destination = case.source.qemu, case.destination.qemu
    if not source or not destination:
        if case.source.kind == "qemu":
            return warns("qemu", "The version of QEMU is not known on both hosts yet.")
        return passes("qemu", "No version to compare.")
    said = f"QEMU {spoken(source)} to {spoken(destination)}."
    if destination[0] == 10 and case.destination.libvirt and case.destination.libvirt < (11, 10):
        return warns(
            "qemu",
            f"{said} libvirt there may refuse guests of several threads a core (“extra features: ht”).",
            "Fixed in libvirt 11.10.",
        )
    if destination[:2] < source[:2]:
        return warns(
            "qemu", f"{said} It goes to an older QEMU: it works where that one has the machine type, and only there."
        )
    return passes("qemu", said)


def tls(case: Case) -> Finding:
    if not case.wishes.tls or case.offline:
        return passes("tls", "The guest's memory travels unencrypted.")
    for place in (case.source, case.destination):
        if place.migration_tls is False:
            return refuses(
                "tls",
                f"TLS for migrations is not set up on {place.name}.",
                "Put QEMU's certificates into /etc/pki/qemu there, or migrate without TLS.",
            )
    if case.proof.tls_at is None and not (case.source.migration_tls and case.destination.migration_tls):
        return warns(
            "tls",
            "Whether TLS for migrations is set up is not known; libvirt says so after 2 s, and the guest stays.",
            "State it on both hosts' pages once /etc/pki/qemu holds their certificates.",
        )
    return passes("tls", "The guest's memory travels by TLS.")


def keepalive(case: Case) -> Finding:
    """The daemons' keepalive decides how long a dead link keeps a guest waiting (migration.md, finding 9)."""
    slow = [place.name for place in (case.source, case.destination) if not place.keepalive_tuned]
    if not slow:
        return passes("keepalive", "A lost link is noticed within 4 s.")
    return warns(
        "keepalive",
        f"A link that breaks may be noticed only after 28 s ({_and(slow)}: libvirt's default, as far as Godwit knows).",
        "Set keepalive_interval = 1 and keepalive_count = 3 in qemu.conf, restart the daemon, and state it in Checks.",
    )


def _and(names: list[str]) -> str:
    return " and ".join(names)
