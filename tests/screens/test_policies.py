"""Migration policies in the browser: shown in words, changed in versions, refused with what was typed kept."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from datacenter.models import AuditEntry
from hosts.livemigration.policy import from_json
from hosts.livemigration.terms import default_policy, newest
from hosts.models import MigrationPolicy, PolicyVersion
from tests.factory import make_cluster, make_migration, make_vm

pytestmark = pytest.mark.django_db

TYPED: dict[str, Any] = {
    "name": "Nightly",
    "description": "For backups’ hours.",
    "method": "passes",
    "concurrent": "1",
    "bandwidth_mib": "200",
    "initial_downtime_ms": "100",
    "max_downtime_ms": "800",
    "steps": "1: 200 ms\n3: 800 ms\n0: post-copy",
    "look_every_s": "5",
    "parallel": "0",
    "postcopy": "on",
    "when_stuck": "cancel",
    "otherwise": "cancel",
    "deadline_s_per_gib": "60",
    "deadline_least_s": "120",
}


def test_it_lists_those_that_came_with_godwit(vera: Client) -> None:
    page = vera.get("/policies").content.decode()
    for name in (
        "Adaptive", "Minimal downtime", "Suspend workload if needed", "Post-copy migration", "Very large VMs", "Legacy",
    ):  # fmt: skip
        assert name in page


def test_it_tells_in_words_what_a_policy_does(vera: Client) -> None:
    page = vera.get(f"/policies/{MigrationPolicy.objects.get(name='Minimal downtime').pk}").content.decode()
    assert "100 ms at first, 500 ms at most" in page
    assert "after pass 1 150 ms; after pass 2 200 ms" in page
    assert "2 a host, each way" in page


def test_it_makes_a_new_policy(ada: Client) -> None:
    answer = ada.post("/policies/new", TYPED)
    made = MigrationPolicy.objects.get(name="Nightly")
    assert answer.headers["Location"] == f"/policies/{made.pk}"
    says = from_json(newest(made).data)
    assert says.bandwidth == 200 << 20
    assert [(step.after, step.do, step.value) for step in says.steps] == [
        (1, "max_downtime", 200), (3, "max_downtime", 800), (0, "postcopy", None),
    ]  # fmt: skip
    assert AuditEntry.objects.get(verb="save_policy").detail == "version 1"


def test_a_change_makes_a_version_and_migrations_keep_theirs(ada: Client) -> None:
    ada.post("/policies/new", TYPED)
    policy = MigrationPolicy.objects.get(name="Nightly")
    migration = make_migration(policy=newest(policy))
    ada.post(f"/policies/{policy.pk}/edit", TYPED | {"max_downtime_ms": "900"})
    assert newest(policy).number == 2
    migration.refresh_from_db()
    assert str(migration.policy) == "Nightly, version 1"
    assert "800 ms at most" in ada.get(f"/policies/{policy.pk}?version=1").content.decode()
    assert ada.get(f"/policies/{policy.pk}?version=7").status_code == 400


def test_saving_the_same_makes_no_version(ada: Client) -> None:
    ada.post("/policies/new", TYPED)
    policy = MigrationPolicy.objects.get(name="Nightly")
    ada.post(f"/policies/{policy.pk}/edit", TYPED | {"description": "Other words."})
    policy.refresh_from_db()
    assert policy.description == "Other words."
    assert newest(policy).number == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"parallel": "4"}, "Post-copy with parallel connections"),
        ({"max_downtime_ms": "2000001"}, "2000000"),
        ({"initial_downtime_ms": "900"}, "longer than the greatest"),
        ({"bandwidth_mib": "0"}, "greater than or equal to 1"),
        ({"steps": "soon: 200 ms"}, "Line 1"),
        ({"steps": "3: 800 ms\n1: 800 ms"}, "the moments have to rise"),
        ({"postcopy": ""}, "post-copy, which this policy does not allow"),
        ({"bandwidth_mib": "10"}, "The first pass alone takes"),
        ({"method": "magic"}, "magic"),
    ],
)
def test_a_refusal_keeps_what_was_typed(ada: Client, wrong: dict[str, str], said: str) -> None:
    answer = ada.post("/policies/new", TYPED | wrong)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert 'value="Nightly"' in page
    assert not MigrationPolicy.objects.filter(name="Nightly").exists()


def test_one_that_came_with_godwit_keeps_its_name_and_stays(ada: Client) -> None:
    policy = default_policy()
    assert ada.post(f"/policies/{policy.pk}/edit", TYPED | {"name": "Mine"}).status_code == 422
    ada.post(f"/policies/{policy.pk}/remove")
    assert default_policy().name == "Adaptive"


def test_a_name_is_taken_once(ada: Client) -> None:
    answer = ada.post("/policies/new", TYPED | {"name": "Legacy"})
    assert answer.status_code == 422
    assert "There is a policy “Legacy” already" in answer.content.decode()


def test_it_is_removed_only_where_nothing_holds_it(ada: Client) -> None:
    ada.post("/policies/new", TYPED)
    policy = MigrationPolicy.objects.get(name="Nightly")
    cluster = make_cluster()
    ada.post(f"/clusters/{cluster.pk}/policy", {"policy": policy.pk})
    ada.post(f"/policies/{policy.pk}/remove")
    assert MigrationPolicy.objects.filter(pk=policy.pk).exists()
    ada.post(f"/clusters/{cluster.pk}/policy", {"policy": ""})
    ada.post(f"/policies/{policy.pk}/remove")
    assert not PolicyVersion.objects.filter(policy_id=policy.pk).exists()


def test_only_an_administrator_changes_policies(as_: Callable[[str], Client]) -> None:
    policy, cluster = default_policy(), make_cluster()
    for name in ("otto", "vera"):
        person = as_(name)
        assert person.get("/policies/new").status_code == 403
        assert person.post(f"/policies/{policy.pk}/edit", TYPED).status_code == 403
        person.post(f"/clusters/{cluster.pk}/policy", {"policy": policy.pk})
    cluster.refresh_from_db()
    assert cluster.migration_policy != policy
    assert newest(policy).number == 1


def test_a_vm_takes_its_own(otto: Client, vera: Client) -> None:
    vm, legacy = make_vm(), MigrationPolicy.objects.get(name="Legacy")
    vera.post(f"/vms/{vm.uuid}/policy", {"policy": legacy.pk})
    vm.refresh_from_db()
    assert vm.migration_policy is None
    otto.post(f"/vms/{vm.uuid}/policy", {"policy": legacy.pk})
    vm.refresh_from_db()
    assert vm.migration_policy == legacy
    page = otto.get(f"/vms/{vm.uuid}?tab=policy").content.decode()
    assert f'value="{legacy.pk}" selected' in page


def test_it_says_so_where_the_policy_is_gone(otto: Client) -> None:
    vm = make_vm()
    page = otto.post(f"/vms/{vm.uuid}/policy", {"policy": "99999"}, follow=True).content.decode()
    assert "no longer there" in page
