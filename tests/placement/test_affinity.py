"""Affinity groups in placement: it …"""

import pytest

from datacenter.models import AffinityGroup
from datacenter.placement import best, candidates, place_together
from hosts.models import VM, Host
from hosts.states import MigrationState
from tests.factory import GIB, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db


def group(*vms: VM, together: bool, hard: bool = True) -> None:
    row = AffinityGroup.objects.create(name="db", together=together, hard=hard)
    row.vms.set(vms)


def reason(vm: VM, host: Host) -> str:
    return next(each for each in candidates(vm) if each.host == host).reason


def test_it_refuses_a_host_with_one_that_it_has_to_be_apart_from() -> None:
    near, far = make_host("near", memory_free_bytes=60 * GIB), make_host("far")
    vm, other = make_vm(), make_vm("other", host=near)
    group(vm, other, together=False)
    assert reason(vm, near) == "The group “db” keeps it apart from other, which is there."
    found = best(vm)
    assert found is not None
    assert found.host == far


def test_it_counts_one_that_is_on_its_way() -> None:
    near = make_host("near")
    vm, other = make_vm(), make_vm("other")
    group(vm, other, together=False)
    make_migration(other, destination=near, state=str(MigrationState.COPYING))
    assert "apart from other" in reason(vm, near)


def test_it_keeps_together_what_a_rule_keeps_together() -> None:
    near, far = make_host("near"), make_host("far", memory_free_bytes=60 * GIB)
    vm, other = make_vm(), make_vm("other", host=near)
    group(vm, other, together=True)
    assert reason(vm, far) == "The group “db” keeps it on one host with other."
    found = best(vm)
    assert found is not None
    assert found.host == near


def test_it_moves_a_group_together_and_spreads_one_that_is_apart() -> None:
    source = make_host("source")
    for name in ("a", "b", "c"):
        make_host(name)
    pair = [make_vm(host=source) for _ in range(2)]
    loners = [make_vm(host=source) for _ in range(3)]
    group(*pair, together=True)
    apart = AffinityGroup.objects.create(name="dns", together=False, hard=True)
    apart.vms.set(loners)
    placed = place_together([*pair, *loners])
    assert all(each.ok for each in placed.values())
    assert placed[pair[0]].host == placed[pair[1]].host
    assert len({placed[vm].host for vm in loners}) == 3


@pytest.mark.parametrize("together", [True, False])
def test_a_wish_tips_the_balance_and_refuses_nothing(together: bool) -> None:
    near = make_host("near", memory_free_bytes=46 * GIB if together else 50 * GIB)
    far = make_host("far")
    vm, other = make_vm(host=make_host("source")), make_vm("other", host=near)
    group(vm, other, together=together, hard=False)
    found = best(vm)
    assert found is not None
    assert found.host == (near if together else far)
    assert all(each.ok for each in candidates(vm) if each.host in (near, far))


def test_it_asks_the_database_the_same_number_of_times_whatever_the_group(django_assert_num_queries: object) -> None:
    vm = make_vm()
    group(vm, *(make_vm(host=make_host()) for _ in range(6)), together=False)
    with django_assert_num_queries(4):  # type: ignore[operator]
        candidates(vm)
