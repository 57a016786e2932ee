"""A VM's rules for maintenance, and a cluster's affinity groups."""

import pytest
from django.test import Client

from datacenter.models import AffinityGroup, AuditEntry
from hosts.models import VM
from tests.screens import factory

pytestmark = pytest.mark.django_db


def test_an_operator_sets_a_vms_rules(otto: Client) -> None:
    vm = factory.vm()
    otto.post(f"/vms/{vm.uuid}/rules", {"maintenance_rule": "shutdown", "migration_mode": "manual"})
    vm = VM.objects.get()
    assert (vm.maintenance_rule, vm.migration_mode) == ("shutdown", "manual")
    assert AuditEntry.objects.get().verb == "set_rules"
    page = otto.get(f"/vms/{vm.uuid}?tab=rules").content.decode()
    assert '<option value="shutdown" selected>' in page


@pytest.mark.parametrize("given", [{"maintenance_rule": "burn"}, {"migration_mode": ""}])
def test_a_rule_that_is_none_changes_nothing(otto: Client, given: dict[str, str]) -> None:
    vm = factory.vm()
    otto.post(f"/vms/{vm.uuid}/rules", {"maintenance_rule": "leave", "migration_mode": "anybody"} | given)
    assert VM.objects.get().maintenance_rule == "migrate"


def test_somebody_who_only_views_sets_no_rule(vera: Client) -> None:
    vm = factory.vm()
    vera.post(f"/vms/{vm.uuid}/rules", {"maintenance_rule": "leave", "migration_mode": "anybody"})
    assert VM.objects.get().maintenance_rule == "migrate"
    assert AuditEntry.objects.get().refused


def _group(client: Client, **given: object) -> int:
    home = factory.cluster()
    form = {"name": "databases", "kind": "apart", "strength": "rule"} | given
    return client.post(f"/clusters/{home.pk}/affinity/new", form).status_code


def test_a_group_is_made_changed_and_removed(ada: Client) -> None:
    host = factory.host(in_cluster=factory.cluster())
    one, two, three = (factory.vm(name, on=host) for name in ("db1", "db2", "db3"))
    assert _group(ada, vms=[one.pk, two.pk]) == 302
    group = AffinityGroup.objects.get()
    assert (group.together, group.hard, group.vms.count()) == (False, True, 2)
    address = f"/clusters/{host.cluster_id}/affinity/{group.pk}"
    assert "db3" in ada.get(address).content.decode()
    form = {"name": "databases", "kind": "together", "strength": "wish", "vms": [two.pk, three.pk]}
    assert ada.post(address, form).status_code == 302
    assert AffinityGroup.objects.get().together
    assert "databases" in ada.get(f"/clusters/{host.cluster_id}?tab=affinity").content.decode()
    assert "databases" in ada.get(f"/vms/{two.uuid}?tab=rules").content.decode()
    ada.post(f"{address}/remove")
    assert not AffinityGroup.objects.exists()


def test_a_group_of_one_is_refused_at_the_field(ada: Client) -> None:
    vm = factory.vm(on=factory.host(in_cluster=factory.cluster()))
    assert _group(ada, vms=[vm.pk]) == 422
    assert not AffinityGroup.objects.exists()


def test_a_vm_of_another_cluster_is_not_among_the_choices(ada: Client) -> None:
    here = factory.vm("a", on=factory.host(in_cluster=factory.cluster()))
    far = factory.vm("b", on=factory.host("far", in_cluster=factory.cluster("far")))
    assert _group(ada, vms=[here.pk, far.pk]) == 422


def test_a_name_is_taken_once(ada: Client) -> None:
    host = factory.host(in_cluster=factory.cluster())
    pks = [factory.vm(name, on=host).pk for name in ("a", "b")]
    assert [_group(ada, vms=pks), _group(ada, vms=pks)] == [302, 422]


def test_an_operator_makes_no_group(otto: Client) -> None:
    assert _group(otto, vms=[]) == 403
