"""Placement …"""

import pytest

from datacenter.placement import best, candidates
from hosts.states import HostState, MigrationState
from tests.factory import GIB, make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": str(HostState.MAINTENANCE)}, "maintenance"),
        ({"state": str(HostState.NON_RESPONSIVE)}, "non-responsive"),
        ({"machine_types": ["pc-q35-6.0"]}, "No machine type pc-q35-7.2"),
        ({"virt_types": ["qemu"]}, "No kvm there"),
        ({"cpu_arch": "aarch64"}, "aarch64"),
        ({"memory_free_bytes": 4 * GIB}, "Needs 4.4 GiB of memory, 4 GiB is free"),
        ({"memory_free_bytes": None}, "not known yet"),
        ({"networks": ["other"]}, "No network “lan”"),
    ],
)
def test_it_says_why_a_host_cannot_take_the_vm(fields: dict[str, object], words: str) -> None:
    vm = make_vm(nics=[{"kind": "network", "source": "lan"}])
    make_host("other", cluster=vm.host.cluster, **fields)
    refused = next(each for each in candidates(vm) if each.host.name == "other")
    assert not refused.ok
    assert words in refused.reason
    assert best(vm) is None


def test_it_never_picks_the_host_the_vm_is_on() -> None:
    vm = make_vm()
    (only,) = candidates(vm)
    assert (only.ok, only.reason) == (False, "The VM is on this host.")


def test_it_shows_another_cluster_and_hides_another_data_center() -> None:
    vm = make_vm()
    make_host("near", cluster=make_cluster("green"))
    make_host("far", cluster=make_cluster("red", datacenter="Elsewhere"))
    names = {each.host.name: each for each in candidates(vm)}
    assert "another cluster" in names["near"].reason
    assert "far" not in names


def test_it_puts_the_host_with_most_room_first() -> None:
    vm = make_vm()
    make_host("full", cluster=vm.host.cluster, memory_free_bytes=8 * GIB)
    make_host("busy", cluster=vm.host.cluster, cpu_percent=95.0)
    make_host("empty", cluster=vm.host.cluster, memory_free_bytes=60 * GIB)
    assert [each.host.name for each in candidates(vm)][:3] == ["empty", "full", "busy"]


def test_it_counts_the_memory_of_vms_that_are_on_their_way() -> None:
    vm = make_vm()
    other = make_host("other", cluster=vm.host.cluster, memory_free_bytes=9 * GIB)
    make_migration(make_vm(host=vm.host), destination=other, state=str(MigrationState.COPYING))
    refused = next(each for each in candidates(vm) if each.host == other)
    assert refused.free_memory_after_bytes == 1 * GIB
    assert refused.ok
    make_migration(make_vm(host=vm.host), destination=other)
    assert not next(each for each in candidates(vm) if each.host == other).ok


def test_it_asks_the_database_the_same_number_of_times_whatever_the_size(
    django_assert_num_queries: object,
) -> None:
    vm = make_vm()
    for _ in range(20):
        make_host(cluster=vm.host.cluster)
    with django_assert_num_queries(3):  # type: ignore[operator]
        candidates(vm)
