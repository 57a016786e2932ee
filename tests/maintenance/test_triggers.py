"""A window that opens …"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter.access import SHELL
from datacenter.maintenance import orders, policies, triggers
from datacenter.maintenance.policies import save_policy
from datacenter.maintenance.terms import Terms
from datacenter.maintenance.triggers import Do, Standing, decide
from datacenter.maintenance.windows import Window
from datacenter.models import AuditEntry, HostHold, MaintenancePolicy, Plan, WindowRun
from hosts.models import Host
from hosts.states import PlanState
from hosts.virt.clock import ManualClock
from tests.factory import GIB, make_vm
from tests.maintenance.drafts import START, draft, make_policy, make_rack

OPENS = datetime(2026, 1, 4, 1, tzinfo=UTC)  # Sunday 02:00 in Berlin
CLOSES = OPENS + timedelta(hours=4)
WINDOW = Window(starts_at=OPENS, ends_at=CLOSES, zone=ZoneInfo("Europe/Berlin"), asked=datetime(2026, 1, 4, 2))


def at(moment: datetime) -> ManualClock:
    return ManualClock(start=moment)


@pytest.fixture
def policy(db: None) -> MaintenancePolicy:
    return make_policy(make_rack())


# deciding


def standing(
    *, now: datetime = OPENS, plan: PlanState | None = None, changed: datetime = START, served: tuple = ()
) -> Standing:
    return Standing(window=WINDOW, changed_at=changed, served=served, plan=plan, now=now)


@pytest.mark.parametrize(
    ("plan", "do"),
    [
        (None, Do.MAKE),
        (PlanState.DRAFT, Do.MAKE),
        (PlanState.STOPPED, Do.RESUME),
        (PlanState.RUNNING, Do.RESUME),
        (PlanState.FAILED, Do.WAIT),
        (PlanState.PAUSED, Do.WAIT),
        (PlanState.CANCELLING, Do.WAIT),
        (PlanState.APPROVED, Do.WAIT),
    ],
)
def test_does_by_the_state_of_its_plan(plan: PlanState | None, do: Do) -> None:
    found, why = decide(standing(plan=plan))
    assert found is do
    assert bool(why) is (do is Do.WAIT)


@pytest.mark.parametrize(
    ("case", "do"),
    [
        (standing(now=OPENS - timedelta(seconds=1)), Do.NOTHING),
        (standing(now=CLOSES - timedelta(minutes=2)), Do.MAKE),
        (standing(now=CLOSES - timedelta(seconds=30)), Do.NOTHING),
        (standing(changed=OPENS), Do.MAKE),
        (standing(changed=OPENS + timedelta(minutes=1), now=OPENS + timedelta(minutes=2)), Do.NOTHING),
        (standing(served=((OPENS, CLOSES),)), Do.NOTHING),
        (standing(served=((OPENS - timedelta(minutes=15), CLOSES),)), Do.NOTHING),
        (standing(served=((OPENS - timedelta(hours=1), OPENS),)), Do.MAKE),
    ],
)
def test_is_served_at_its_time_and_once(case: Standing, do: Do) -> None:
    assert decide(case)[0] is do


@given(
    minutes=st.integers(-600, 600),
    state=st.one_of(st.none(), st.sampled_from(PlanState)),
    shift=st.integers(-239, 239),
)
def test_is_never_served_beside_another_of_the_same_policy(minutes: int, state: PlanState | None, shift: int) -> None:
    other = (OPENS + timedelta(minutes=shift), CLOSES + timedelta(minutes=shift))
    case = standing(now=OPENS + timedelta(minutes=minutes), plan=state, served=(other,))
    assert decide(case)[0] is Do.NOTHING


# doing


def test_makes_approves_and_starts_a_plan(policy: MaintenancePolicy) -> None:
    make_vm("web", host=Host.objects.get(name="rack-1"))
    run = triggers.serve(policy.pk, clock=at(OPENS))
    assert run is not None
    plan = Plan.objects.get()
    assert (plan.state, plan.policy, plan.window_ends_at) == ("running", policy, CLOSES)
    assert (plan.made_by, plan.approved_by, plan.title) == ("policy Patches", "policy Patches", "Patches, 2026-01-04")
    assert (run.plan, run.starts_at, run.ends_at) == (plan, OPENS, CLOSES)
    assert run.outcome == "The plan “Patches, 2026-01-04” began with 3 hosts."
    assert HostHold.objects.count() == 3
    assert set(AuditEntry.objects.filter(actor="policy Patches").values_list("verb", flat=True)) >= {"approve", "start"}


def test_is_served_once_however_often_one_looks(policy: MaintenancePolicy) -> None:
    for moment in (OPENS, OPENS, OPENS + timedelta(hours=1), OPENS + timedelta(minutes=1), CLOSES):
        triggers.look(clock=at(moment))
    assert (WindowRun.objects.count(), Plan.objects.count()) == (1, 1)


def test_is_left_to_the_worker_that_wrote_it_first(policy: MaintenancePolicy) -> None:
    WindowRun.objects.create(policy=policy, starts_at=OPENS, ends_at=CLOSES)
    assert triggers.serve(policy.pk, clock=at(OPENS)) is None
    assert not Plan.objects.exists()


def test_begins_late_where_godwit_was_down(policy: MaintenancePolicy) -> None:
    triggers.look(clock=at(OPENS + timedelta(hours=3)))
    assert Plan.objects.get().window_ends_at == CLOSES


def test_does_not_begin_where_too_little_of_it_is_left(policy: MaintenancePolicy) -> None:
    policy.terms = Terms(keep_spare=False).as_json()
    policy.save()
    for host in Host.objects.all():
        make_vm(host=host, memory_bytes=40 * GIB, rss_bytes=40 * GIB)
    triggers.look(clock=at(CLOSES - timedelta(minutes=2)))
    run = WindowRun.objects.get()
    assert run.outcome.startswith("No plan: 2 min are left, and the quickest host takes about")
    assert (run.plan, Plan.objects.count()) == (None, 0)


def test_does_nothing_before_and_after_it(policy: MaintenancePolicy) -> None:
    for moment in (OPENS - timedelta(seconds=1), CLOSES, CLOSES + timedelta(days=1)):
        triggers.look(clock=at(moment))
    assert not WindowRun.objects.exists()


def test_of_a_policy_that_is_switched_off_does_nothing(policy: MaintenancePolicy) -> None:
    policies.enable(SHELL, policy, enabled=False, clock=at(START))
    triggers.look(clock=at(OPENS))
    assert triggers.serve(policy.pk, clock=at(OPENS)) is None
    assert not WindowRun.objects.exists()


def test_opens_no_second_one_where_its_policy_moved_by_some_minutes(policy: MaintenancePolicy) -> None:
    triggers.look(clock=at(OPENS))
    moved = draft(policy.cluster, starts_at_local=datetime(2026, 1, 1, 2, 15))
    save_policy(SHELL, policy, moved, clock=at(OPENS + timedelta(minutes=5)))
    triggers.look(clock=at(OPENS + timedelta(minutes=16)))
    assert WindowRun.objects.count() == 1


def test_that_was_open_when_its_policy_was_saved_is_not_begun(db: None) -> None:
    policy = make_policy(make_rack(), clock=at(OPENS + timedelta(minutes=10)))
    triggers.look(clock=at(OPENS + timedelta(minutes=11)))
    assert not WindowRun.objects.exists()
    triggers.look(clock=at(OPENS + timedelta(days=7)))
    assert WindowRun.objects.get().policy == policy


def test_goes_on_with_the_plan_that_the_last_one_stopped(policy: MaintenancePolicy) -> None:
    triggers.look(clock=at(OPENS))
    Plan.objects.update(state="stopped", window_ends_at=CLOSES)
    triggers.look(clock=at(OPENS + timedelta(days=7)))
    plan = Plan.objects.get()
    assert (plan.state, plan.window_ends_at) == ("running", CLOSES + timedelta(days=7))
    assert [run.plan for run in WindowRun.objects.all()] == [plan, plan]
    assert WindowRun.objects.first().outcome == "The plan “Patches, 2026-01-04” goes on."


def test_gives_a_plan_that_still_runs_its_own_end(policy: MaintenancePolicy) -> None:
    triggers.look(clock=at(OPENS))
    triggers.look(clock=at(OPENS + timedelta(days=7)))
    assert Plan.objects.get().window_ends_at == CLOSES + timedelta(days=7)


@pytest.mark.parametrize("state", ["paused", "failed", "cancelling"])
def test_leaves_a_plan_to_a_person_that_waits_for_one(policy: MaintenancePolicy, state: str) -> None:
    triggers.look(clock=at(OPENS))
    Plan.objects.update(state=state)
    triggers.look(clock=at(OPENS + timedelta(days=7)))
    assert Plan.objects.get().state == state
    assert WindowRun.objects.first().outcome.startswith("Nothing began: its plan “Patches, 2026-01-04” ")


def test_makes_a_new_plan_where_the_last_one_is_over(policy: MaintenancePolicy) -> None:
    triggers.look(clock=at(OPENS))
    HostHold.objects.all().delete()
    Plan.objects.update(state="finished")
    triggers.look(clock=at(OPENS + timedelta(days=7)))
    assert Plan.objects.count() == 2


def test_says_which_hosts_it_left_out(policy: MaintenancePolicy) -> None:
    Host.objects.filter(name="rack-2").update(state="maintenance")
    triggers.look(clock=at(OPENS))
    assert WindowRun.objects.get().outcome.endswith("began with 2 hosts. Left out: rack-2 (maintenance).")


def test_says_so_where_its_hosts_are_gone(policy: MaintenancePolicy) -> None:
    Host.objects.all().delete()
    triggers.look(clock=at(OPENS))
    assert WindowRun.objects.get().outcome == "No plan: The policy has no host any more."


def test_says_so_where_no_host_is_up(policy: MaintenancePolicy) -> None:
    Host.objects.update(state="non_responsive")
    triggers.look(clock=at(OPENS))
    assert "None of its hosts is up: rack-1" in WindowRun.objects.get().outcome


def test_says_so_where_another_plan_holds_a_host(policy: MaintenancePolicy) -> None:
    plan = Plan.objects.create(title="By hand", made_by="ann", state="running")
    HostHold.objects.create(host=Host.objects.get(name="rack-2"), plan=plan)
    triggers.look(clock=at(OPENS))
    assert "rack-2 is held by the plan “By hand”" in WindowRun.objects.get().outcome
    assert Plan.objects.count() == 1


def test_says_so_where_every_host_is_blocked(policy: MaintenancePolicy) -> None:
    for host in Host.objects.all():
        make_vm(host=host, maintenance_rule="ask")
    triggers.look(clock=at(OPENS))
    assert WindowRun.objects.get().outcome.startswith("No plan: Every host has a VM that blocks it.")
    assert not Plan.objects.exists()


def test_does_not_hold_up_others_where_one_policy_cannot_be_read(policy: MaintenancePolicy) -> None:
    MaintenancePolicy.objects.filter(pk=policy.pk).update(zone="Mars/Olympus")
    other = make_policy(make_rack(name="other"), name="Others")
    triggers.look(clock=at(OPENS))
    assert WindowRun.objects.get().policy == other


def test_is_written_with_its_plan_or_not_at_all(policy: MaintenancePolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_given: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(orders, "start", broken)
    triggers.look(clock=at(OPENS))
    assert not WindowRun.objects.exists()
    assert not Plan.objects.exists()
    monkeypatch.undo()
    triggers.look(clock=at(OPENS + timedelta(seconds=5)))
    assert Plan.objects.get().state == "running"
