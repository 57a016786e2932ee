"""What breaks while a plan runs: it …"""

from datetime import timedelta

import pytest
from django.db import OperationalError

from datacenter.maintenance import drain, orders, plans, runner
from datacenter.maintenance.reins import LeaseLost
from datacenter.models import Plan, PlanHost, PlanMove, PlanStep
from hosts.models import Host, Migration, Transition
from hosts.states import MigrationState
from tests.maintenance.house import House, Worker

REBOOT = {"when": "empty", "kind": "reboot", "params": {}}


def times_begun(plan: Plan) -> list[str]:
    """Hosts in the order they began, with each time."""
    rows = dict(plan.hosts.values_list("pk", "host__name"))
    begun = Transition.objects.filter(noun="plan_host", new="draining").order_by("pk")
    return [rows[row] for row in begun.values_list("row", flat=True)]


def test_it_goes_on_with_another_worker_where_one_died(house: House) -> None:
    plan = house.plan("h1", "h2", "h3")
    house.until(lambda: house.rows(plan)["h1"] == "done" and house.copying())
    house.workers[0].die()
    house.pass_time(5)
    house.workers.append(Worker("worker two", house))
    house.until(lambda: house.state(plan) == "finished", seconds=600)
    assert times_begun(plan) == ["h1", "h2", "h3"]
    assert set(house.rows(plan).values()) == {"done"}
    assert set(house.where()) == {"web1", "web2", "db", "mail"}
    assert Plan.objects.get(pk=plan.pk).lease_epoch == 2


def test_it_does_nothing_for_a_worker_that_froze_and_thaws(house: House) -> None:
    plan = house.plan("h1")
    house.second()
    frozen = house.workers[0]
    Plan.objects.update(lease_until=None)  # it ran out while the worker stood still
    house.workers.append(Worker("worker two", house))
    frozen.alive = False
    house.second()
    before = Migration.objects.count()
    with pytest.raises(LeaseLost):
        runner.tick(Plan.objects.get(pk=plan.pk), clock=house.clock, lease=frozen.lease, run_step=house.run_step)
    assert Migration.objects.count() == before
    house.until(lambda: house.state(plan) == "finished")


def test_it_goes_on_after_everything_died(house: House) -> None:
    plan = house.plan("h1", "h2")
    house.until(house.copying)
    house.workers[0].die()
    for name in ("web1", "web2", "db"):
        if (row := Migration.objects.filter(vm__name=name, state=MigrationState.COPYING).first()) is not None:
            assert row.vm.name == name
            house.do_worker_dies(name)
    house.inventory = type(house.inventory)(holder="another", clock=house.clock)
    house.pass_time(20)
    house.workers = [Worker("worker two", house)]
    house.until(lambda: house.state(plan) == "finished", seconds=600)
    assert times_begun(plan) == ["h1", "h2"]
    assert set(house.where()) == {"web1", "web2", "db", "mail"}
    moved = Migration.objects.filter(source__name="h1", state="done").values_list("vm__name", flat=True)
    assert sorted(moved) == sorted(set(moved))  # nobody went twice


def test_it_stops_where_the_host_dies_while_it_is_emptied(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "SILENT_S", 40.0)
    plan = house.plan("h1", "h2")
    house.until(house.copying)
    house.fault("isolate", "h1")
    house.until(lambda: house.state(plan) == "failed", seconds=900)
    row = PlanHost.objects.get(plan=plan, host__name="h1")
    assert row.state == "failed"
    assert "stopped answering" in row.because
    assert house.rows(plan)["h2"] == "waiting"
    assert house.states()["h1"] == "preparing"  # nothing is started there, nor taken for empty


def test_it_takes_another_destination_where_one_dies(house: House) -> None:
    """The guest that was on its way there waits until both hosts have said what they hold; the others do not."""
    plan = house.plan("h1", started=False, follow="stay")
    for name, target in (("web1", "h2"), ("web2", "h3"), ("db", "h3")):
        plan.refresh_from_db()
        plans.change_move(house.olga, plan, house.move(plan, name), version=plan.version, target=house.host(target))
    plan.refresh_from_db()
    orders.approve(house.olga, plan, version=plan.version)
    orders.start(house.olga, plan)
    to_h2 = Migration.objects.filter(destination__name="h2", state=MigrationState.COPYING)
    house.until(to_h2.exists)
    house.fault("kill_daemon", "h2")
    house.pass_time(40)
    moves = house.moves(plan)
    assert (moves["web2"], moves["db"]) == ("done", "done")
    assert house.where()["web1"] == "h1"
    house.fault("start_daemon", "h2")
    house.until(lambda: house.state(plan) == "finished", seconds=300)
    where = house.where()
    assert "h1" not in where.values()
    assert len(where) == 4


def test_it_waits_for_the_database_and_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = house.plan("h1")
    keeper = runner.Keeper(holder="here", clock=house.clock)
    keeper.look()
    assert plan.pk in keeper.leases

    def gone() -> list[int]:
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as away:
        away.setattr(runner, "due", gone)
        with pytest.raises(OperationalError):
            keeper.look()
    keeper.look()
    assert plan.pk in keeper.leases
    keeper.give_up()
    house.until(lambda: house.state(plan) == "finished")
    assert times_begun(plan) == ["h1"]


@pytest.mark.parametrize("seconds", [3600.0, 86400.0])
def test_it_begins_and_ends_nothing_twice_when_the_clock_jumps(house: House, seconds: float) -> None:
    plan = house.plan("h1", "h2", drain_limit_minutes=2000)
    house.until(house.copying)
    house.skip_time(seconds)
    house.until(lambda: house.state(plan) == "finished", seconds=900)
    assert times_begun(plan) == ["h1", "h2"]
    ended = Transition.objects.filter(noun="plan_host", new="done").count()
    assert ended == 2
    assert Transition.objects.filter(noun="plan", new="finished").count() == 1


def test_it_counts_a_vm_that_virsh_moved_as_moved(house: House) -> None:
    house.dirty("web1", 5)
    plan = house.plan("h1", started=False)
    orders.approve(house.olga, plan, version=plan.version)
    house.virsh_migrate("web1", "h1", "h3")
    house.pass_time(0.5)
    orders.start(house.olga, plan)
    house.until(lambda: house.state(plan) == "finished")
    move = house.move(plan, "web1")
    assert (move.state, move.migration) == ("done", None)
    assert "Somebody else moved it to h3" in move.because


def test_it_picks_up_a_vm_that_came_meanwhile(house: House) -> None:
    house.dirty("web1", 60)
    plan = house.plan("h1", follow="stay")
    house.until(house.copying)
    house.virsh_migrate("mail", "h2", "h1")
    house.until(lambda: house.state(plan) == "finished")
    assert house.move(plan, "mail").state == "done"
    assert "h1" not in house.where().values()


def test_it_keeps_its_copy_where_the_terms_are_edited(house: House) -> None:
    """A policy that is edited changes no plan that runs: a plan's terms are a copy of its own."""
    from datacenter.models import MaintenancePolicy

    policy = MaintenancePolicy.objects.create(
        name="nightly", cluster=house.host("h1").cluster, rule="FREQ=DAILY", starts_at_local=house.clock.now(),
        zone="UTC", duration_minutes=60, terms={"at_once": 1, "follow": "stay"}, made_by="olga",
    )  # fmt: skip
    plan = house.plan("h1", "h2")
    Plan.objects.filter(pk=plan.pk).update(policy=policy)
    house.until(house.copying)
    policy.terms = {"at_once": 3, "follow": "stay"}
    policy.save()
    house.until(lambda: house.state(plan) == "finished", seconds=600)
    assert set(house.states().values()) == {"up"}
    assert times_begun(plan) == ["h1", "h2"]


def test_it_stops_loudly_where_a_host_does_not_come_back_from_its_reboot(house: House) -> None:
    from datacenter.maintenance.terms import StepTerms

    def never(step: PlanStep) -> None:
        PlanStep.objects.filter(pk=step.pk, state="waiting").update(state="running", started_at=house.clock.now())
        step.refresh_from_db()
        if house.clock.now() - step.started_at > timedelta(minutes=1):
            PlanStep.objects.filter(pk=step.pk).update(state="failed", because="It did not answer within 1 min.")

    house.step_does = never
    plan = house.plan("h1", "h2", steps=(StepTerms(**REBOOT),))
    house.until(lambda: house.rows(plan)["h1"] == "working")
    house.fault("isolate", "h1")
    house.until(lambda: house.state(plan) == "failed", seconds=900)
    assert house.rows(plan) == {"h1": "failed", "h2": "waiting"}
    assert (
        Plan.objects.get(pk=plan.pk).because == "Reboot, and wait for libvirt failed: It did not answer within 1 min."
    )
    assert house.states()["h1"] == "maintenance"
    house.fault("rejoin", "h1")
    house.step_does = None
    orders.resume(house.olga, plan)
    house.until(lambda: house.state(plan) == "finished", seconds=600)
    assert house.rows(plan) == {"h1": "done", "h2": "done"}


def test_it_never_reboots_a_host_on_which_a_vm_was_left(house: House) -> None:
    from datacenter.maintenance.terms import StepTerms

    type(house.vm("db")).objects.filter(name="db").update(maintenance_rule="leave")
    plan = house.plan("h1", steps=(StepTerms(**REBOOT),))
    house.until(lambda: house.state(plan) == "failed")
    assert "h1 is not rebooted: db may run on it." in Plan.objects.get(pk=plan.pk).because
    assert house.steps_run == []
    assert house.where()["db"] == "h1"


def test_it_lets_a_red_vm_hold_up_nobody(house: House) -> None:
    type(house.vm("web1")).objects.filter(name="web1").update(maintenance_rule="ask")
    plan = house.plan("h1", skip_blocked=False, follow="stay")
    others = ("web2", "db")
    house.until(lambda: all(house.moves(plan)[name] == "done" for name in others))
    assert house.moves(plan)["web1"] == "waiting"
    assert (house.state(plan), house.states()["h1"]) == ("running", "preparing")
    PlanMove.objects.filter(vm__name="web1").update(action="migrate", chosen_by="olga")
    house.until(lambda: house.state(plan) == "finished")
    assert house.states()["h1"] == "maintenance"


def test_it_passes_over_a_host_that_a_vm_blocks_and_goes_on(house: House) -> None:
    type(house.vm("web1")).objects.filter(name="web1").update(maintenance_rule="ask")
    plan = house.plan("h1", "h2")
    house.until(lambda: house.state(plan) == "finished", seconds=600)
    assert house.rows(plan) == {"h1": "skipped", "h2": "done"}
    assert house.where()["db"] == "h1"
    assert set(Host.objects.values_list("state", flat=True)) == {"up"}
