"""Placing many VMs at once: it …"""

from collections import Counter
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datacenter.placement import place_together, together
from datacenter.placement.affinity import Companions
from datacenter.placement.capacity import Room
from hosts.models import VM, Cluster, DataCenter, Host
from hosts.states import HostState
from tests.factory import GIB, make_host, make_migration, make_vm


@pytest.mark.django_db
def test_it_spreads_ten_over_equal_hosts() -> None:
    source = make_host()
    for _ in range(5):
        make_host()
    placed = place_together([make_vm(host=source) for _ in range(10)])
    assert set(Counter(each.host.name for each in placed.values()).values()) == {2}


@pytest.mark.django_db
def test_it_counts_what_it_has_placed_and_what_is_on_its_way() -> None:
    source, narrow = make_host(), make_host("narrow", memory_free_bytes=20 * GIB)
    make_migration(make_vm(memory_bytes=6 * GIB, host=make_host("far", state="maintenance")), destination=narrow)
    vms = [make_vm(host=source, memory_bytes=4 * GIB) for _ in range(4)]
    placed = place_together(vms)
    assert [each.ok for each in placed.values()] == [True, True, True, False]
    assert "narrow: " in placed[vms[3]].reason
    assert placed[vms[3]].reason.startswith("No host can take it.")


@pytest.mark.django_db
def test_it_goes_to_the_named_host_only() -> None:
    source, small = make_host(), make_host("small", memory_free_bytes=10 * GIB)
    make_host("roomy")
    placed = place_together([make_vm(host=source) for _ in range(3)], destination=small)
    assert [(each.host.name, each.ok) for each in placed.values()][:2] == [("small", True)] * 2
    assert [each.ok for each in placed.values()] == [True, True, False]


@pytest.mark.django_db
def test_it_asks_the_database_three_times_however_many_vms(django_assert_num_queries) -> None:
    source = make_host()
    for _ in range(5):
        make_host()
    vms = list(VM.objects.filter(pk__in=[make_vm(host=source).pk for _ in range(10)]).select_related("host__cluster"))
    with django_assert_num_queries(3):
        place_together(vms)


sizes = st.lists(st.integers(1, 16), min_size=1, max_size=12)


@given(free=st.lists(st.integers(0, 40), min_size=1, max_size=5), memory=sizes, order=st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_host_is_ever_promised_more_than_it_has_and_the_order_does_not_matter(free, memory, order) -> None:
    vms, rooms = _place(free, memory)
    with _as_snapshot(rooms):
        placed = place_together(vms)
        shuffled = list(vms)
        order.shuffle(shuffled)
        assert place_together(shuffled) == placed
    assert set(placed) == set(vms)
    promised = Counter()
    for vm, candidate in placed.items():
        assert candidate.ok or candidate.reason
        if candidate.ok:
            promised[candidate.host.pk] += vm.memory_bytes
    for room in rooms:
        assert promised[room.host.pk] <= max(0, room.free_bytes or 0)
    left = {room.host.pk: (room.free_bytes or 0) - promised[room.host.pk] for room in rooms}
    for vm, candidate in placed.items():
        if not candidate.ok:
            assert all(left[room.host.pk] < 1.2 * vm.memory_bytes + GIB for room in rooms[1:])


def _place(free: list[int], memory: list[int]) -> tuple[list[VM], list[Room]]:
    """Rows that no database has seen: host 1 is the source."""
    cluster = Cluster(pk=1, name="c", datacenter=DataCenter(pk=1, name="d"))
    hosts = [_host(pk, gib, cluster) for pk, gib in enumerate([1, *free], start=1)]
    rooms = [
        Room(
            host=host,
            state=HostState.UP,
            memory_bytes=64 * GIB,
            free_bytes=host.memory_free_bytes,
            cpu_percent=5.0,
            incoming=0,
        )
        for host in hosts
    ]
    vms = [
        VM(pk=pk, name=f"v{pk}", host=hosts[0], memory_bytes=gib * GIB, state="up")
        for pk, gib in enumerate(memory, start=1)
    ]
    return vms, rooms


def _host(pk: int, gib: int, cluster: Cluster) -> Host:
    return Host(
        pk=pk, name=f"h{pk}", uri=f"sim://h{pk}/", cluster=cluster, state="up", cpus=16, memory_bytes=64 * GIB,
        memory_free_bytes=gib * GIB, cpu_percent=5.0, libvirt_version="9.0.0", qemu_version="7.2.0",
    )  # fmt: skip


def _as_snapshot(rooms: list[Room]):
    return patch.multiple(together, snapshot=lambda _: rooms, Companions=lambda _: Companions([]))
