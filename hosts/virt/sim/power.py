"""Power changes of simulated guests, with libvirt's states, reasons and events."""

from collections.abc import Callable

from hosts.virt.errors import JobConflict, NoSuchDomain, OperationFailed, WrongState
from hosts.virt.records import DomainState, DomainStatus, EventKind, PowerVerb
from hosts.virt.sim import outage
from hosts.virt.sim.guest import ACTIVE, Copy
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.phases import SAFE, Phase
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.world import World

_UP = frozenset({DomainState.RUNNING, DomainState.BLOCKED})
#: verb -> the states it may be given in; the same for every driver
_ALLOWED: dict[PowerVerb, frozenset[DomainState]] = {
    PowerVerb.START: frozenset({DomainState.SHUTOFF, DomainState.CRASHED}),
    PowerVerb.SHUTDOWN: _UP | {DomainState.SHUTDOWN},
    PowerVerb.POWER_OFF: ACTIVE | {DomainState.CRASHED},
    PowerVerb.REBOOT: _UP,
    PowerVerb.PAUSE: _UP,
    PowerVerb.RESUME: frozenset({DomainState.PAUSED}),
    PowerVerb.SUSPEND: _UP,
}
#: what a host writes of a guest's memory to its disk, bytes/s
_SAVED_BYTES_PER_S = 400e6
#: the source's half of a guest that runs on the destination
_HALVES = frozenset({"postcopy", "postcopy_failed"})


def copy_on(host: SimHost, uuid: str) -> Copy:
    """The host's copy of a guest; NoSuchDomain where it has none."""
    copy = host.copies.get(uuid)
    if copy is None:
        raise NoSuchDomain(f"Domain not found: no domain with matching uuid '{uuid}'", code=42, domain=10)
    return copy


def change_power(world: World, host: SimHost, uuid: str, verb: PowerVerb) -> Ticket | None:
    """What the daemon does with one verb; a ticket for what lasts. NoSuchDomain, WrongState, JobConflict,
    OperationFailed.
    """
    copy = copy_on(host, uuid)
    if copy.status.state not in _ALLOWED[verb]:
        raise WrongState(f"The VM is {copy.status.state}, so it cannot be asked to {verb.replace('_', ' ')}.", code=55)
    if verb is PowerVerb.RESUME and copy.status.reason in _HALVES:
        raise WrongState("The VM is in post-copy: its other half runs on the destination.", code=68)
    job = world.migrations.get(uuid)
    if job is not None and host in (job.source, job.destination) and verb is not PowerVerb.POWER_OFF:
        raise JobConflict("cannot acquire state change lock (held by the migration)", code=68, domain=10)
    if verb is PowerVerb.SUSPEND:
        return _suspend(world, host, copy)
    _VERBS[verb](world, host, copy)
    return None


def discard_copy(world: World, host: SimHost, uuid: str, *, seen: DomainStatus, definition: bool) -> None:
    """End the copy if it is still as it was seen. NoSuchDomain, WrongState, JobConflict."""
    copy = copy_on(host, uuid)
    if copy.status != seen:
        raise WrongState(f"The copy is {copy.status.state} ({copy.status.reason}) now.", code=55)
    if copy.active:
        _power_off(world, host, copy)
    if definition and host.copies.pop(uuid, None) is not None and copy.persistent:
        _say(world, host, copy, "undefined/removed")


def _start(world: World, host: SimHost, copy: Copy) -> None:
    guest = copy.guest
    if guest.memory_bytes > host.memory_bytes - host.memory_promised_bytes():
        raise OperationFailed("cannot set up guest memory 'pc.ram': Cannot allocate memory", code=1, domain=10)
    world.begin_process(guest, host.name)
    guest.max_downtime_ms = 300
    how = "restored" if copy.status.reason == "saved" else "booted"
    world.set_status(host.name, guest.uuid, DomainState.RUNNING, how)
    _say(world, host, copy, "resumed/unpaused")
    _say(world, host, copy, f"started/{how}")


def _shutdown(world: World, host: SimHost, copy: Copy) -> None:
    """ACPI: a running guest is off 2 to 6 s later."""
    delay = world.chance("shutdown", copy.guest.uuid, round(world.t, 3)).uniform(2.0, 6.0)
    world.after(delay, lambda: _guest_shuts_down(world, host, copy))


def _guest_shuts_down(world: World, host: SimHost, copy: Copy) -> None:
    uuid = copy.guest.uuid
    if host.copies.get(uuid) is not copy or copy.status.state is not DomainState.RUNNING or uuid in world.migrations:
        return
    _say(world, host, copy, "shutdown/guest")
    stop(world, host, copy, reason="shutdown", detail="stopped/shutdown")


def stop(world: World, host: SimHost, copy: Copy, *, reason: str, detail: str) -> None:
    """The copy's QEMU ends; a transient copy vanishes with it."""
    uuid = copy.guest.uuid
    if copy.guest.home == host.name:
        world.end_process(copy.guest)
    world.set_status(host.name, uuid, DomainState.SHUTOFF, reason)
    _say(world, host, copy, detail)
    if not copy.persistent:
        host.copies.pop(uuid, None)


def _power_off(world: World, host: SimHost, copy: Copy) -> None:
    job = world.migrations.get(copy.guest.uuid)
    if job is not None and job.phase is Phase.FINISHING:
        if host is job.destination:
            raise JobConflict("the migration is about to end", code=68, domain=10)
        outage.source_discarded(job)
    elif job is not None and host is job.destination:
        outage.destination_killed(job)
        if job.phase not in SAFE:
            return  # what is left of it goes by the migration's own hand
    elif job is not None and host is job.source:
        outage.source_killed(job)
    stop(world, host, copy, reason="destroyed", detail="stopped/destroyed")


def _reboot(world: World, host: SimHost, copy: Copy) -> None:
    """ACPI: a running guest is down and up again 1 to 3 s later, in the same QEMU process."""
    delay = world.chance("reboot", copy.guest.uuid, round(world.t, 3)).uniform(1.0, 3.0)
    world.after(delay, lambda: _guest_reboots(world, host, copy))


def _guest_reboots(world: World, host: SimHost, copy: Copy) -> None:
    if host.copies.get(copy.guest.uuid) is copy and copy.status.state is DomainState.RUNNING:
        world.emit(host.name, EventKind.REBOOT, copy.guest)


def _pause(world: World, host: SimHost, copy: Copy) -> None:
    if copy.guest.home == host.name:  # else the meter counts another copy, which runs on
        copy.guest.meter.set_level(world.t, 0.0)
    world.set_status(host.name, copy.guest.uuid, DomainState.PAUSED, "user")
    _say(world, host, copy, "suspended/paused")


def _resume(world: World, host: SimHost, copy: Copy) -> None:
    if _runs_elsewhere(world, host, copy):
        raise OperationFailed('Failed to get "write" lock', code=1, domain=10)
    if copy.guest.home == host.name:
        copy.guest.meter.set_level(world.t, 1.0)
    world.set_status(host.name, copy.guest.uuid, DomainState.RUNNING, "unpaused")
    _say(world, host, copy, "resumed/unpaused")


def _suspend(world: World, host: SimHost, copy: Copy) -> Ticket:
    """The guest stands still while its memory is written to a file; then its QEMU ends."""
    ticket, uuid = Ticket(), copy.guest.uuid
    _pause(world, host, copy)

    def saved() -> None:
        if host.copies.get(uuid) is not copy or copy.status.state is not DomainState.PAUSED:
            ticket.finish(error=OperationFailed("domain is not running any more", code=55, domain=10))
            return
        stop(world, host, copy, reason="saved", detail="stopped/saved")
        ticket.finish(None)

    world.after(copy.guest.touched_bytes / _SAVED_BYTES_PER_S, saved)
    return ticket


def _runs_elsewhere(world: World, host: SimHost, copy: Copy) -> bool:
    others = world.copies_of(copy.guest.uuid)
    return copy.guest.image_locked and any(
        name != host.name and other.status.state is DomainState.RUNNING for name, other in others.items()
    )


def _say(world: World, host: SimHost, copy: Copy, detail: str) -> None:
    world.emit(host.name, EventKind.LIFECYCLE, copy.guest, detail)


_VERBS: dict[PowerVerb, Callable[[World, SimHost, Copy], None]] = {
    PowerVerb.START: _start,
    PowerVerb.SHUTDOWN: _shutdown,
    PowerVerb.POWER_OFF: _power_off,
    PowerVerb.REBOOT: _reboot,
    PowerVerb.PAUSE: _pause,
    PowerVerb.RESUME: _resume,
}
