"""Orders of maintenance: one …"""

import pytest
from django.contrib.auth.models import AnonymousUser

from datacenter.maintenance import orders
from datacenter.models import AuditEntry, Plan, PlanHost, User
from hosts.models import VM, Host, Migration
from tests.maintenance.house import House


def test_one_is_refused_to_a_person_who_may_only_look(house: House) -> None:
    walter = User.objects.create_user("walter")
    plan = house.plan("h1", started=False)
    tries = (
        lambda: orders.to_maintenance(walter, [house.host("h1")], ""),
        lambda: orders.approve(walter, plan, version=plan.version),
        lambda: orders.cancel(walter, plan),
        lambda: orders.activate(walter, house.host("h1")),
        lambda: orders.approve(AnonymousUser(), plan, version=plan.version),
    )
    for attempt in tries:
        with pytest.raises(orders.Forbidden):
            attempt()
    assert AuditEntry.objects.filter(refused=True).count() == len(tries)
    assert house.state(plan) == "draft"


def test_one_click_empties_hosts_and_activate_ends_it(house: House) -> None:
    plan = orders.to_maintenance(house.olga, [house.host("h1")], "a new disk")
    house.until(lambda: house.states()["h1"] == "maintenance")
    house.until(lambda: house.state(plan) == "finished")
    row = house.host("h1")
    assert (row.maintenance_reason, row.maintenance_by) == ("a new disk", "olga")
    house.pass_time(5)
    assert house.states()["h1"] == "maintenance"
    orders.activate(house.olga, row)
    assert house.states()["h1"] == "connecting"
    house.pass_time(2)
    assert house.states()["h1"] == "up"
    assert Host.objects.get(name="h1").maintenance_reason == ""


def test_one_click_takes_a_host_without_vms_straight_to_maintenance(house: House) -> None:
    plan = orders.to_maintenance(house.olga, [house.host("h3")], "")
    house.second()
    assert house.states()["h3"] == "maintenance"
    assert not Migration.objects.exists()
    house.until(lambda: house.state(plan) == "finished", seconds=10)


def test_one_click_is_refused_where_a_vm_blocks_and_names_it(house: House) -> None:
    VM.objects.filter(name="web1").update(maintenance_rule="ask")
    with pytest.raises(orders.Refused, match=r"VMs block it\. web1: ") as refused:
        orders.to_maintenance(house.olga, [house.host("h1")], "")
    assert refused.value.field == "hosts"
    assert not Plan.objects.exists()
    orders.to_maintenance(house.olga, [house.host("h1")], "", force=True)
    house.until(lambda: "web2" not in [vm.name for vm in VM.objects.filter(host__name="h1")])
    assert house.states()["h1"] == "preparing"


def test_a_silent_host_is_refused_while_a_vm_may_run_there(house: House) -> None:
    house.fault("isolate", "h1")
    house.until(lambda: house.states()["h1"] == "non_responsive")
    with pytest.raises(orders.Refused, match="h1 does not answer, and what its VMs do is not known"):
        orders.to_maintenance(house.olga, [house.host("h1")], "", force=True)
    assert house.states()["h1"] == "non_responsive"


def test_a_silent_host_without_vms_goes(house: House) -> None:
    house.fault("isolate", "h3")
    house.until(lambda: house.states()["h3"] == "non_responsive")
    orders.to_maintenance(house.olga, [house.host("h3")], "")
    house.until(lambda: house.states()["h3"] == "maintenance", seconds=10)


def test_activate_on_a_host_that_is_being_emptied_ends_its_drain(house: House) -> None:
    type(house.host("h1").cluster).objects.update(most_out=1)
    plan = house.plan("h1", "h2")
    house.until(house.copying)
    orders.activate(house.olga, house.host("h1"))
    assert house.states()["h1"] == "up"
    assert not Migration.objects.filter(source__name="h1", state="queued").exists()
    house.until(lambda: house.state(plan) == "finished")
    assert house.rows(plan) == {"h1": "cancelled", "h2": "done"}
    assert list(house.where().values()).count("h1") >= 2


def test_a_host_that_is_skipped_is_left_alone(house: House) -> None:
    plan = house.plan("h1", "h2", started=False)
    orders.approve(house.olga, plan, version=plan.version)
    orders.skip_host(house.olga, PlanHost.objects.get(plan=plan, host__name="h1"))
    orders.start(house.olga, plan)
    house.until(lambda: house.state(plan) == "finished")
    assert house.rows(plan) == {"h1": "skipped", "h2": "done"}
    with pytest.raises(orders.Refused, match="This plan has ended"):
        orders.skip_host(house.olga, PlanHost.objects.get(plan=plan, host__name="h2"))


def test_a_step_that_asks_is_answered(house: House) -> None:
    from datacenter.maintenance.terms import StepTerms
    from datacenter.models import PlanStep

    house.step_does = lambda step: PlanStep.objects.filter(pk=step.pk, state="waiting").update(state="asking") and None
    plan = house.plan("h1", steps=(StepTerms(when="empty", kind="confirm", params={"text": "Swapped?"}),))
    step = PlanStep.objects.get(plan_host__plan=plan)
    house.until(lambda: PlanStep.objects.get(pk=step.pk).state == "asking")
    house.pass_time(20)
    assert house.rows(plan)["h1"] == "working"
    orders.confirm_step(house.olga, step, ok=True, note="slot 3")
    assert PlanStep.objects.get(pk=step.pk).because == "Confirmed by olga. slot 3"
    house.until(lambda: house.state(plan) == "finished")
