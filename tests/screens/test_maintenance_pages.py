"""The pages of maintenance plans: the list, a draft, what runs, the report."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from datacenter.maintenance import orders as ordered
from datacenter.maintenance import plans
from datacenter.maintenance.terms import StepTerms, Terms
from datacenter.models import Plan, PlanHost, PlanMove, PlanStep, User
from hosts.advance import advance
from hosts.states import PlanHostState, PlanMoveState, PlanState
from tests.screens import factory

pytestmark = pytest.mark.django_db
GIB = 2**30


@pytest.fixture
def plan(people: dict[str, User]) -> Plan:
    """Two VMs on h1 (one asks), room on h2 and h3; a draft."""
    home = factory.cluster()
    h1 = factory.host("h1", in_cluster=home)
    for name in ("h2", "h3"):
        factory.host(name, in_cluster=home, memory_free_bytes=200 * GIB)  # N+1 is kept
    factory.vm("web1", on=h1)
    factory.vm("asks", on=h1, maintenance_rule="ask")
    terms = Terms(steps=(StepTerms(when="empty", kind="confirm", params={"text": "Is the board swapped?"}),))
    return plans.make_plan(people["ada"], [h1], title="Boards", reason="A new board", terms=terms)


def test_it_says_how_to_begin_where_no_plan_is(otto: Client) -> None:
    assert "No plan was made yet" in otto.get("/maintenance").content.decode()


def test_it_lists_plans_and_finds_them_by_host(otto: Client, plan: Plan) -> None:
    assert "Boards" in otto.get("/maintenance?q=h1").content.decode()
    assert "Boards" not in otto.get("/maintenance?q=h9").content.decode()
    for sort in ("state", "title", "-vms", "-blocked", "expected", "starts", "by", "-made"):
        assert otto.get(f"/maintenance?sort={sort}").status_code == 200, sort


def test_a_draft_shows_every_vm_red_first_with_its_remedy(otto: Client, plan: Plan) -> None:
    page = otto.get(f"/maintenance/plans/{plan.pk}").content.decode()
    assert page.index(">asks</a>") < page.index(">web1</a>")
    assert "Its rule for maintenance asks a person" in page
    assert "Approve…" in page
    assert "to h2" in page or "to h3" in page


def test_a_change_computes_the_plan_again(otto: Client, plan: Plan) -> None:
    move = PlanMove.objects.get(vm__name="asks")
    answer = otto.post(
        f"/maintenance/plans/{plan.pk}/moves/{move.pk}?action=leave",
        {"version": plan.version},
        headers={"HX-Request": "true"},
    )
    assert answer.status_code == 200
    assert 'id="plan-body"' in answer.content.decode()
    assert PlanMove.objects.get(vm__name="asks").action == "leave"


def test_a_change_of_an_older_version_is_refused_and_shows_what_changed(otto: Client, plan: Plan) -> None:
    move = PlanMove.objects.get(vm__name="asks")
    address = f"/maintenance/plans/{plan.pk}/moves/{move.pk}?action=leave"
    assert otto.post(address, {"version": plan.version}).status_code == 200
    answer = otto.post(address.replace("leave", "shutdown"), {"version": plan.version})
    assert answer.status_code == 409
    assert answer["HX-Retarget"] == "#plan-body"
    page = answer.content.decode()
    assert "version" in page
    assert "otto" in page


def test_somebody_who_only_views_changes_nothing(vera: Client, plan: Plan) -> None:
    move = PlanMove.objects.get(vm__name="asks")
    answer = vera.post(f"/maintenance/plans/{plan.pk}/moves/{move.pk}?action=leave", {"version": plan.version})
    assert answer.status_code == 403
    assert PlanMove.objects.get(vm__name="asks").action == "ask"


def test_the_dialog_of_a_vm_shows_where_it_could_go(otto: Client, plan: Plan) -> None:
    move = PlanMove.objects.get(vm__name="web1")
    page = otto.get(f"/maintenance/plans/{plan.pk}/moves/{move.pk}").content.decode()
    assert "What becomes of" in page
    assert "h3" in page


def test_terms_are_changed_and_a_step_that_makes_no_sense_is_refused_at_its_field(ada: Client, plan: Plan) -> None:
    page = ada.get(f"/maintenance/plans/{plan.pk}/terms").content.decode()
    assert "Is the board swapped?" in page
    form = {
        "version": plan.version, "at_once": "2", "order": "name", "follow": "stay", "home_stagger_s": "10",
        "drain_limit_minutes": "60", "shutdown_limit_s": "300", "steps-0-kind": "webhook", "steps-0-when": "empty",
    }  # fmt: skip
    refused = ada.post(f"/maintenance/plans/{plan.pk}/terms", form)
    assert refused.status_code == 422
    assert "“URL” is missing" in refused.content.decode()
    kept = ada.post(f"/maintenance/plans/{plan.pk}/terms", form | {"steps-0-kind": "health"})
    assert kept.status_code == 200
    plan.refresh_from_db()
    assert plan.terms["at_once"] == 2
    assert [step["kind"] for step in plan.terms["steps"]] == ["health"]


def test_an_operator_may_not_say_what_runs_on_a_host(otto: Client, plan: Plan) -> None:
    form = {
        "version": plan.version, "at_once": "1", "order": "name", "follow": "stay", "home_stagger_s": "10",
        "drain_limit_minutes": "60", "shutdown_limit_s": "300",
        "steps-0-kind": "command", "steps-0-command-command": "rm -rf /",
    }  # fmt: skip
    answer = otto.post(f"/maintenance/plans/{plan.pk}/terms", form)
    assert answer.status_code == 422
    assert "Only an administrator" in answer.content.decode()


def test_it_is_approved_at_a_time_started_paused_resumed_and_cancelled(otto: Client, plan: Plan) -> None:
    address = f"/maintenance/plans/{plan.pk}"
    later = (timezone.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    past = otto.post(f"{address}/approve", {"version": plan.version, "when": "at", "starts_at": "2020-01-01T00:00"})
    assert past.status_code == 409
    assert "past" in past.content.decode()
    otto.post(f"{address}/approve", {"version": plan.version, "when": "at", "starts_at": later})
    states = [Plan.objects.get().state]
    for verb in ("start", "pause", "resume", "cancel"):
        otto.post(f"{address}/order", {"verb": verb})
        states.append(Plan.objects.get().state)
    assert states[:4] == ["approved", "running", "paused", "running"]
    assert states[4] in ("cancelling", "cancelled")


def _running(plan: Plan) -> Plan:
    user = User.objects.get(username="ada")
    PlanMove.objects.filter(vm__name="asks").update(action="leave", light="green")
    PlanMove.objects.update(expected_start_s=0, expected_s=60, expected_pause_ms=80)
    Plan.objects.update(expected_s=120, expected_p90_s=150, window_ends_at=timezone.now() + timedelta(seconds=100))
    plan = Plan.objects.get()
    ordered.approve(user, plan, version=plan.version)
    ordered.start(user, Plan.objects.get())
    advance(PlanHost.objects.get(), PlanHostState.DRAINING, because="Its turn.", started_at=timezone.now())
    return Plan.objects.get()


def test_what_runs_is_shown_as_columns_with_tiles_and_a_burn_down(otto: Client, plan: Plan) -> None:
    _running(plan)
    page = otto.get(f"/maintenance/plans/{plan.pk}").content.decode()
    seat, move = PlanHost.objects.get(), PlanMove.objects.get(vm__name="web1")
    assert f'data-live="plan_host:{seat.pk}/head"' in page
    assert f'data-live="plan_move:{move.pk}/tile" data-at="{seat.host_id}"' in page
    assert f'data-column="{move.target_id}"' in page
    assert "the window is missed by" in page
    told = otto.get(f"/maintenance/plans/{plan.pk}/burndown").json()
    assert told["window"] < told["finish"]
    assert told["fact"][1][0] == 1.0  # "asks" is left, so that one VM has to go


def test_a_step_that_asks_is_confirmed(otto: Client, plan: Plan) -> None:
    _running(plan)
    advance(PlanHost.objects.get(), PlanHostState.WORKING, because="Empty.", empty_at=timezone.now())
    PlanStep.objects.update(state="asking")
    step = PlanStep.objects.get()
    assert "Is the board swapped?" in otto.get(f"/maintenance/plans/{plan.pk}").content.decode()
    otto.post(f"/maintenance/plans/{plan.pk}/steps/{step.pk}", {"ok": "yes", "note": "It is."})
    assert PlanStep.objects.get().state == "done"


def test_the_report_shows_failures_first_and_forecast_against_fact(otto: Client, plan: Plan) -> None:
    _running(plan)
    now = timezone.now()
    move = PlanMove.objects.get(vm__name="web1")
    advance(move, PlanMoveState.RUNNING, because="Its turn.", started_at=now - timedelta(seconds=75))
    advance(move, PlanMoveState.FAILED, because="The link broke.", ended_at=now)
    advance(PlanHost.objects.get(), PlanHostState.FAILED, because="web1 did not go.", ended_at=now)
    advance(Plan.objects.get(), PlanState.FAILED, because="h1 failed.")
    advance(Plan.objects.get(), PlanState.CANCELLED, because="Given up.", ended_at=now)
    page = otto.get(f"/maintenance/plans/{plan.pk}").content.decode()
    assert page.index("The link broke.") < page.index(">asks</a>")
    assert "1 min" in page
    assert "1 min 15 s" in page


def test_it_is_made_from_hosts_terms_and_a_reason(otto: Client) -> None:
    home = factory.cluster()
    hosts = [factory.host(name, in_cluster=home) for name in ("a1", "a2", "a3")]
    factory.vm("web1", on=hosts[0])
    page = otto.get(f"/maintenance/plans/new?cluster={home.pk}").content.decode()
    assert "a2" in page
    form = {
        "hosts": [hosts[0].pk, hosts[1].pk], "title": "", "reason": "RAM", "at_once": "1", "order": "name",
        "follow": "activate", "home_stagger_s": "10", "drain_limit_minutes": "60", "shutdown_limit_s": "300",
    }  # fmt: skip
    assert otto.post("/maintenance/plans/new", form).status_code == 302
    made = Plan.objects.get()
    assert (made.title, made.reason, made.hosts.count()) == ("Maintenance of a1, a2", "RAM", 2)
    refused = otto.post("/maintenance/plans/new", form | {"hosts": []})
    assert refused.status_code == 422
    assert "Choose at least one host." in refused.content.decode()


def test_hosts_of_two_clusters_make_no_plan(otto: Client) -> None:
    pks = [factory.host(name, in_cluster=factory.cluster(name)).pk for name in ("a1", "b1")]
    form = {
        "hosts": pks, "at_once": "1", "order": "name", "follow": "activate", "home_stagger_s": "10",
        "drain_limit_minutes": "60", "shutdown_limit_s": "300",
    }  # fmt: skip
    answer = otto.post("/maintenance/plans/new", form)
    assert answer.status_code == 422
    assert "one cluster" in answer.content.decode()
    assert not Plan.objects.exists()
