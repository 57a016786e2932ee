"""What happens on a host shows in its rows, by events alone."""

import pytest

from hosts.models import VM, Transition
from hosts.states import VMState
from hosts.virt.clock import WALL
from hosts.virt.connect import connect
from hosts.virt.records import DomainState, EventKind, PowerVerb
from hosts.virt.sim.world import World
from tests.telemetry.collecting import NO_BEAT, add, all_up, collecting, until, vm
from tests.virt.sim.worlds import add_guest

pytestmark = pytest.mark.django_db(transaction=True)


def power(host: str, row: VM, verb: PowerVerb) -> None:
    driver = connect(f"sim://{host}/")
    driver.power(str(row.uuid), verb)
    driver.close()


def test_it_sees_a_vm_stop_and_start_at_once(world: World) -> None:
    add("h1")
    with collecting(NO_BEAT):
        all_up("h1")
        started = vm("busy").up_since
        power("h1", vm("busy"), PowerVerb.POWER_OFF)
        until(lambda: vm("busy").state == VMState.DOWN, what="down")
        assert (vm("busy").reason, vm("busy").up_since) == ("destroyed", None)
        power("h1", vm("busy"), PowerVerb.START)
        until(lambda: vm("busy").state == VMState.UP, what="up")
    row = vm("busy")
    assert row.up_since > started
    assert row.up_since_exact is True
    told = Transition.objects.filter(noun="vm", row=row.pk, new="up").latest("at")
    assert told.because == "h1 says: running (booted)"


def test_it_sees_a_vm_pause_and_go_on(world: World) -> None:
    add("h1")
    with collecting(NO_BEAT):
        all_up("h1")
        started = vm("busy").up_since
        power("h1", vm("busy"), PowerVerb.PAUSE)
        until(lambda: vm("busy").state == VMState.PAUSED, what="paused")
        power("h1", vm("busy"), PowerVerb.RESUME)
        until(lambda: vm("busy").state == VMState.UP, what="up")
    assert vm("busy").up_since == started  # it was in memory all the time


def test_it_counts_the_uptime_from_a_reboot(world: World) -> None:
    add("h1")
    with collecting(NO_BEAT):
        all_up("h1")
        started = vm("busy").up_since
        with world.present():
            world.emit("h1", EventKind.REBOOT, world.guest_named("busy"))
        until(lambda: vm("busy").up_since > started, what="a new up_since")
    assert vm("busy").up_since_exact is True


def test_it_sees_a_vm_that_was_just_defined(world: World) -> None:
    add("h1")
    with collecting(NO_BEAT):
        all_up("h1")
        with world.present():
            add_guest(world, "fresh", "h1", running=False)
            world.emit("h1", EventKind.LIFECYCLE, world.guest_named("fresh"), "defined/added")
        until(lambda: VM.objects.filter(name="fresh", state=VMState.DOWN).exists(), what="the new VM")


def test_it_reads_the_xml_again_when_a_device_came(world: World) -> None:
    add("h1")
    with collecting(NO_BEAT):
        all_up("h1")
        with world.present():
            world.guest_named("busy").title = "with another disk"
            world.emit("h1", EventKind.DEVICE, world.guest_named("busy"), "added/virtio-disk7")
        until(lambda: vm("busy").title == "with another disk", what="the new title")


def test_it_decides_by_the_state_and_not_by_the_word_of_an_event(world: World) -> None:
    add("h1")
    with collecting(NO_BEAT):
        all_up("h1")
        with world.present():
            world.emit("h1", EventKind.LIFECYCLE, world.guest_named("busy"), "stopped/destroyed")
        WALL.sleep(0.3)
    assert vm("busy").state == VMState.UP


def test_it_keeps_the_row_of_a_vm_that_was_undefined_and_knows_it_again(world: World) -> None:
    add("h1")
    with collecting(NO_BEAT):
        all_up("h1")
        pk = vm("off").pk
        with world.present():
            copy = world.hosts["h1"].copies.pop(str(vm("off").uuid))
            world.emit("h1", EventKind.LIFECYCLE, world.guest_named("off"), "undefined/removed")
        until(lambda: vm("off").state == VMState.MISSING, what="missing")
        assert vm("off").host.name == "h1"  # where it was last seen
        with world.present():
            world.hosts["h3"].copies[copy.guest.uuid] = copy
        add("h3")
        until(lambda: vm("off").state == VMState.DOWN, what="known again")
    assert (vm("off").pk, vm("off").host.name) == (pk, "h3")


def test_it_finds_with_the_beat_what_no_event_told(world: World) -> None:
    add("h1")
    with collecting():
        all_up("h1")
        with world.present():
            world.set_status("h1", str(vm("busy").uuid), DomainState.PAUSED, "ioerror")
            del world.hosts["h1"].copies[str(vm("off").uuid)]
        until(lambda: (vm("busy").state, vm("off").state) == (VMState.PAUSED, VMState.MISSING), what="both")
    assert vm("busy").reason == "ioerror"
