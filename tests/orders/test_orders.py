"""An order …"""

import pytest
from django.contrib.auth.models import Group

from datacenter import orders
from datacenter.access import OPERATORS
from datacenter.models import AuditEntry, User
from hosts.models import Adjustment, Migration, Operation
from hosts.states import MigrationState, VMState
from hosts.virt.records import PowerVerb
from tests.factory import GIB, make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga() -> User:
    """An operator."""
    user = User.objects.create_user("olga")
    user.groups.add(Group.objects.create(name=OPERATORS))
    return user


@pytest.fixture
def walter() -> User:
    """One who may only look."""
    return User.objects.create_user("walter")


def test_it_is_refused_to_one_who_may_only_look_and_the_attempt_is_kept(walter: User) -> None:
    migration = make_migration(state=str(MigrationState.COPYING))
    tries = (
        lambda: orders.power(walter, migration.vm, PowerVerb.POWER_OFF),
        lambda: orders.migrate(walter, make_vm()),
        lambda: orders.adjust(walter, migration, Adjustment.CANCEL),
    )
    for attempt in tries:
        with pytest.raises(orders.Forbidden):
            attempt()
    assert list(AuditEntry.objects.values_list("refused", flat=True)) == [True, True, True]
    assert not Operation.objects.exists()
    assert not Adjustment.objects.exists()
    assert Migration.objects.count() == 1


def test_it_is_refused_to_a_person_who_was_deactivated(olga: User) -> None:
    olga.is_active = False
    with pytest.raises(orders.Forbidden):
        orders.power(olga, make_vm(), PowerVerb.PAUSE)


def test_it_powers_a_vm_in_the_name_of_the_person(olga: User) -> None:
    operation = orders.power(olga, make_vm(), PowerVerb.PAUSE)
    assert (operation.verb, operation.requested_by, operation.state) == ("pause", "olga", "queued")
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.verb, entry.refused) == ("olga", "pause", False)


@pytest.mark.parametrize("state", [VMState.POWERING_DOWN, VMState.UNKNOWN, VMState.MISSING])
def test_it_does_not_migrate_a_vm_of_which_nobody_knows_whether_it_will_run(olga: User, state: VMState) -> None:
    vm = make_vm(state=str(state))
    make_host(cluster=vm.host.cluster)
    with pytest.raises(orders.Refused):
        orders.migrate(olga, vm)
    assert not Migration.objects.exists()
    assert AuditEntry.objects.get().refused


def test_it_does_not_migrate_to_the_host_the_vm_is_on(olga: User) -> None:
    vm = make_vm()
    with pytest.raises(orders.Refused, match="is on this host") as refusal:
        orders.migrate(olga, vm, vm.host)
    assert refusal.value.field == "destination"


def test_it_does_not_migrate_to_another_data_center(olga: User) -> None:
    elsewhere = make_host(cluster=make_cluster("red", datacenter="Elsewhere"))
    with pytest.raises(orders.Refused, match="another data center"):
        orders.migrate(olga, make_vm(), elsewhere)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"machine_types": ["pc-q35-6.0"]}, "No machine type pc-q35-7.2"),
        ({"memory_free_bytes": 1 * GIB}, "1 GiB is free"),
        ({"cpu_arch": "aarch64"}, "aarch64"),
    ],
)
def test_it_says_why_the_picked_host_cannot_take_the_vm(olga: User, fields: dict[str, object], words: str) -> None:
    vm = make_vm()
    with pytest.raises(orders.Refused, match=words):
        orders.migrate(olga, vm, make_host(cluster=vm.host.cluster, **fields))


def test_it_names_the_reasons_when_no_host_can_take_the_vm(olga: User) -> None:
    vm = make_vm()
    make_host("small", cluster=vm.host.cluster, memory_free_bytes=1 * GIB)
    with pytest.raises(orders.Refused, match=r"No host can take it\. small: Needs"):
        orders.migrate(olga, vm)


def test_it_migrates_to_the_best_host_when_none_is_picked(olga: User) -> None:
    vm = make_vm()
    make_host(cluster=vm.host.cluster, memory_free_bytes=8 * GIB)
    best = make_host(cluster=vm.host.cluster, memory_free_bytes=60 * GIB)
    migration = orders.migrate(olga, vm)
    assert (migration.destination, migration.requested_by) == (best, "olga")


def test_it_does_not_migrate_a_vm_twice_at_once(olga: User) -> None:
    vm = make_vm()
    make_host(cluster=vm.host.cluster)
    orders.migrate(olga, vm)
    with pytest.raises(orders.Refused):
        orders.migrate(olga, vm)
    assert Migration.objects.count() == 1


def test_it_turns_a_knob_in_the_name_of_the_person(olga: User) -> None:
    migration = make_migration(state=str(MigrationState.COPYING))
    orders.adjust(olga, migration, Adjustment.BANDWIDTH, 50 * 2**20)
    turned = Adjustment.objects.get()
    assert (turned.actor, turned.value, turned.applied_at) == ("olga", 50 * 2**20, None)


def test_it_does_not_cancel_in_post_copy_and_says_why(olga: User) -> None:
    migration = make_migration(state=str(MigrationState.POSTCOPY))
    with pytest.raises(orders.Refused, match="neither"):
        orders.adjust(olga, migration, Adjustment.CANCEL)


def test_it_never_touches_what_another_tool_migrates(olga: User) -> None:
    migration = make_migration(state=str(MigrationState.COPYING), ours=False)
    with pytest.raises(orders.Refused):
        orders.adjust(olga, migration, Adjustment.CANCEL)
