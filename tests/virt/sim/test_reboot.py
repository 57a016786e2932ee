"""Rebooting a simulated host …"""

from collections.abc import Iterator

import pytest

from hosts.virt.clock import ManualClock
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.errors import HostUnreachable, OperationFailed, VirtError
from hosts.virt.records import DomainState, MigrateSpec
from hosts.virt.sim import door
from hosts.virt.sim.admission import start_migration
from hosts.virt.sim.local import use_world
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import add_guest, add_host


@pytest.fixture
def world() -> Iterator[World]:
    world = World(clock=ManualClock())
    add_host(world, "s1")
    add_host(world, "s2")
    with use_world(world):
        yield world


def wait(world: World, seconds: float) -> None:
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(seconds)
    with world.present():
        pass


def open_host(name: str) -> Driver:
    return connect(f"sim://{name}", deadline_s=2.0)


def uptime_s(name: str) -> float:
    driver = open_host(name)
    return (driver.host_stats().cpu_total_s or 0.0) / driver.host_facts().cpus


def test_it_closes_every_connection_and_refuses_new_ones_until_it_has_booted(world: World) -> None:
    driver = open_host("s1")
    door.give("reboot s1")
    assert not driver.alive()
    with pytest.raises(HostUnreachable):
        open_host("s1")
    wait(world, 21.0)
    with pytest.raises(HostUnreachable):
        open_host("s1")
    wait(world, 2.0)
    assert open_host("s1").host_facts().hostname == "s1"


def test_it_begins_its_counters_anew(world: World) -> None:
    wait(world, 1000.0)
    assert uptime_s("s1") == pytest.approx(1000.0)
    door.give("reboot s1")
    wait(world, 32.0)
    assert uptime_s("s1") == pytest.approx(10.0)


def test_it_ends_its_guests_and_keeps_their_definitions(world: World) -> None:
    guest = add_guest(world, "db", "s1")
    door.give("reboot s1")
    wait(world, 30.0)
    assert open_host("s1").domain_status(guest.uuid).state is DomainState.SHUTOFF


@pytest.mark.parametrize("rebooted", ["s1", "s2"])
@pytest.mark.parametrize("after_s", [0.1, 1.0, 2.5])
def test_it_ends_migrations_from_and_to_it_and_the_guest_runs_on_one_host_at_most(
    world: World, rebooted: str, after_s: float
) -> None:
    guest = add_guest(world, "db", "s1", touched_mib=900, memory_mib=1024)
    with world.present():
        start_migration(world, world.hosts["s1"], "s2", MigrateSpec(uuid=guest.uuid, destination_uri="sim://s2"))
    wait(world, after_s)
    door.give(f"reboot {rebooted}")
    wait(world, 60.0)
    with world.present():
        running = [name for name, copy in world.copies_of(guest.uuid).items() if copy.active]
        assert guest.uuid not in world.migrations
    assert len(running) <= 1
    if rebooted == "s2":
        assert running == ["s1"]


def test_it_does_not_come_back_where_it_was_told_to_stay_down(world: World) -> None:
    door.give("stay-down s1")
    door.give("reboot s1")
    wait(world, 3600.0)
    with pytest.raises(HostUnreachable):
        open_host("s1")
    door.give("power-on s1")
    wait(world, 25.0)
    assert open_host("s1").alive()


def test_it_begins_again_when_power_is_cut_while_it_boots(world: World) -> None:
    door.give("reboot s1")
    wait(world, 10.0)
    door.give("power-off s1")
    wait(world, 100.0)
    with pytest.raises(HostUnreachable):
        open_host("s1")


def test_a_host_without_power_is_not_brought_up_by_its_daemon(world: World) -> None:
    door.give("power-off s1")
    door.give("start-daemon s1")
    with pytest.raises(VirtError):
        open_host("s1")


def test_the_door_says_why_an_order_makes_no_sense(world: World) -> None:
    with pytest.raises(OperationFailed, match="no simulated host"):
        door.give("reboot s9")
