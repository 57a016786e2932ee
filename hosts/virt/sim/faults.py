"""Faults to order: hosts, daemons, links and QEMU processes fail, and come back.

Each function wants to be called inside the world's present.
"""

from hosts.virt.sim import outage
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.power import stop
from hosts.virt.sim.world import World

#: our own keepalive, setKeepAlive(5, 3): a silent host's connection dies that late (design.md section 3)
CLIENT_KEEPALIVE_S = 15.0
#: between a host's going down and its power coming back in a reboot
_DOWN_S = 2.0


def freeze(world: World, host: str) -> None:
    """The daemon stops answering (SIGSTOP); its guests run on."""
    world.hosts[host].frozen = True
    _close_when_still_silent(world, host)


def thaw(world: World, host: str) -> None:
    """The daemon goes on, and tells what happened meanwhile."""
    world.hosts[host].frozen = False
    world.say_unsaid(host)


def isolate(world: World, host: str) -> None:
    """Packets between us and the host vanish; the hosts still see each other."""
    world.hosts[host].reachable = False
    _close_when_still_silent(world, host)


def rejoin(world: World, host: str) -> None:
    """The host can be reached again."""
    world.hosts[host].reachable = True
    world.say_unsaid(host)


def _close_when_still_silent(world: World, host: str) -> None:
    there = world.hosts[host]
    epoch = there.epoch

    def close() -> None:
        if there.epoch == epoch and there.daemon_up and not there.answers:
            world.close_connections(host)

    world.after(CLIENT_KEEPALIVE_S, close)


def kill_daemon(world: World, host: str) -> None:
    """SIGKILL of the host's libvirtd: every connection ends at once, guests run on."""
    there = world.hosts[host]
    there.daemon_up = there.frozen = False
    for job in list(world.migrations.values()):
        if job.source is there:
            outage.source_daemon_died(job)
        elif job.destination is there:
            outage.destination_daemon_died(job)
    world.close_connections(host)


def start_daemon(world: World, host: str) -> None:
    """libvirtd runs again and finds its guests; not on a host without power."""
    world.hosts[host].daemon_up = world.hosts[host].powered


def restart_daemon(world: World, host: str, *, seconds: float = 3.0) -> None:
    """Killed, and back after ``seconds``."""
    kill_daemon(world, host)
    world.after(seconds, lambda: start_daemon(world, host))


def cut(world: World, one: str, other: str) -> None:
    """The line between two hosts goes dead without a word."""
    world.links.cut(one, other, t=world.t)


def mend(world: World, one: str, other: str) -> None:
    """The line between two hosts is well again."""
    world.links.mend(one, other, t=world.t)


def slow(world: World, one: str, other: str, *, bytes_per_s: float) -> None:
    """The line between two hosts passes no more than that."""
    world.links.slow(one, other, bytes_per_s=bytes_per_s)


def lossy(world: World, one: str, other: str, *, share: float) -> None:
    """The line between two hosts loses that share (0 to 1) of its packets."""
    world.links.lose(one, other, share=share)


def crash_guest(world: World, uuid: str) -> None:
    """The guest's QEMU dies (SIGKILL); while it moves, the source's."""
    guest = world.guests[uuid]
    job = world.migrations.get(uuid)
    host: SimHost = job.source if job is not None else world.hosts[guest.home]
    copy = host.copies.get(uuid)
    if copy is None or not copy.active:
        return
    if job is not None:
        outage.source_killed(job)
    stop(world, host, copy, reason="crashed", detail="stopped/failed")


def kill_destination(world: World, uuid: str) -> None:
    """The QEMU that receives the guest dies (SIGKILL). KeyError where the guest does not move."""
    outage.destination_killed(world.migrations[uuid])


def power_off(world: World, host: str) -> None:
    """The host's plug is pulled: its guests end without a word, and so do migrations from and to it."""
    there = world.hosts[host]
    there.boots += 1  # a boot that is under way is over
    if not there.powered:
        return
    there.powered = there.daemon_up = there.frozen = False
    for uuid, copy in list(there.copies.items()):
        job = world.migrations.get(uuid)
        if job is not None and there is job.destination:
            outage.destination_killed(job)
        elif copy.active:
            if job is not None:
                outage.source_killed(job)
            stop(world, there, copy, reason="crashed", detail="stopped/failed")
    kill_daemon(world, host)


def power_on(world: World, host: str) -> None:
    """It boots: its daemon answers after ``boot_s``, with counters that begin anew."""
    there = world.hosts[host]
    if there.powered:
        return
    there.boots += 1
    boot = there.boots
    there.powered = True

    def booted() -> None:
        if there.boots == boot:
            there.created_t, there.retired_cpu_s = world.t, 0.0
            start_daemon(world, host)

    world.after(there.boot_s, booted)


def reboot(world: World, host: str) -> None:
    """Down and up again, as by ``systemctl reboot``; one that was ordered to ``stay_down`` does not come back."""
    there = world.hosts[host]
    power_off(world, host)
    boots = there.boots
    if not there.stays_down:
        world.after(_DOWN_S, lambda: power_on(world, host) if there.boots == boots else None)


def stay_down(world: World, host: str) -> None:
    """Its next reboot is one that it does not come back from, until somebody powers it on."""
    world.hosts[host].stays_down = True


def come_up(world: World, host: str) -> None:
    """Powered on by a person, whatever kept it down."""
    world.hosts[host].stays_down = False
    power_on(world, host)
