"""Several collectors share the hosts; one that ends gives its own back."""

import pytest
from django.db import connection

from hosts.models import Host
from hosts.states import HostState
from hosts.virt.clock import WALL
from hosts.virt.sim.world import World
from tests.telemetry.collecting import add, all_up, collecting, host, until, vm

pytestmark = pytest.mark.django_db(transaction=True)


def holders() -> list[str]:
    return sorted(Host.objects.exclude(lease_holder="").values_list("lease_holder", flat=True))


def test_it_gives_its_hosts_back_when_it_ends(world: World) -> None:
    add("h1", "h2")
    with collecting():
        all_up("h1", "h2")
        assert len(holders()) == 2
    assert holders() == []
    assert Host.objects.filter(lease_until__isnull=False).count() == 0


def test_it_leaves_a_second_collector_its_share_and_takes_over_what_that_one_gives_back(world: World) -> None:
    add("h1", "h2", "h3")
    with collecting():
        all_up("h1", "h2", "h3")
        with collecting():
            until(lambda: len(set(holders())) == 2, what="two holders")
            assert len(holders()) == 3
        until(lambda: len(holders()) == 3 and len(set(holders())) == 1, what="one holder again")
        assert vm("modern").host.name == "h3"


def test_it_takes_over_from_a_collector_that_died(world: World) -> None:
    add("h1")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE hosts_host SET lease_holder = 'a dead one', lease_until = now() + interval '1 s', lease_epoch = 7"
        )
    with collecting():
        WALL.sleep(0.5)
        assert host("h1").state == HostState.CONNECTING  # the lease holds
        until(lambda: host("h1").state == HostState.UP, what="taken over")
    assert host("h1").lease_epoch == 8


def test_it_stops_listening_to_a_host_that_somebody_took(world: World) -> None:
    add("h1")
    with collecting() as collector:
        all_up("h1")
        Host.objects.update(lease_holder="another", lease_epoch=99)
        until(lambda: not collector.listeners, what="let go")
    assert host("h1").lease_holder == "another"  # and not released under it


def test_it_forgets_a_host_whose_row_was_deleted(world: World) -> None:
    add("h1", "h2")
    with collecting() as collector:
        all_up("h1", "h2")
        host("h2").delete()
        until(lambda: len(collector.listeners) == 1, what="let go")
        assert host("h1").state == HostState.UP
