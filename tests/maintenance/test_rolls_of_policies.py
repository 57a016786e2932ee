"""A policy's roll, over its windows, on the simulated data center and its clock: it …"""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from datacenter.access import SHELL
from datacenter.maintenance import triggers
from datacenter.maintenance.policies import Draft, save_policy
from datacenter.maintenance.terms import Terms
from datacenter.models import MaintenancePolicy, Plan, WindowRun
from hosts.models import Host
from hosts.virt.clock import ManualClock
from tests.maintenance.drafts import make_policy, make_rack
from tests.maintenance.house import House

DAY_S = 86_400.0


def policy_of(house: House, *hosts: str, minutes: int = 5) -> MaintenancePolicy:
    """Each day at the next full minute but one."""
    opens = (house.clock.now() + timedelta(minutes=2)).replace(second=0, microsecond=0, tzinfo=None)
    says = Draft(
        name="Nightly",
        cluster=house.host(hosts[0]).cluster,
        hosts=tuple(house.host(name) for name in hosts),
        rule="FREQ=DAILY",
        starts_at_local=opens,
        zone="UTC",
        duration_minutes=minutes,
        terms=Terms(),
    )
    made = save_policy(SHELL, None, says, clock=house.clock)
    house.skip_time((opens.replace(tzinfo=UTC) - house.clock.now()).total_seconds())
    return made


def run(house: House, plan: Plan, to: str) -> None:
    """Time passes until the plan is in that state, and every five seconds the workers look at the windows."""
    for _ in range(60):
        triggers.look(clock=house.clock)
        if house.state(plan) == to:
            return
        house.pass_time(5)
    pytest.fail(house.tell())


def test_it_goes_on_in_the_next_window_where_it_stopped(house: House) -> None:
    policy_of(house, "h1", "h2")
    triggers.look(clock=house.clock)
    plan = Plan.objects.get()
    house.until(lambda: house.rows(plan)["h1"] in ("working", "returning"))
    assert plan.window_ends_at is not None
    house.skip_time((plan.window_ends_at - house.clock.now()).total_seconds() - 4)  # a slow night
    run(house, plan, "stopped")
    assert (house.state(plan), house.rows(plan)) == ("stopped", {"h1": "done", "h2": "waiting"}), house.tell()
    opened = WindowRun.objects.get().starts_at
    house.skip_time((opened + timedelta(days=1) - house.clock.now()).total_seconds())
    run(house, plan, "finished")
    assert (house.state(plan), house.rows(plan)) == ("finished", {"h1": "done", "h2": "done"}), house.tell()
    assert Plan.objects.count() == 1
    assert [each.starts_at - opened for each in WindowRun.objects.order_by("starts_at")] == [
        timedelta(), timedelta(days=1),
    ]  # fmt: skip


def test_it_keeps_its_terms_and_hosts_while_its_policy_is_edited(house: House) -> None:
    policy = policy_of(house, "h1", minutes=60)
    triggers.look(clock=house.clock)
    plan = Plan.objects.get()
    changed = Draft(
        name="Nightly, and more",
        cluster=policy.cluster,
        rule="FREQ=DAILY",
        starts_at_local=policy.starts_at_local.replace(tzinfo=None) + timedelta(minutes=1),
        zone="UTC",
        duration_minutes=60,
        terms=Terms(home=True),
    )
    house.pass_time(10)
    save_policy(SHELL, policy, changed, version=policy.version, clock=house.clock)
    run(house, plan, "finished")
    plan.refresh_from_db()
    assert (plan.state, house.rows(plan)) == ("finished", {"h1": "done"}), house.tell()
    assert not Terms.from_json(plan.terms).home
    assert WindowRun.objects.count() == 1  # nor does the window that was moved by a minute open once more


def test_it_is_not_begun_again_where_the_clock_is_set_back(house: House) -> None:
    policy = policy_of(house, "h1", minutes=60)
    triggers.look(clock=house.clock)
    run(house, Plan.objects.get(), "finished")
    for minutes in (1, 10, 40):
        opened = WindowRun.objects.get().starts_at
        triggers.look(clock=ManualClock(start=opened + timedelta(minutes=minutes)))
    assert (WindowRun.objects.filter(policy=policy).count(), Plan.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_moment_begin_one() -> None:
    policy = make_policy(make_rack())
    clock = ManualClock(start=datetime(2026, 1, 4, 1, tzinfo=UTC))
    together, found = threading.Barrier(4), []

    def worker() -> None:
        together.wait(timeout=30)
        try:
            found.append(triggers.serve(policy.pk, clock=clock))
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(each is not None for each in found) == [False, False, False, True]
    assert (WindowRun.objects.count(), Plan.objects.count()) == (1, 1)
    assert Host.objects.filter(hold__isnull=False).count() == 3
