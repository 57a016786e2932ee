"""May this guest move there? What a destination refuses, and what the source's daemon finds before anything moves."""

from hosts.virt.errors import JobConflict, MigrationRefused, Unsupported, VirtError, WrongState
from hosts.virt.records import DomainFacts, DomainState, MigrateSpec, Refusal
from hosts.virt.sim.guest import Copy
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.migration import SimMigration
from hosts.virt.sim.offline import OfflineMove
from hosts.virt.sim.phases import Phase
from hosts.virt.sim.power import copy_on
from hosts.virt.sim.world import World

#: below, QEMU loses the VM when multifd and post-copy meet (migration.md section 0, finding 6)
_PARALLEL_POSTCOPY_QEMU = (10, 1)


def refusals(host: SimHost, domain: DomainFacts) -> list[Refusal]:
    """As the destination, in the order in which a person would mend them."""
    return [
        refusal
        for refusal in (
            _virt_type(host, domain),
            _machine(host, domain),
            _cpu(host, domain),
            _memory(host, domain),
            *_clashes(host, domain),
            *_networks(host, domain),
        )
        if refusal is not None
    ]


def _virt_type(host: SimHost, domain: DomainFacts) -> Refusal | None:
    offered = host.facts().virt_types
    if not domain.virt_type or domain.virt_type in offered:
        return None
    return Refusal(
        check="virt_type",
        reason=f"The VM runs by “{domain.virt_type}”; the host offers {', '.join(sorted(offered))}.",
        remedy="Choose a host with the same acceleration.",
    )


def _machine(host: SimHost, domain: DomainFacts) -> Refusal | None:
    if not domain.machine or domain.machine in host.machine_types:
        return None
    return Refusal(
        check="machine_type",
        reason=f"The host's QEMU does not offer the machine type {domain.machine}.",
        remedy=f"Choose a host whose QEMU is newer than {host.qemu_version}, or update QEMU on {host.name}.",
    )


def _cpu(host: SimHost, domain: DomainFacts) -> Refusal | None:
    if host.runs_cpu(domain.cpu_model):
        return None
    return Refusal(
        check="cpu",
        reason=f"The host's CPU ({host.cpu_model}) cannot run the guest's CPU model {domain.cpu_model}.",
        remedy="Give the guest a CPU model that all hosts of its cluster can run.",
    )


def _memory(host: SimHost, domain: DomainFacts) -> Refusal | None:
    free = host.memory_bytes - host.memory_promised_bytes()
    if domain.max_memory_bytes <= free:
        return None
    gib = 1 << 30
    return Refusal(
        check="memory",
        reason=f"The guest needs {domain.max_memory_bytes / gib:.1f} GiB; {max(0, free) / gib:.1f} GiB are free.",
        remedy=f"Move other VMs away from {host.name} first.",
    )


def _clashes(host: SimHost, domain: DomainFacts) -> list[Refusal]:
    found = []
    same = host.copies.get(domain.uuid)
    if same is not None and same.active:
        found.append(Refusal(check="uuid", reason="This VM is already active on the host."))
    for copy in host.copies.values():
        if copy.guest.name == domain.name and copy.guest.uuid != domain.uuid:
            reason = f"Another VM on the host is already named “{domain.name}”."
            found.append(Refusal(check="name", reason=reason, remedy="Rename one of the two."))
    return found


def _networks(host: SimHost, domain: DomainFacts) -> list[Refusal]:
    there = {"network": host.networks, "bridge": host.bridges}
    return [
        Refusal(
            check="network",
            reason=f"The {nic.kind} “{nic.source}” does not exist on {host.name}.",
            remedy=f"Create it on {host.name}, under the same name.",
        )
        for nic in domain.nics
        if nic.kind in there and nic.source not in there[nic.kind]
    ]


#: refusal -> the code and domain with which libvirt's migrate call fails
_CODES = {
    "virt_type": (67, 10),
    "machine_type": (67, 10),
    "cpu": (91, 10),
    "memory": (1, 10),
    "uuid": (55, 20),
    "name": (9, 20),
}


def start_migration(
    world: World, source: SimHost, destination_name: str, spec: MigrateSpec
) -> SimMigration | OfflineMove:
    """Check as the daemons do, then begin. NoSuchDomain, WrongState, JobConflict, MigrationRefused, Unsupported."""
    copy = copy_on(source, spec.uuid)
    if spec.offline:
        return _start_offline(world, source, destination_name, spec)
    if spec.resume_postcopy:
        return _resume_postcopy(world, source, destination_name, spec.uuid)
    if spec.uuid in world.migrations:
        raise JobConflict("another migration job is already running for domain", code=55, domain=10)
    if not copy.active:
        raise WrongState("domain is not running", code=55, domain=10)
    _check_way(source, copy, spec)
    destination = _reach(world, source, destination_name)
    if spec.tls and not (source.migration_tls and destination.migration_tls):
        text = "Unable to access credentials /etc/pki/qemu/ca-cert.pem"
        raise MigrationRefused(text, code=1, domain=10)
    found = refusals(destination, copy.facts())
    if found:
        code, domain = _CODES.get(found[0].check, (38, 10))
        raise MigrationRefused(found[0].reason, code=code, domain=domain)
    if spec.max_downtime_ms is not None:
        copy.guest.max_downtime_ms = spec.max_downtime_ms
    job = SimMigration(world, copy.guest, source, destination, spec)
    job.begin()
    return job


def _check_way(source: SimHost, copy: Copy, spec: MigrateSpec) -> None:
    """What QEMU, or libvirt for it, refuses of a way of moving."""
    if spec.postcopy and spec.parallel and _version(source.qemu_version) < _PARALLEL_POSTCOPY_QEMU:
        raise Unsupported("Post-copy together with parallel channels needs QEMU 10.1; below, the VM can be lost.")
    stands = copy.status.state is DomainState.PAUSED
    if stands and (spec.postcopy or spec.copy_disks):
        raise WrongState("a guest that stands still has no post-copy and no copy of its disks", code=74, domain=10)
    if spec.xbzrle and spec.parallel:
        raise Unsupported("XBZRLE does not work over parallel connections", code=74, domain=10)
    if spec.zero_copy and (not spec.parallel or spec.tls):
        raise Unsupported("zero-copy is only available for parallel migration, without TLS", code=55, domain=10)


def _start_offline(world: World, source: SimHost, destination_name: str, spec: MigrateSpec) -> OfflineMove:
    """The definition alone: no memory is needed there, and nothing is asked of its CPU."""
    copy = copy_on(source, spec.uuid)
    if copy.active or not copy.persistent:
        raise WrongState("The VM runs: only of one that is down the definition alone can move.", code=55, domain=10)
    destination = _reach(world, source, destination_name)
    clashes = _clashes(destination, copy.facts())
    if clashes:
        code, domain = _CODES[clashes[0].check]
        raise MigrationRefused(clashes[0].reason, code=code, domain=domain)
    move = OfflineMove(world, copy.guest, source, destination, spec)
    move.begin()
    return move


def _resume_postcopy(world: World, source: SimHost, destination_name: str, uuid: str) -> SimMigration:
    """VIR_MIGRATE_POSTCOPY_RESUME: the same call again (migration.md G01, G02, G11)."""
    job = world.migrations.get(uuid)
    if job is None or not job.postcopy_used or job.source is not source:
        raise WrongState("migration of domain is not in post-copy phase", code=55, domain=10)
    if not job.ticket.done:
        text = "migration of domain is being actively monitored by another thread"
        raise JobConflict(text, code=55, domain=10)
    if job.phase is not Phase.PAUSED:
        raise JobConflict("QEMU reports migration is still running", code=55, domain=10)
    _reach(world, source, destination_name)
    job.resume_postcopy()
    return job


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def _reach(world: World, source: SimHost, name: str) -> SimHost:
    """The destination, as the source's daemon finds it."""
    destination = world.hosts.get(name)
    if destination is None:
        raise MigrationRefused(f"unable to connect to server at '{name}': Unable to resolve address", code=38, domain=7)
    if destination is source:
        reason = f"Attempt to migrate guest to the same host {source.uuid}"
        raise MigrationRefused(reason, code=1, domain=10)
    error: VirtError | None = None
    if not destination.daemon_up:
        error = MigrationRefused(f"unable to connect to server at '{name}': Connection refused", code=38, domain=7)
    elif not world.links.open(source.name, name, t=world.t):
        error = MigrationRefused(f"unable to connect to server at '{name}': No route to host", code=38, domain=7)
    if error is not None:
        raise error
    return destination
