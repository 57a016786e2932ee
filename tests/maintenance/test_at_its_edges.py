"""A plan's beginning and its last steps: it …"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connections
from django.utils import timezone

from datacenter.access import SHELL
from datacenter.maintenance import orders, plans
from datacenter.maintenance.terms import StepTerms, Terms
from datacenter.models import HostHold, Plan, PlanHost, PlanStep
from datacenter.orders.errors import Refused
from hosts.models import Event
from tests.factory import make_host, make_vm
from tests.maintenance.house import House

HEALTH = {"when": "after", "kind": "health", "params": {}}


# a step that fails after activation
def failing(why: str) -> Callable[[PlanStep], None]:
    def does(step: PlanStep) -> None:
        PlanStep.objects.filter(pk=step.pk).update(state="failed", because=why)

    return does


def test_it_stops_the_roll_where_a_check_fails_after_activation_and_takes_the_host_out_again(house: House) -> None:
    house.step_does = failing("The network br-lan is gone.")
    plan = house.plan("h1", "h2", steps=(StepTerms(**HEALTH),))
    house.until(lambda: house.state(plan) == "failed")
    assert house.rows(plan) == {"h1": "failed", "h2": "waiting"}
    assert Plan.objects.get(pk=plan.pk).because == "Health check failed: The network br-lan is gone."
    house.until(lambda: house.states()["h1"] == "maintenance")
    history = Event.changes.filter(noun="host", row=house.host("h1").pk, field="state").order_by("pk")
    states = list(history.values_list("new", flat=True))
    assert "up" in states[states.index("maintenance") :], "it had been activated: the check is one that comes after"
    house.pass_time(5)
    assert "h1" not in house.where().values(), "no VM came back to it"


def test_it_goes_on_where_the_check_is_well_again(house: House) -> None:
    house.step_does = failing("The network br-lan is gone.")
    plan = house.plan("h1", "h2", steps=(StepTerms(**HEALTH),), home=True)
    house.until(lambda: house.state(plan) == "failed")
    house.step_does = None
    orders.resume(house.olga, plan)
    house.until(lambda: house.state(plan) == "finished", seconds=900)
    assert house.rows(plan) == {"h1": "done", "h2": "done"}
    assert {house.states()[name] for name in ("h1", "h2")} == {"up"}
    assert set(house.where()) == {"web1", "web2", "db", "mail"}


def test_it_leaves_a_host_up_whose_check_fails_when_a_vm_runs_there_again(house: House) -> None:
    """What runs is not chased off by a failed check: a person looks."""

    def does(step: PlanStep) -> None:
        house.virsh_migrate("web1", house.where()["web1"], "h1")
        house.step_does = wait_for_it

    def wait_for_it(step: PlanStep) -> None:
        if house.where()["web1"] == "h1" and house.vm("web1").host.name == "h1":
            PlanStep.objects.filter(pk=step.pk).update(state="failed", because="A disk is missing.")

    house.step_does = does
    plan = house.plan("h1", steps=(StepTerms(**HEALTH),))
    house.until(lambda: house.state(plan) == "failed")
    house.pass_time(3)
    assert house.states()["h1"] == "up"
    assert house.where()["web1"] == "h1"


# starts_at
def approved(house: House, *hosts: str, at: datetime) -> Plan:
    plan = house.plan(*hosts, started=False)
    orders.approve(house.olga, plan, version=plan.version, starts_at=at)
    return plan


def test_it_waits_for_its_start_and_begins_then_by_itself(house: House) -> None:
    at = house.clock.now() + timedelta(minutes=10)
    plan = approved(house, "h1", at=at)
    house.pass_time(30)
    assert (house.state(plan), house.rows(plan)) == ("approved", {"h1": "waiting"})
    assert house.states()["h1"] == "up"
    assert HostHold.objects.filter(plan=plan).count() == 1, "its hosts are its own from the approval on"
    house.skip_time(600)
    house.until(lambda: house.state(plan) == "running", seconds=5)
    row = Plan.objects.get(pk=plan.pk)
    assert row.because == "Its start has come."
    assert row.started_at is not None
    assert row.started_at >= at
    house.until(lambda: house.state(plan) == "finished")


def test_one_without_a_start_waits_for_somebody(house: House) -> None:
    plan = house.plan("h1", started=False)
    orders.approve(house.olga, plan, version=plan.version)
    house.skip_time(86_400)
    house.pass_time(5)
    assert house.state(plan) == "approved"


def test_it_does_not_begin_when_it_was_taken_back_before(house: House) -> None:
    plan = approved(house, "h1", at=house.clock.now() + timedelta(minutes=1))
    orders.unapprove(house.olga, plan)
    house.skip_time(120)
    house.pass_time(5)
    row = Plan.objects.get(pk=plan.pk)
    assert (row.state, row.starts_at) == ("draft", None)
    assert not HostHold.objects.exists()


def test_a_start_that_passed_while_nobody_worked_is_made_up_for_at_once(house: House) -> None:
    plan = approved(house, "h1", at=house.clock.now() + timedelta(minutes=1))
    house.workers[0].die()
    house.skip_time(3600)
    house.pass_time(2)
    assert house.state(plan) == "approved"
    house.workers[0].alive, house.workers[0].lease = True, None
    house.until(lambda: house.state(plan) == "finished")


# two approvals at the same instant
@pytest.fixture
def two_plans(transactional_db: None) -> tuple[Plan, Plan]:
    """Of two people, both with the host a."""
    hosts = {name: make_host(name) for name in ("a", "b", "c", "d")}
    make_vm(host=hosts["a"])
    terms = Terms(keep_spare=False)
    one = plans.make_plan(SHELL, [hosts["a"], hosts["b"]], title="one", reason="firmware", terms=terms)
    other = plans.make_plan(SHELL, [hosts["c"], hosts["a"]], title="other", reason="disks", terms=terms)
    return one, other


def at_once(*calls: object) -> list[str]:
    """Each on a thread of its own, let go at one moment; "done", or why it was refused."""
    gate = threading.Barrier(len(calls))
    said: list[str] = []

    def run(call: object) -> None:
        try:
            gate.wait(30)
            call()  # type: ignore[operator]
            said.append("done")
        except Refused as exc:
            said.append(str(exc))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(said)


def test_of_two_plans_that_share_a_host_one_is_approved(two_plans: tuple[Plan, Plan]) -> None:
    for _ in range(5):
        said = at_once(*(lambda plan=plan: orders.approve(SHELL, plan, version=plan.version) for plan in two_plans))
        assert len(said) == 2, "both came to an end: neither waits for the other for ever"
        assert said.count("done") == 1
        assert any("a is held by the plan" in each for each in said)
        winner = Plan.objects.get(state="approved")
        assert set(HostHold.objects.values_list("plan", flat=True)) == {winner.pk}
        assert HostHold.objects.count() == 2
        orders.unapprove(SHELL, winner)


def test_of_two_people_who_approve_one_plan_one_has_done_it(two_plans: tuple[Plan, Plan]) -> None:
    plan = two_plans[0]
    copies = [Plan.objects.get(pk=plan.pk) for _ in range(2)]
    start = timezone.now() + timedelta(hours=1)
    said = at_once(*(
        lambda row=row, at=at: orders.approve(SHELL, row, version=row.version, starts_at=at)
        for row, at in zip(copies, (None, start), strict=True)
    ))  # fmt: skip
    assert said == ["This plan is approved.", "done"]
    assert Event.orders.filter(verb="approve", row=plan.pk).count() == 2, "the refused one is written down too"
    assert HostHold.objects.filter(plan=plan).count() == 2
    assert PlanHost.objects.filter(plan=plan, state="waiting").count() == 2
