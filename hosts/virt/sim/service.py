"""The daemons' side of the driver: each call of :class:`hosts.virt.driver.Driver`, by name, on a world.

Used by the in-process driver and by the server alike, so that both say the same.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from hosts.virt.errors import HostLost, HostUnreachable, JobConflict, OperationFailed, WrongState
from hosts.virt.records import (
    DirtyRate,
    DomainFacts,
    DomainStats,
    DomainStatus,
    HostFacts,
    HostStats,
    JobStats,
    JobType,
    MigrateSpec,
    PowerVerb,
    Refusal,
)
from hosts.virt.sim import admission
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.memory import dirtied_bytes
from hosts.virt.sim.migration import SimMigration
from hosts.virt.sim.power import change_power, copy_on, discard_copy
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.world import World


class NoAnswer(Exception):
    """The host takes the call and stays silent: only the caller's own deadline ends it."""


def open_connection(world: World, name: str) -> int:
    """Connect to a host; the epoch that every later call names. HostUnreachable, NoAnswer."""
    host = world.hosts.get(name)
    if host is None:
        raise HostUnreachable(f"The simulated datacenter has no host “{name}”.", code=38, domain=7)
    if not host.reachable:
        raise NoAnswer
    if not host.daemon_up:
        raise HostUnreachable(f"unable to connect to server at '{name}': Connection refused", code=38, domain=7)
    if host.frozen:
        raise NoAnswer
    return host.epoch


def call(world: World, name: str, epoch: int, method: str, args: dict[str, object]) -> object:
    """Answer one call, with a record, a list, None, or a :class:`Ticket` for what lasts. VirtError, NoAnswer."""
    host = world.hosts.get(name)
    if host is None or host.epoch != epoch:
        raise HostLost("the connection to the host is closed", code=38, domain=7)
    if not host.answers:
        raise NoAnswer
    return METHODS[method](world, host, **args)


def host_facts(world: World, host: SimHost) -> HostFacts:
    return host.facts()


def host_stats(world: World, host: SimHost) -> HostStats:
    used = 0.0
    for uuid, copy in host.copies.items():
        if copy.active and copy.guest.home == host.name and uuid in world.guests:
            copy.guest.meter.reach(world.t)
            used += copy.guest.meter.cpu_s
    return host.stats(t=world.t, at=world.now(), guest_cpu_s=used)


def domains(world: World, host: SimHost) -> list[DomainFacts]:
    return [copy.facts() for copy in host.copies.values()]


def domain(world: World, host: SimHost, *, uuid: str) -> DomainFacts:
    return copy_on(host, uuid).facts()


def domain_status(world: World, host: SimHost, *, uuid: str) -> DomainStatus:
    return copy_on(host, uuid).status


def domain_stats(world: World, host: SimHost) -> list[DomainStats]:
    at = world.now()
    return [copy.stats(t=world.t, at=at, counting=copy.guest.home == host.name) for copy in list(host.copies.values())]


def power(world: World, host: SimHost, *, uuid: str, verb: PowerVerb) -> Ticket | None:
    return change_power(world, host, uuid, verb)


def discard(world: World, host: SimHost, *, uuid: str, seen: DomainStatus, definition: bool) -> None:
    discard_copy(world, host, uuid, seen=seen, definition=definition)


def refusals(world: World, host: SimHost, *, domain: DomainFacts) -> list[Refusal]:
    return admission.refusals(host, domain)


def measure_dirty_rate(world: World, host: SimHost, *, uuid: str, seconds: int) -> Ticket:
    """Page sampling: the guest's own f(T) with the scatter of 512 samples a GiB."""
    if not 1 <= seconds <= 60:
        raise OperationFailed("period must be 1 to 60 seconds", code=67, domain=10)
    copy = copy_on(host, uuid)
    if not copy.active:
        raise WrongState("domain is not running", code=55, domain=10)
    ticket, guest, at = Ticket(), copy.guest, world.now()

    def done() -> None:
        true = dirtied_bytes(guest.classes, float(seconds), guest.meter.level) / seconds
        scatter = world.chance("dirty", guest.uuid, round(world.t, 3)).uniform(0.92, 1.08)
        guest.dirty_rate = DirtyRate(bytes_per_s=round(true * scatter, 1), period_s=float(seconds), at=at)
        ticket.finish(guest.dirty_rate)

    world.after(float(seconds), done)
    return ticket


def migrate(world: World, host: SimHost, *, spec: MigrateSpec) -> Ticket:
    place = urlsplit(spec.destination_uri)
    if place.scheme != "sim" or not place.hostname:
        raise OperationFailed("a simulated guest moves to sim://NAME only", code=8, domain=10)
    return admission.start_migration(world, host, place.hostname, spec).ticket


def _outgoing(world: World, host: SimHost, uuid: str) -> SimMigration | None:
    """The running migration of that guest, if it leaves this host."""
    copy_on(host, uuid)
    job = world.migrations.get(uuid)
    if job is not None and job.destination is host:
        raise OperationFailed("migration statistics are available only on the source host", code=84, domain=10)
    return job


def job_stats(world: World, host: SimHost, *, uuid: str) -> JobStats:
    job = _outgoing(world, host, uuid)
    return JobStats(at=world.now(), type=JobType.NONE) if job is None else job.job_stats()


def completed_job_stats(world: World, host: SimHost, *, uuid: str) -> JobStats | None:
    copy_on(host, uuid)
    return world.completed.get((host.name, uuid))


def _job(world: World, host: SimHost, uuid: str) -> SimMigration:
    job = _outgoing(world, host, uuid)
    if job is None or job.job_type is not JobType.RUNNING:
        raise JobConflict("no job is active on the domain", code=55, domain=10)
    return job


def abort_job(world: World, host: SimHost, *, uuid: str, postcopy: bool = False) -> None:
    job = _job(world, host, uuid)
    if postcopy:
        job.pause_postcopy()
    else:
        job.abort()


def set_bandwidth(world: World, host: SimHost, *, uuid: str, bytes_per_s: int | None) -> None:
    _job(world, host, uuid).set_cap(bytes_per_s)


def set_max_downtime(world: World, host: SimHost, *, uuid: str, milliseconds: int) -> None:
    """Lives as long as this QEMU process: may be set before the migration."""
    if not 1 <= milliseconds <= 2_000_000:
        raise OperationFailed("the downtime is 1 to 2000000 ms", code=67, domain=10)
    copy = copy_on(host, uuid)
    if not copy.active:
        raise WrongState("domain is not running", code=55, domain=10)
    copy.guest.max_downtime_ms = milliseconds


def start_postcopy(world: World, host: SimHost, *, uuid: str) -> None:
    _job(world, host, uuid).start_postcopy()


METHODS: dict[str, Callable[..., object]] = {
    each.__name__: each
    for each in (
        host_facts,
        host_stats,
        domains,
        domain,
        domain_status,
        domain_stats,
        power,
        discard,
        refusals,
        measure_dirty_rate,
        migrate,
        job_stats,
        completed_job_stats,
        abort_job,
        set_bandwidth,
        set_max_downtime,
        start_postcopy,
    )
}
