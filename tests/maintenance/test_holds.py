"""A plan holds its hosts: it …"""

import pytest

from datacenter import orders as people
from datacenter.maintenance import orders, plans
from datacenter.maintenance.terms import Terms
from datacenter.models import HostHold
from tests.maintenance.house import House


def drafts(house: House, *hosts: str) -> list:  # type: ignore[type-arg]
    """Two drafts that share h1, both made before either is approved."""
    return [
        plans.make_plan(house.olga, [house.host(name)], title=f"plan {name} {n}", reason="", terms=Terms())
        for n, name in enumerate(hosts)
    ]


def test_it_refuses_a_second_plan_for_a_host_and_names_the_first(house: House) -> None:
    first, second = drafts(house, "h1", "h1")
    orders.approve(house.olga, first, version=first.version)
    with pytest.raises(orders.Refused, match="h1 is held by the plan “plan h1 0”") as refused:
        orders.approve(house.olga, second, version=second.version)
    assert refused.value.field == "hosts"
    assert (house.state(first), house.state(second)) == ("approved", "draft")
    orders.unapprove(house.olga, first)
    orders.approve(house.olga, second, version=second.version)
    assert HostHold.objects.get().plan == second


def test_it_refuses_an_order_that_was_given_for_an_older_version(house: House) -> None:
    (plan,) = drafts(house, "h1")
    with pytest.raises(orders.Refused, match="changed meanwhile") as refused:
        orders.approve(house.olga, plan, version=plan.version - 1)
    assert refused.value.field == "version"
    assert not HostHold.objects.exists()


def test_it_lets_nobody_else_move_a_vm_to_its_hosts(house: House) -> None:
    (plan,) = drafts(house, "h2")
    orders.approve(house.olga, plan, version=plan.version)
    with pytest.raises(people.Refused, match="h2 cannot take web1: The maintenance plan “plan h2 0” holds it"):
        people.migrate(house.olga, house.vm("web1"), house.host("h2"))
    assert people.migrate(house.olga, house.vm("web1")).destination == house.host("h3")
    (moved,) = people.migrate_many(house.olga, [house.vm("web2")], house.host("h2"))
    assert moved.migration is None
    assert "holds it" in moved.reason


def test_it_gives_them_back_when_it_ends(house: House) -> None:
    plan = house.plan("h1")
    assert HostHold.objects.count() == 1
    house.until(lambda: house.state(plan) == "finished")
    assert not HostHold.objects.exists()
