"""A host that stops answering is connecting, then non-responsive, its VMs unknown; and all come back by themselves."""

from dataclasses import replace

import pytest

from hosts.models import VM, Transition
from hosts.states import HostState, VMState
from hosts.virt.clock import WALL
from hosts.virt.sim import faults
from hosts.virt.sim.world import World
from tests.telemetry.collecting import FAST, NO_BEAT, add, all_up, collecting, host, until, vm

pytestmark = pytest.mark.django_db(transaction=True)


def states(name: str) -> list[str]:
    told = Transition.objects.filter(noun="host", row=host(name).pk, field="state").order_by("id")
    return list(told.values_list("new", flat=True))


def test_it_says_at_once_that_a_daemon_died_and_takes_it_up_again(world: World) -> None:
    add("h1", "h3")
    with collecting(NO_BEAT):
        all_up("h1", "h3")
        with world.present():
            faults.kill_daemon(world, "h1")
        until(lambda: host("h1").state == HostState.CONNECTING, what="connecting")
        assert host("h1").error
        with world.present():
            faults.start_daemon(world, "h1")
        until(lambda: host("h1").state == HostState.UP, what="up")
    assert host("h1").error == ""
    assert states("h3") == ["up"]
    assert vm("busy").state == VMState.UP
    assert not Transition.objects.filter(new=VMState.UNKNOWN).exists()  # it was away for less than its VMs' patience


def test_it_calls_the_vms_of_a_silent_host_unknown_and_knows_them_again(world: World) -> None:
    add("h1", "h3")
    with collecting():
        all_up("h1", "h3")
        until(lambda: vm("busy").cpu_percent is not None, what="figures")
        before = vm("busy")
        with world.present():
            faults.freeze(world, "h1")
        until(lambda: host("h1").state == HostState.NON_RESPONSIVE, what="non-responsive")
        until(lambda: VM.objects.filter(host__name="h1", state=VMState.UNKNOWN).count() == 4, what="unknown")
        assert vm("busy").cpu_percent is not None  # the last known figures stay, with their age
        assert vm("modern").state == VMState.UP
        with world.present():
            faults.thaw(world, "h1")
        until(lambda: host("h1").state == HostState.UP, what="up")
        until(lambda: (vm("busy").state, vm("off").state) == (VMState.UP, VMState.DOWN), what="known again")
    assert states("h1") == ["up", "connecting", "non_responsive", "up"]
    assert vm("busy").up_since == before.up_since
    assert vm("busy").figures_at > before.figures_at


def test_it_calls_a_host_that_never_answered_non_responsive_and_says_why(world: World) -> None:
    add("nowhere")
    with collecting():
        until(lambda: host("nowhere").state == HostState.NON_RESPONSIVE, what="non-responsive")
    assert "nowhere" in host("nowhere").error
    assert states("nowhere") == ["non_responsive"]


def test_it_is_not_held_up_by_more_dead_hosts_than_it_has_threads(world: World) -> None:
    for number in range(20):
        name = f"frozen{number}"
        host_there = replace(world.hosts["h2"], name=name, uuid=world.uuid_of("host", name), copies={})
        world.hosts[name] = host_there
        faults.freeze(world, name)
    add(*(f"frozen{number}" for number in range(20)))
    with collecting(FAST):
        until(lambda: host("frozen19").error, what="all tried once")
        add("h1")
        until(lambda: host("h1").state == HostState.UP, what="up")
        with world.present():
            faults.crash_guest(world, str(vm("busy").uuid))
        until(lambda: vm("busy").state == VMState.CRASHED, what="crashed")


def test_it_finds_a_vm_that_moved_while_its_host_was_silent(world: World) -> None:
    add("h1", "h2")
    with collecting():
        all_up("h1", "h2")
        with world.present():
            faults.isolate(world, "h1")
        until(lambda: vm("busy").state == VMState.UNKNOWN, what="unknown")
        with world.present():
            world.hosts["h2"].copies[str(vm("busy").uuid)] = world.hosts["h1"].copies.pop(str(vm("busy").uuid))
        until(lambda: vm("busy").host.name == "h2" and vm("busy").state == VMState.UP, what="found on h2")
        with world.present():
            faults.rejoin(world, "h1")
        until(lambda: host("h1").state == HostState.UP, what="h1 up")
        WALL.sleep(0.3)
    assert vm("busy").host.name == "h2"


def test_it_keeps_a_host_in_maintenance_that_is_switched_off(world: World) -> None:
    add("h1")
    with collecting():
        all_up("h1")
        type(host("h1")).objects.update(state=HostState.MAINTENANCE)
        with world.present():
            faults.kill_daemon(world, "h1")
        until(lambda: vm("busy").state == VMState.UNKNOWN, what="unknown")
        assert host("h1").state == HostState.MAINTENANCE
        assert host("h1").error
        with world.present():
            faults.start_daemon(world, "h1")
        until(lambda: vm("busy").state == VMState.UP, what="up")
    assert host("h1").state == HostState.MAINTENANCE


def test_it_says_of_a_host_that_is_activated_whether_it_answers(world: World) -> None:
    add("h1", "h3")
    with collecting():
        all_up("h1", "h3")
        type(host("h1")).objects.update(state=HostState.MAINTENANCE)
        with world.present():
            faults.kill_daemon(world, "h1")
        until(lambda: vm("busy").state == VMState.UNKNOWN, what="unknown")
        type(host("h1")).objects.update(state=HostState.CONNECTING, state_since=WALL.now())
        until(lambda: host("h3").state == HostState.UP, what="h3 up at once")
        until(lambda: host("h1").state == HostState.NON_RESPONSIVE, what="non-responsive")
        with world.present():
            faults.start_daemon(world, "h1")
        until(lambda: host("h1").state == HostState.UP, what="up")
