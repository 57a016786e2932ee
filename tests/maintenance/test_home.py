"""VMs that do not migrate, and those that come home: it …"""

from itertools import pairwise

from hosts.models import VM, Migration, Operation
from tests.maintenance.house import House


def rule(name: str, rule: str) -> None:
    VM.objects.filter(name=name).update(maintenance_rule=rule)


def test_it_shuts_down_suspends_and_leaves_by_each_vms_rule_and_starts_them_again(house: House) -> None:
    rule("web1", "shutdown")
    rule("web2", "suspend")
    plan = house.plan("h1")
    house.until(lambda: house.state(plan) == "finished")
    verbs = list(Operation.objects.order_by("vm__name", "pk").values_list("vm__name", "verb"))
    assert verbs == [("web1", "shutdown"), ("web1", "start"), ("web2", "suspend"), ("web2", "start")]
    where = house.where()
    assert (where["web1"], where["web2"]) == ("h1", "h1")
    assert where["db"] != "h1"
    assert house.moves(plan, "home") == {"web1": "done", "web2": "done"}


def test_it_never_powers_off_a_guest_that_does_not_shut_down(house: House) -> None:
    rule("web1", "shutdown")
    plan = house.plan("h1", skip_blocked=False)
    plan.terms["shutdown_limit_s"] = 1.0  # less than any form takes, and than the simulated guest needs
    plan.save(update_fields=["terms"])
    with house.world.present():  # the guest stands still: it hears no power button
        house.world.guest_named("web1").meter.set_level(house.world.t, 0.0)
    house.until(lambda: house.move(plan, "web1").light == "red", seconds=60)
    move = house.move(plan, "web1")
    assert "did not shut down within 1 s" in move.why
    assert not Operation.objects.filter(verb="power_off").exists()
    assert house.state(plan) == "running"


def test_it_brings_vms_home_one_after_the_other(house: House) -> None:
    plan = house.plan("h1", home=True, home_stagger_s=15.0)
    house.until(lambda: house.state(plan) == "finished")
    assert {name for name, host in house.where().items() if host == "h1"} == {"web1", "web2", "db"}
    home = Migration.objects.filter(destination__name="h1").order_by("requested_at")
    assert set(home.values_list("priority", flat=True)) == {"balancer"}
    moves = plan.hosts.get().moves.filter(leg="home").order_by("started_at")
    begun = [move.started_at for move in moves]
    assert all((after - before).total_seconds() >= 15 for before, after in pairwise(begun))


def test_it_starts_again_what_it_shut_down_where_the_plan_is_cancelled(house: House) -> None:
    from datacenter.maintenance import orders

    rule("web1", "shutdown")
    rule("web2", "ask")  # so that the host stays as it is
    plan = house.plan("h1", skip_blocked=False)
    house.until(lambda: house.move(plan, "web1").state == "done")
    assert "web1" not in house.where()
    orders.cancel(house.olga, plan)
    house.until(lambda: house.state(plan) == "cancelled")
    house.pass_time(5)
    assert house.where()["web1"] == "h1"
    assert house.states()["h1"] == "up"


def test_it_names_what_stays_down_where_the_plan_is_cancelled_on_an_empty_host(house: House) -> None:
    from datacenter.maintenance import orders
    from datacenter.maintenance.terms import StepTerms
    from datacenter.models import Plan, PlanStep

    rule("web1", "shutdown")
    house.step_does = lambda step: PlanStep.objects.filter(pk=step.pk, state="waiting").update(state="asking") and None
    plan = house.plan("h1", steps=(StepTerms(when="empty", kind="confirm", params={"text": "Swapped?"}),))
    house.until(lambda: house.rows(plan)["h1"] == "working")
    orders.cancel(house.olga, plan)
    house.until(lambda: house.state(plan) == "cancelled", seconds=10)
    assert Plan.objects.get(pk=plan.pk).because == "Cancelled by olga. Still down: web1 on h1."
    assert house.states()["h1"] == "maintenance"
