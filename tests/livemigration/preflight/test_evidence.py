"""What earlier migrations prove of a pair of hosts, and the case made of rows; it …"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hosts.livemigration import preflight
from hosts.livemigration.preflight import Outcome
from hosts.livemigration.preflight.inventory import guest_of, place_of
from hosts.models import VM, Host, Operation
from tests.factory import GIB, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db
MIB = 1 << 20
DISK = {"target": "vda", "kind": "file", "source": "/srv/vms/web.qcow2"}


def past(vm: VM, destination: Host, *, state: str = "done", ago_s: float = 60.0, **fields: Any) -> None:
    at = timezone.now() - timedelta(seconds=ago_s)
    make_migration(
        vm,
        destination=destination,
        state=state,
        requested_at=at,
        state_since=at,
        started_at=at - timedelta(seconds=12),
        ended_at=at,
        transferred_bytes=1000 * MIB,
        **fields,
    )


def test_it_knows_nothing_of_hosts_that_never_met() -> None:
    assert preflight.proofs(make_host()) == {}


def test_it_learns_reach_folders_and_speed_from_one_that_ended_well() -> None:
    vm, there = make_vm(disks=[DISK]), make_host()
    past(vm, there)
    proof = preflight.proofs(vm.host)[there.pk]
    assert proof.reached_at is not None
    assert proof.shared == {"/srv/vms"}
    assert proof.speed == pytest.approx(100 * MIB)  # 10 s of copying: 2 of the 12 are preparation and the end
    assert proof.tls_at is None


def test_it_takes_no_folder_for_shared_whose_disks_were_copied_and_no_speed_under_a_cap() -> None:
    vm, there = make_vm(disks=[DISK]), make_host()
    past(vm, there, copy_disks=True, bandwidth=40 * MIB, tls=True)
    proof = preflight.proofs(vm.host)[there.pk]
    assert (proof.shared, proof.speed) == (frozenset(), None)
    assert proof.tls_at is not None


def test_the_newest_word_about_the_way_counts() -> None:
    vm, there = make_vm(), make_host()
    past(vm, there, ago_s=600)
    past(vm, there, ago_s=60, state="failed", because="unable to connect to server at 'h2': Connection refused. …")
    assert "Connection refused" in preflight.proofs(vm.host)[there.pk].failure
    past(vm, there, ago_s=5)
    assert preflight.proofs(vm.host)[there.pk].failure == ""


def test_a_failure_of_another_kind_says_nothing_of_the_way() -> None:
    vm, there = make_vm(), make_host()
    past(vm, there, state="failed", because="No machine type pc-q35-10.0.")
    proof = preflight.proofs(vm.host)[there.pk]
    assert (proof.failure, proof.reached_at) == ("", None)


def test_it_asks_once_whatever_the_number_of_hosts(django_assert_num_queries: Any) -> None:
    vm = make_vm(disks=[DISK])
    for _ in range(10):
        past(vm, make_host())
    with django_assert_num_queries(1):
        assert len(preflight.proofs(vm.host)) == 10


def test_it_says_what_else_is_under_way_but_not_that_it_is_measured() -> None:
    vm = make_vm("web")
    Operation.objects.create(vm=vm, verb="measure", requested_by="ann")
    assert preflight.busy(vm) == ""
    Operation.objects.create(vm=vm, verb="reboot", requested_by="ann")
    assert "Another action on web" in preflight.busy(vm)
    make_migration(vm)
    assert "being migrated already" in preflight.busy(vm)


@pytest.mark.parametrize(
    "odd",
    [
        {"disks": [{"source": 7}, "junk", {}], "nics": [None, {"kind": "x", "more": 1}], "devices": [{"a": 1}]},
        {"disks": {}, "nics": {}, "devices": {}},
        {"cpu_features": [], "huge_page_bytes": 0, "machine": "‮"},
    ],
)
def test_it_reads_odd_rows_without_a_word(odd: dict[str, Any]) -> None:
    vm = make_vm(**odd)
    destination = make_host(uri="nonsense:///x", huge_pages={"x": 1, "2097152": 4}, libvirt_version="a.b")
    case = preflight.from_rows(vm, destination, free_bytes=64 * GIB)
    findings = preflight.judge(case)
    assert {each.check for each in findings if each.outcome is Outcome.REFUSES} <= {
        "transport",
        "huge_pages",
        "machine_type",
    }


def test_it_carries_every_stored_fact_into_the_case() -> None:
    vm = make_vm(pinned_cpus=True, snapshots=2, huge_page_bytes=2 << 20, cpu_features=["avx"], cpu_mode="custom")
    guest, place = guest_of(vm), place_of(vm.host, free_bytes=5)
    assert (guest.pinned_cpus, guest.snapshots, guest.huge_page_bytes, guest.cpu_features) == (
        True,
        2,
        2 << 20,
        {"avx"},
    )
    assert (place.free_bytes, place.kind, place.qemu, place.cluster) == (5, "sim", (7, 2, 22), "blue")
