"""Windows, pauses and cancels: it …"""

import pytest

from datacenter.maintenance import orders
from datacenter.models import HostHold, Plan, PlanHost, PlanMove
from hosts.models import Migration
from hosts.states import MigrationState
from tests.maintenance.house import House


def expect(plan: Plan, *, host_s: float, move_s: float) -> None:
    """A forecast of the test's own."""
    for place, row in enumerate(plan.hosts.all()):
        PlanHost.objects.filter(pk=row.pk).update(
            expected_start_s=place * host_s,
            expected_empty_s=(place + 0.9) * host_s,
            expected_end_s=(place + 1) * host_s,
        )
    PlanMove.objects.filter(plan_host__plan=plan).update(expected_s=move_s, expected_p90_s=move_s)
    Plan.objects.filter(pk=plan.pk).update(expected_s=None, expected_p90_s=None)


def begun(house: House, plan: Plan) -> set[str]:
    return {name for name, state in house.rows(plan).items() if state not in ("waiting",)}


def test_it_begins_no_host_that_would_not_end_in_the_window(house: House) -> None:
    plan = house.plan("h1", "h2", window_s=82)
    expect(plan, host_s=80, move_s=5)
    house.until(lambda: house.state(plan) == "stopped")
    assert house.rows(plan) == {"h1": "done", "h2": "waiting"}
    assert "before the window ends" in Plan.objects.get(pk=plan.pk).because
    assert HostHold.objects.count() == 2


def test_it_goes_on_in_the_next_window(house: House) -> None:
    plan = house.plan("h1", "h2", window_s=82)
    expect(plan, host_s=80, move_s=5)
    house.until(lambda: house.state(plan) == "stopped")
    orders.resume(house.olga, plan, window_ends_at=house.clock.now() + (plan.window_ends_at - plan.started_at))
    house.until(lambda: house.state(plan) == "finished")
    assert house.rows(plan) == {"h1": "done", "h2": "done"}


def test_it_cancels_what_still_copies_when_the_window_ends(house: House) -> None:
    for name in ("web1", "web2", "db"):
        house.dirty(name, 2000)  # copies for ever
    plan = house.plan("h1", window_s=60)
    expect(plan, host_s=30, move_s=5)
    house.until(house.copying)
    house.until(lambda: house.state(plan) == "stopped", seconds=200)
    house.pass_time(5)
    assert house.rows(plan) == {"h1": "waiting"}
    assert house.states()["h1"] == "up"
    assert not Migration.objects.filter(state__in=("queued", "copying", "starting")).exists()
    assert house.where()["web1"] == "h1"
    assert set(house.moves(plan).values()) <= {"waiting", "done"}


def test_it_leaves_what_is_in_postcopy_to_its_end(house: House) -> None:
    house.dirty("web1", 2000)
    plan = house.plan("h1", window_s=60)
    expect(plan, host_s=30, move_s=5)
    house.until(lambda: Migration.objects.filter(vm__name="web1", state=MigrationState.COPYING).exists())
    house.pass_time(2)
    house.do_postcopy("web1")
    house.until(lambda: Migration.objects.get(vm__name="web1").state == "postcopy")
    Plan.objects.filter(pk=plan.pk).update(window_ends_at=house.clock.now())
    house.until(lambda: house.state(plan) == "stopped", seconds=200)
    house.until(lambda: Migration.objects.get(vm__name="web1").state == "done")
    house.pass_time(3)
    assert house.where()["web1"] != "h1"
    assert house.move(plan, "web1").state == "done"


def test_it_takes_a_migration_back_that_would_begin_too_late(house: House) -> None:
    type(house.host("h1").cluster).objects.update(most_out=1)
    house.dirty("db", 2000)  # the first of the three, and it copies for ever
    plan = house.plan("h1", window_s=30)
    expect(plan, host_s=25, move_s=20)
    house.until(lambda: Migration.objects.filter(state="queued").count() == 2)
    house.until(lambda: not Migration.objects.filter(state="queued").exists(), seconds=20)
    assert house.moves(plan) == {"db": "running", "web1": "waiting", "web2": "waiting"}


def test_it_finishes_the_hosts_that_have_begun_when_paused(house: House) -> None:
    plan = house.plan("h1", "h2")
    house.until(house.copying)
    orders.pause(house.olga, plan)
    house.until(lambda: house.rows(plan)["h1"] == "done")
    house.pass_time(10)
    assert (house.state(plan), house.rows(plan)["h2"]) == ("paused", "waiting")
    orders.resume(house.olga, plan)
    house.until(lambda: house.state(plan) == "finished")


@pytest.mark.parametrize("stop_running", [False, True])
def test_it_stops_at_once_what_is_queued_and_what_runs_only_if_told(house: House, stop_running: bool) -> None:
    for name in ("web1", "web2", "db"):
        house.dirty(name, 150)
    plan = house.plan("h1", "h2")
    house.until(lambda: Migration.objects.filter(state=MigrationState.COPYING).count() == 2)
    ran = set(Migration.objects.filter(state=MigrationState.COPYING).values_list("vm__name", flat=True))
    orders.cancel(house.olga, plan, stop_running=stop_running)
    assert not Migration.objects.filter(state="queued").exists()
    assert house.states()["h1"] == "up"
    house.until(lambda: house.state(plan) == "cancelled")
    ended = set(Migration.objects.filter(vm__name__in=ran).values_list("state", flat=True))
    assert ended == ({"cancelled"} if stop_running else {"done"})
    assert set(house.rows(plan).values()) == {"cancelled"}
    stay = {name for name, host in house.where().items() if host == "h1"}
    assert stay == ({"web1", "web2", "db"} if stop_running else {"web1", "web2", "db"} - ran)
    assert not HostHold.objects.exists()
    house.pass_time(10)
    assert not Migration.objects.exclude(state__in=("done", "cancelled")).exists()


def test_it_writes_forecast_against_fact_at_the_end(house: House) -> None:
    plan = house.plan("h1")
    house.until(lambda: house.state(plan) == "finished")
    told = Plan.objects.get(pk=plan.pk).report
    (host,) = told["hosts"]
    assert (host["host"], host["state"], told["moved"], told["failed"]) == ("h1", "done", 3, [])
    assert 0 < host["actual_empty_s"] <= host["actual_s"] <= told["actual_s"]
    for move in host["moves"]:
        assert move["actual_s"] > 0
        assert move["pause_ms"] is not None
        assert move["to"] in ("h2", "h3")
