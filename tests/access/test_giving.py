"""Giving and taking roles: one …"""

import pytest

from datacenter.access import SHELL, SYSTEM, Limit, Verb, can, visible
from datacenter.models import Role, RoleBinding, User
from datacenter.orders import Forbidden, Refused
from datacenter.orders.roles import give_role, save_group, save_role, take_role
from hosts.models import VM, Event
from tests.factory import make_cluster, make_host, make_vm
from tests.people import give, role

pytestmark = pytest.mark.django_db


def test_one_cannot_give_more_than_one_has_and_the_try_is_kept() -> None:
    home = make_cluster()
    pat, vera = User.objects.create_user("pat"), User.objects.create_user("vera")
    give(pat, "Cluster administrator", on=home)
    with pytest.raises(Forbidden, match="wider than what you may"):
        give_role(pat, role("Administrator"), vera, home)
    with pytest.raises(Forbidden):
        give_role(pat, role("Read-only"), vera, SYSTEM)
    assert Event.orders.filter(kind="refused", actor="pat").count() == 2
    assert not vera.role_bindings.exists()
    give_role(pat, role("VM operator"), vera, home)
    assert can(vera, Verb.POWER, make_vm(host=make_host(cluster=home)))


def test_one_cannot_take_the_last_administrator_away_nor_empty_the_role() -> None:
    ada = User.objects.create_user("ada")
    own = Role.objects.create(name="own", verbs=[verb.value for verb in Verb])
    given = RoleBinding.objects.create(role=own, user=ada, level="system", made_by="test")
    with pytest.raises(Refused, match="nobody could administer"):
        take_role(ada, given)
    with pytest.raises(Refused, match="nobody could administer"):
        save_role(ada, own, name="own", description="", verbs=["grant"])
    own.refresh_from_db()
    given = ada.role_bindings.get()
    assert Verb.ADMINISTER in own.verbs
    assert Event.orders.filter(kind="refused", because__startswith="The last administrator").count() == 2
    give(User.objects.create_user("second"), "Administrator")
    take_role(ada, given)
    assert not can(ada, Verb.VIEW)


def test_one_cannot_make_a_role_of_what_one_lacks() -> None:
    pat = User.objects.create_user("pat")
    RoleBinding.objects.create(
        role=Role.objects.create(name="giver", verbs=["view", "grant"]), user=pat, level="system", made_by="test"
    )
    with pytest.raises(Forbidden):
        save_role(pat, Role.objects.get(name="giver"), name="giver", description="", verbs=["grant", "administer"])
    with pytest.raises(Refused, match="stays as it is"):
        save_role(SHELL, role("Read-only"), name="x", description="", verbs=[])


def test_a_group_gives_its_roles_to_who_is_in_it_and_a_change_counts_at_once() -> None:
    home, pat = make_cluster(), User.objects.create_user("pat")
    User.objects.create_superuser("ada")
    group = save_group(SHELL, None, name="night shift", members=[pat])
    give(group, "VM user", on=home)
    vm = make_vm(host=make_host(cluster=home))
    assert can(pat, Verb.POWER, vm)
    save_group(SHELL, group, name="night shift", members=[])
    assert not can(pat, Verb.VIEW, vm)


def test_a_limit_narrows_its_owner() -> None:
    vm, other = make_vm(), make_vm(host=make_host(cluster=make_cluster("green")))
    pat = User.objects.create_user("pat")
    give(pat, "VM operator")
    pat.limit = Limit(verbs=frozenset({Verb.VIEW}), roots=(("cluster", vm.host.cluster_id),))  # type: ignore[attr-defined]
    assert can(pat, Verb.VIEW, vm)
    assert not can(pat, Verb.POWER, vm)
    assert not can(pat, Verb.VIEW, other)
    assert list(visible(pat, VM.objects.all())) == [vm]


def test_a_list_is_filtered_in_the_query(django_assert_num_queries: object) -> None:
    home = make_cluster()
    mine = make_vm(host=make_host(cluster=home))
    make_vm(host=make_host(cluster=make_cluster("green", datacenter="Elsewhere")))
    pat = User.objects.create_user("pat")
    give(pat, "Read-only", on=home.datacenter)
    with django_assert_num_queries(3):  # type: ignore[operator]  # bindings, clusters of the data center, the list
        assert list(visible(pat, VM.objects.all())) == [mine]
    assert '"cluster_id" IN (' in str(visible(pat, VM.objects.all()).query)
    assert can(pat, Verb.VIEW, mine)
    assert not can(pat, Verb.ADMINISTER)
