"""Asking for a migration: it …"""

import pytest
from django.db import IntegrityError, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from hosts.livemigration.admission import admit_now
from hosts.livemigration.request import (
    DestinationRefused,
    NotAdjustable,
    NotMovable,
    RequestRefused,
    ValueRefused,
    adjust,
    request_migration,
)
from hosts.models import Adjustment, Migration, Operation, Transition
from hosts.states import HostState, MigrationState, OperationState, VMState
from tests.factory import make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db
MIB = 1 << 20


def test_it_refuses_a_vm_that_does_not_run() -> None:
    for state in VMState:
        if state in (VMState.UP, VMState.PAUSED, VMState.DOWN):
            continue
        vm = make_vm(state=str(state))
        with pytest.raises(NotMovable, match=f"{vm} is {state.label.lower()}"):
            request_migration(vm, make_host(), actor="ann")


def test_it_refuses_a_second_migration_of_the_same_vm() -> None:
    first = make_migration()
    with pytest.raises(NotMovable, match="is being migrated already"):
        request_migration(first.vm, make_host(), actor="ben")


def test_the_database_refuses_it_too() -> None:
    first = make_migration()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_migration(first.vm)


def test_it_refuses_while_a_power_action_is_under_way() -> None:
    vm = make_vm()
    Operation.objects.create(vm=vm, verb="reboot", requested_by="ben")
    with pytest.raises(NotMovable, match="Another action"):
        request_migration(vm, make_host(), actor="ann")


def test_it_refuses_the_host_it_runs_on() -> None:
    vm = make_vm()
    with pytest.raises(DestinationRefused, match="is on this host") as refused:
        request_migration(vm, vm.host, actor="ann")
    assert refused.value.field == "destination"


def test_it_refuses_a_destination_that_is_not_up() -> None:
    for state in HostState:
        if state is not HostState.UP:
            with pytest.raises(DestinationRefused, match=state.label.lower()):
                request_migration(make_vm(), make_host(state=str(state)), actor="ann")


def test_it_refuses_another_cluster_and_another_data_center() -> None:
    with pytest.raises(DestinationRefused, match="within its cluster"):
        request_migration(make_vm(), make_host(cluster=make_cluster("red")), actor="ann")
    with pytest.raises(DestinationRefused, match="another data center"):
        request_migration(make_vm(), make_host(cluster=make_cluster("red", datacenter="Other")), actor="ann")


def test_it_refuses_a_source_that_does_not_answer() -> None:
    vm = make_vm(host=make_host(state=str(HostState.NON_RESPONSIVE)))
    with pytest.raises(NotMovable, match="does not answer"):
        request_migration(vm, make_host(), actor="ann")


@pytest.mark.parametrize("bandwidth", [0, -1, MIB - 1, 1 << 40])
def test_it_refuses_a_bandwidth_that_libvirt_does_not_take(bandwidth: int) -> None:
    with pytest.raises(ValueRefused) as refused:
        request_migration(make_vm(), make_host(), actor="ann", bandwidth=bandwidth)
    assert refused.value.field == "bandwidth"


@pytest.mark.parametrize("pause", [0, -5, 2_000_001])
def test_it_refuses_a_pause_that_qemu_does_not_take(pause: int) -> None:
    with pytest.raises(ValueRefused) as refused:
        request_migration(make_vm(), make_host(), actor="ann", max_downtime_ms=pause)
    assert refused.value.field == "max_downtime_ms"


def test_a_refusal_changes_nothing() -> None:
    vm = make_vm()
    with pytest.raises(RequestRefused):
        request_migration(vm, vm.host, actor="ann")
    assert not Migration.objects.exists()
    assert not ProcrastinateJob.objects.exists()
    assert not Transition.objects.exists()


def test_it_writes_the_row_and_the_queue_gives_it_a_job() -> None:
    vm, destination = make_vm(), make_host()
    migration = request_migration(
        vm, destination, actor="ann", bandwidth=40 * MIB, max_downtime_ms=500, postcopy_allowed=False
    )
    assert not ProcrastinateJob.objects.exists()
    admit_now()
    job = ProcrastinateJob.objects.get()
    assert job.task_name == "hosts.livemigration.tasks.drive"
    assert job.lock == f"vm:{vm.pk}"
    assert job.args == {"migration_id": migration.pk}
    migration.refresh_from_db()
    assert (migration.source, migration.destination, migration.state) == (vm.host, destination, MigrationState.CHECKING)
    assert (migration.bandwidth, migration.max_downtime_ms, migration.postcopy_allowed) == (40 * MIB, 500, False)
    assert Transition.objects.order_by("pk").values_list("actor", flat=True)[0] == "ann"


def test_nothing_is_left_where_the_caller_rolls_back() -> None:
    class Changed(Exception):
        pass

    vm, destination = make_vm(), make_host()
    with pytest.raises(Changed), transaction.atomic():  # noqa: PT012 - the caller's own transaction is the point
        request_migration(vm, destination, actor="ann")
        raise Changed
    assert not Migration.objects.exists()
    assert not ProcrastinateJob.objects.exists()


# adjusting


@pytest.mark.parametrize("state", [s for s in MigrationState if s.is_final])
def test_it_adjusts_nothing_that_has_ended(state: MigrationState) -> None:
    with pytest.raises(NotAdjustable, match="has ended"):
        adjust(make_migration(state=str(state)), Adjustment.BANDWIDTH, 5 * MIB, actor="ann")


def test_it_never_touches_what_another_tool_started() -> None:
    migration = make_migration(ours=False, state="copying")
    for kind, value in ((Adjustment.CANCEL, None), (Adjustment.BANDWIDTH, 5 * MIB), (Adjustment.POSTCOPY, None)):
        with pytest.raises(NotAdjustable, match="Another tool"):
            adjust(migration, kind, value, actor="ann")
    assert not Adjustment.objects.exists()


@pytest.mark.parametrize("state", ["postcopy", "postcopy_paused"])
def test_it_says_why_post_copy_cannot_be_cancelled(state: str) -> None:
    with pytest.raises(NotAdjustable, match="neither side alone holds the guest"):
        adjust(make_migration(state=state), Adjustment.CANCEL, actor="ann")


def test_it_cancels_what_was_not_started_at_once() -> None:
    for state in ("queued", "checking", "measuring"):
        migration = make_migration(state=state)
        adjustment = adjust(migration, Adjustment.CANCEL, actor="ann")
        migration.refresh_from_db()
        assert migration.state == MigrationState.CANCELLED
        assert migration.because == "Cancelled by ann before anything moved."
        assert migration.ended_at
        assert adjustment.applied_at


def test_it_leaves_a_cancel_under_way_to_the_supervisor() -> None:
    migration = make_migration(state="copying")
    adjustment = adjust(migration, Adjustment.CANCEL, actor="ann")
    migration.refresh_from_db()
    assert migration.state == MigrationState.COPYING
    assert migration.cancel_requested_at
    assert adjustment.applied_at is None
    with pytest.raises(NotAdjustable, match="being cancelled already"):
        adjust(migration, Adjustment.CANCEL, actor="ben")


def test_it_switches_to_post_copy_only_while_copying_and_where_allowed() -> None:
    with pytest.raises(NotAdjustable, match="not allowed"):
        adjust(make_migration(state="copying", postcopy_allowed=False), Adjustment.POSTCOPY, actor="ann")
    with pytest.raises(NotAdjustable, match="only while memory is being copied"):
        adjust(make_migration(state="queued"), Adjustment.POSTCOPY, actor="ann")
    with pytest.raises(NotAdjustable, match="already"):
        adjust(make_migration(state="postcopy"), Adjustment.POSTCOPY, actor="ann")
    assert adjust(make_migration(state="copying"), Adjustment.POSTCOPY, actor="ann").applied_at is None


def test_it_refuses_values_that_nobody_takes() -> None:
    migration = make_migration(state="copying")
    for kind, value in (
        (Adjustment.BANDWIDTH, 0),
        (Adjustment.MAX_DOWNTIME, 0),
        (Adjustment.MAX_DOWNTIME, None),
        (Adjustment.MAX_DOWNTIME, 2_000_001),
        (Adjustment.CANCEL, 5),
    ):
        with pytest.raises(ValueRefused):
            adjust(migration, kind, value, actor="ann")
    with pytest.raises(NotAdjustable, match="no adjustment"):
        adjust(migration, "faster", None, actor="ann")
    assert not Adjustment.objects.exists()


def test_it_takes_no_cap_as_a_bandwidth() -> None:
    assert adjust(make_migration(state="copying"), Adjustment.BANDWIDTH, None, actor="ann").pk


def test_it_asks_after_a_vm_whose_operation_is_over() -> None:
    vm = make_vm()
    Operation.objects.create(vm=vm, verb="reboot", requested_by="ben", state=str(OperationState.DONE))
    assert request_migration(vm, make_host(), actor="ann").pk
