"""Ways in which a simulated guest moves: it …"""

from collections.abc import Callable

import pytest

from hosts.virt.clock import ManualClock
from hosts.virt.errors import MigrationRefused, Unsupported, WrongState
from hosts.virt.records import DomainState, JobStats, MigrateSpec, PowerVerb
from hosts.virt.sim import faults, service
from hosts.virt.sim.guest import SimGuest
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import MIB, small_world


@pytest.fixture
def world() -> World:
    return small_world(ManualClock())


def start(world: World, guest: SimGuest, **changes: object) -> Ticket:
    spec = MigrateSpec(uuid=guest.uuid, destination_uri="sim://h2", **changes)  # type: ignore[arg-type]
    with world.present():
        ticket = service.call(world, "h1", world.hosts["h1"].epoch, "migrate", {"spec": spec})
    assert isinstance(ticket, Ticket)
    return ticket


def wait(world: World, until: Callable[[], object], seconds: float = 600.0) -> float:
    """Seconds until it is true."""
    began = world.clock.monotonic()
    while True:
        with world.present():
            if until():
                return world.clock.monotonic() - began
        assert world.clock.monotonic() - began < seconds
        world.clock.sleep(0.1)


def job(world: World, guest: SimGuest) -> JobStats:
    with world.present():
        found = service.call(world, "h1", world.hosts["h1"].epoch, "job_stats", {"uuid": guest.uuid})
    assert isinstance(found, JobStats)
    return found


def states(world: World, guest: SimGuest) -> dict[str, tuple[str, str]]:
    with world.present():
        copies = world.copies_of(guest.uuid)
    return {name: (str(copy.status.state), copy.status.reason) for name, copy in copies.items()}


def paused(world: World) -> SimGuest:
    guest = world.guest_named("busy")
    with world.present():
        service.power(world, world.hosts["h1"], uuid=guest.uuid, verb=PowerVerb.PAUSE)
    return guest


def test_a_paused_guest_arrives_paused_and_goes_on_when_resumed(world: World) -> None:
    guest = paused(world)
    heard: list[str] = []
    world.watch(lambda _host, event: heard.append(event.detail))
    ticket = start(world, guest)
    wait(world, lambda: ticket.done)
    assert ticket.error is None
    assert states(world, guest) == {"h2": ("paused", "user")}
    assert "suspended/migrated" not in heard
    assert "resumed/migrated" not in heard
    with world.present():
        service.power(world, world.hosts["h2"], uuid=guest.uuid, verb=PowerVerb.RESUME)
        assert guest.meter.level > 0


def test_a_paused_guest_stays_paused_where_its_migration_fails(world: World) -> None:
    guest = paused(world)
    ticket = start(world, guest, bandwidth_bytes_per_s=20 * MIB)
    wait(world, lambda: job(world, guest).processed_bytes)
    with world.present():
        faults.kill_destination(world, guest.uuid)
    wait(world, lambda: ticket.done)
    assert states(world, guest) == {"h1": ("paused", "user")}


@pytest.mark.parametrize("way", [{"postcopy": True}, {"copy_disks": True}])
def test_a_paused_guest_has_no_postcopy_and_no_copy_of_disks(world: World, way: dict[str, object]) -> None:
    with pytest.raises(WrongState):
        start(world, paused(world), **way)


def test_disks_travel_before_memory_and_tell_how_far_they_are(world: World) -> None:
    guest = world.guest_named("busy")
    moving = start(world, guest)
    plain = wait(world, lambda: moving.done)
    assert states(world, guest) == {"h2": ("running", "migrated")}
    world = small_world(ManualClock())
    guest = world.guest_named("busy")
    guest.disk_bytes = 2 << 30
    ticket = start(world, guest, copy_disks=True)
    wait(world, lambda: job(world, guest).disk_processed_bytes)
    first = job(world, guest)
    assert (first.total_bytes, first.iteration) == (0, 0)
    assert first.disk_remaining_bytes > 0
    took = wait(world, lambda: ticket.done)
    assert ticket.error is None
    # 2 GiB at 330 MiB/s are 6 s
    assert took > plain + 5
    with world.present():
        kept = world.completed["h2", guest.uuid]
    assert kept.disk_remaining_bytes == 0
    assert kept.disk_total_bytes >= 2 << 30


def test_a_copy_of_disks_is_aborted_like_any_other(world: World) -> None:
    guest = world.guest_named("busy")
    ticket = start(world, guest, copy_disks=True, bandwidth_bytes_per_s=20 * MIB)
    wait(world, lambda: job(world, guest).disk_processed_bytes)
    with world.present():
        service.abort_job(world, world.hosts["h1"], uuid=guest.uuid)
    wait(world, lambda: ticket.done)
    assert states(world, guest) == {"h1": ("running", "booted")}


def test_a_disk_that_is_written_faster_than_the_line_sends_never_arrives(world: World) -> None:
    guest = world.guest_named("busy")
    guest.meter.means = type(guest.meter.means)(disk_write=40.0 * MIB)
    ticket = start(world, guest, copy_disks=True, bandwidth_bytes_per_s=20 * MIB)
    world.clock.sleep(300)
    assert not ticket.done
    assert job(world, guest).total_bytes == 0


def test_differences_of_pages_let_a_guest_converge_that_would_not(world: World) -> None:
    guest = world.guest_named("busy")
    guest.classes = (type(guest.classes[0])(bytes=150 * MIB, bytes_per_s=90 * MIB, sequential=True),)
    ticket = start(world, guest, bandwidth_bytes_per_s=60 * MIB)
    world.clock.sleep(60)
    with world.present():
        assert not ticket.done
        service.abort_job(world, world.hosts["h1"], uuid=guest.uuid)
    wait(world, lambda: ticket.done)
    again = start(world, guest, bandwidth_bytes_per_s=60 * MIB, xbzrle=True)
    assert wait(world, lambda: again.done, seconds=30) < 30
    assert again.error is None


def test_tls_needs_certificates_on_both_hosts(world: World) -> None:
    guest = world.guest_named("busy")
    world.hosts["h2"].migration_tls = False
    with pytest.raises(MigrationRefused, match="credentials"):
        start(world, guest, tls=True)
    world.hosts["h2"].migration_tls = True
    ticket = start(world, guest, tls=True)
    wait(world, lambda: ticket.done)
    assert ticket.error is None


def test_a_fast_line_is_filled_by_several_connections_only(world: World) -> None:
    took = {}
    for parallel in (0, 4):
        world = small_world(ManualClock())
        for host in world.hosts.values():
            host.line_bytes_per_s = 11_900.0 * MIB
        guest = world.guest_named("busy")
        guest.memory_bytes, guest.touched_bytes = 12 << 30, 12 << 30
        ticket = start(world, guest, parallel=parallel)
        took[parallel] = wait(world, lambda ticket=ticket: ticket.done)
    assert took[0] > 1.5 * took[4]


@pytest.mark.parametrize("way", [{"xbzrle": True, "parallel": 4}, {"zero_copy": True}])
def test_it_refuses_what_qemu_refuses(world: World, way: dict[str, object]) -> None:
    with pytest.raises(Unsupported):
        start(world, world.guest_named("busy"), **way)
    assert world.guest_named("busy").home == "h1"
    with world.present():
        assert world.hosts["h1"].copies[world.guest_named("busy").uuid].status.state is DomainState.RUNNING
