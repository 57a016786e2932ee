"""A host row is taken, and its host read."""

import pytest
from django.db.models import Q

from hosts.models import VM, Host, HostLoad, Transition, VMLoad
from hosts.states import HostState, VMState
from hosts.virt.sim.world import World
from tests.telemetry.collecting import add, all_up, collecting, host, until, vm

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_shows_a_host_and_its_vms_as_soon_as_there_is_a_row(world: World) -> None:
    with collecting():
        add("h1")
        until(lambda: host("h1").state == HostState.UP and VM.objects.count() == 4, what="read")
        row = host("h1")
        assert (str(row.uuid), row.cpus, row.hostname) == (world.hosts["h1"].uuid, 4, "h1")
        assert vm("quiet").state == VMState.UP
        assert vm("quiet").memory_bytes == 256 << 20
        assert vm("quiet").disks[0]["target"] == "vda"
        assert vm("quiet").up_since_exact is False  # it ran already
        assert (vm("off").state, vm("off").up_since) == (VMState.DOWN, None)


def test_it_writes_down_when_and_where_a_vm_was_first_seen(world: World) -> None:
    add("h1")
    with collecting():
        all_up("h1")
    first = Transition.objects.get(noun="vm", row=vm("wild").pk)
    assert (first.old, first.new, first.because) == ("", "up", "First seen on h1")


def test_it_makes_figures_of_the_second_beat(world: World) -> None:
    add("h1")
    with collecting():
        all_up("h1")
        until(lambda: vm("busy").cpu_percent is not None and host("h1").cpu_percent is not None, what="figures")
    row = vm("busy")
    assert 0 < row.cpu_percent <= 100
    assert row.net_rx_rate > 0
    assert row.rss_bytes > 0
    assert host("h1").net_rx_rate > row.net_rx_rate  # of all its VMs
    assert vm("off").cpu_percent is None
    assert VMLoad.objects.filter(~Q(cpu_percent=None), vm=row).exists()
    assert HostLoad.objects.filter(~Q(cpu_percent=None), host=row.host).exists()


def test_it_leaves_a_host_in_maintenance_in_maintenance(world: World) -> None:
    add("h1", "h2")
    Host.objects.filter(name="h1").update(state=HostState.MAINTENANCE)
    Host.objects.filter(name="h2").update(state=HostState.PREPARING)
    with collecting():
        until(lambda: VM.objects.filter(host__name="h1").count() == 4 and host("h2").answered_at, what="read")
    assert (host("h1").state, host("h2").state) == (HostState.MAINTENANCE, HostState.PREPARING)


def test_it_takes_a_host_up_that_comes_out_of_maintenance(world: World) -> None:
    add("h1")
    Host.objects.filter(name="h1").update(state=HostState.MAINTENANCE)
    with collecting():
        until(lambda: host("h1").answered_at, what="read")
        Host.objects.filter(name="h1").update(state=HostState.CONNECTING)
        until(lambda: host("h1").state == HostState.UP, what="up")


def test_it_goes_to_the_new_address_when_a_uri_is_changed(world: World) -> None:
    add("nowhere")
    with collecting():
        until(lambda: host("nowhere").error, what="an error")
        Host.objects.filter(name="nowhere").update(uri="sim://h3/")
        until(lambda: host("nowhere").state == HostState.UP, what="up")
    assert vm("modern").host == host("nowhere")


def test_it_refuses_a_machine_that_is_a_host_already(world: World) -> None:
    add("h1")
    with collecting():
        all_up("h1")
        twin = add("again")[0]
        Host.objects.filter(pk=twin.pk).update(uri="sim://h1")
        until(lambda: "h1 (sim://h1/) is already" in host("again").error, what="the error")
    assert host("again").state in (HostState.CONNECTING, HostState.NON_RESPONSIVE)
    assert host("again").uuid is None
    assert VM.objects.filter(host__name="again").count() == 0
    assert VM.objects.filter(host__name="h1").count() == 4
