"""Maintenance policies in the browser: shown with their windows, made, refused with what was typed kept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from datacenter.maintenance.terms import Terms
from datacenter.models import HostHold, MaintenancePolicy, Plan, WindowRun
from hosts.models import Cluster, Host
from tests.maintenance.drafts import make_policy, make_rack

pytestmark = pytest.mark.django_db


@pytest.fixture
def rack() -> Cluster:
    return make_rack()


def typed(rack: Cluster, **changed: Any) -> dict[str, Any]:
    """What a browser posts."""
    terms = Terms().as_json()
    shown = {name: str(value) for name, value in terms.items() if name != "steps" and not isinstance(value, bool)}
    said = shown | {
        "name": "Patches",
        "description": "Kernels.",
        "enabled": "on",
        "cluster": str(rack.pk),
        "which": "all",
        "pattern": "weekly",
        "every": "1",
        "weekdays": ["SA", "SU"],
        "nth": "1",
        "nth_day": "SU",
        "rule": "",
        "starts_on": "2026-01-01",
        "starts_time": "02:00",
        "zone": "Europe/Berlin",
        "duration_minutes": "240",
        "blackouts": "2026-12-24/2026-12-26\n2027-01-01",
        "keep_spare": "on",
        "skip_blocked": "on",
    }
    return said | changed


def test_it_makes_a_policy(ada: Client, rack: Cluster) -> None:
    answer = ada.post("/maintenance/policies/new", typed(rack))
    made = MaintenancePolicy.objects.get()
    assert answer.headers["Location"] == f"/maintenance/policies/{made.pk}"
    assert (made.rule, made.zone, made.made_by) == ("FREQ=WEEKLY;BYDAY=SA,SU", "Europe/Berlin", "ada")
    assert made.blackouts == ["2026-12-24/2026-12-26", "2027-01-01"]
    assert made.starts_at_local.isoformat() == "2026-01-01T02:00:00+00:00"
    page = ada.get(answer.headers["Location"]).content.decode()
    assert "Every week on Saturday and Sunday from 02:00, for 4 h, Europe/Berlin" in page
    assert page.count("data-local-to=") == 10


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"pattern": "daily", "every": "2"}, "FREQ=DAILY;INTERVAL=2"),
        ({"pattern": "daily", "every": ""}, "FREQ=DAILY"),
        ({"pattern": "weekly", "weekdays": ["SU", "MO"]}, "FREQ=WEEKLY;BYDAY=MO,SU"),
        ({"pattern": "monthly", "nth": "-1", "nth_day": "TU"}, "FREQ=MONTHLY;BYDAY=-1TU"),
        ({"pattern": "custom", "rule": "freq=monthly;bymonthday=-1"}, "FREQ=MONTHLY;BYMONTHDAY=-1"),
    ],
)
def test_it_writes_the_rule_and_reads_it_back(ada: Client, rack: Cluster, given: dict[str, Any], rule: str) -> None:
    ada.post("/maintenance/policies/new", typed(rack, **given))
    made = MaintenancePolicy.objects.get()
    assert made.rule == rule
    form = ada.get(f"/maintenance/policies/{made.pk}/edit").content.decode()
    assert f'<option value="{given["pattern"]}" selected>' in form
    assert f'value="{rule}"' in form


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"pattern": "custom", "rule": "FREQ=SECONDLY"}, "would open windows all the time"),
        ({"pattern": "custom", "rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "opens no window"),
        ({"pattern": "custom", "rule": ""}, "A recurrence rule is needed"),
        ({"weekdays": []}, "at least one day"),
        ({"zone": "Mars/Olympus"}, "There is no time zone “Mars/Olympus”"),
        ({"starts_on": "soon"}, "A date such as"),
        ({"starts_time": "25:00"}, "A time such as"),
        ({"duration_minutes": "0"}, "greater than or equal to 1"),
        ({"duration_minutes": "1500", "pattern": "daily"}, "Windows would overlap"),
        ({"blackouts": "christmas"}, "is not a date"),
        ({"at_once": "3"}, "would empty its last one"),
        ({"follow": "stay"}, "would have none left"),
        ({"cluster": "99999"}, "no longer there"),
        ({"cluster": ""}, "Choose a cluster"),
        ({"which": "tag", "tag": ""}, "Which tag?"),
        ({"which": "tag", "tag": "gold"}, "has the tag “gold”"),
        ({"which": "list"}, "Choose at least one host"),
        ({"pattern": "magic"}, "magic"),
        ({"steps-0-kind": "webhook", "steps-0-when": "empty", "steps-0-webhook-url": "gopher://h"}, "gopher"),
    ],
)
def test_a_refusal_keeps_what_was_typed(ada: Client, rack: Cluster, wrong: dict[str, Any], said: str) -> None:
    answer = ada.post("/maintenance/policies/new", typed(rack, **wrong))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert 'value="Patches"' in page
    assert not MaintenancePolicy.objects.exists()


def test_hosts_of_two_clusters_are_refused(ada: Client, rack: Cluster) -> None:
    other = make_rack(name="other")
    mixed = [str(pk) for pk in Host.objects.filter(name__in=("rack-1", "other-1")).values_list("pk", flat=True)]
    answer = ada.post("/maintenance/policies/new", typed(rack, which="list", hosts=mixed))
    assert answer.status_code == 422
    assert f"in the cluster {other}" in answer.content.decode()


def test_a_change_that_lags_behind_is_refused(ada: Client, rack: Cluster) -> None:
    made = make_policy(rack)
    assert ada.post(f"/maintenance/policies/{made.pk}/edit", typed(rack, version="1")).status_code == 302
    answer = ada.post(f"/maintenance/policies/{made.pk}/edit", typed(rack, version="1", name="Mine"))
    assert answer.status_code == 422
    assert "Somebody changed it meanwhile" in answer.content.decode()


def test_the_preview_shows_the_next_ten_windows(ada: Client, rack: Cluster) -> None:
    page = ada.post("/maintenance/policies/preview", typed(rack)).content.decode()
    assert page.count("data-local-to=") == 10
    assert "FREQ=WEEKLY;BYDAY=SA,SU" in page
    assert "In Europe/Berlin" in page


def test_the_preview_says_what_is_wrong_with_the_windows_alone(ada: Client, rack: Cluster) -> None:
    fine = ada.post("/maintenance/policies/preview", {**typed(rack), "name": "", "cluster": "", "at_once": "many"})
    assert fine.content.decode().count("data-local-to=") == 10
    for wrong, said in (
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"pattern": "custom", "rule": "FREQ=MINUTELY"}, "all the time"),
        ({"starts_on": ""}, "required"),
        ({"pattern": "custom", "rule": "FREQ=DAILY;COUNT=1"}, "opens no window"),
    ):
        answer = ada.post("/maintenance/policies/preview", typed(rack, **wrong))
        assert answer.status_code == 200
        assert said in answer.content.decode()


def test_it_offers_the_hosts_and_tags_of_the_cluster(ada: Client, rack: Cluster) -> None:
    Host.objects.filter(name="rack-2").update(tags=["canary"])
    make_rack(name="other")
    listed = ada.post("/maintenance/policies/hosts", typed(rack, which="list")).content.decode()
    assert "rack-3" in listed
    assert "other-1" not in listed
    assert 'value="canary"' in ada.post("/maintenance/policies/hosts", typed(rack, which="tag")).content.decode()


def test_its_page_tells_what_came_of_its_windows(vera: Client, rack: Cluster) -> None:
    made = make_policy(rack)
    begin = timezone.now() - timedelta(days=1)
    plan = Plan.objects.create(title="Patches, yesterday", policy=made, state="finished", made_by="policy Patches")
    end = begin + timedelta(hours=4)
    WindowRun.objects.create(policy=made, starts_at=begin, ends_at=end, plan=plan, outcome="The plan began.")
    before = begin - timedelta(days=7)
    WindowRun.objects.create(policy=made, starts_at=before, ends_at=end - timedelta(days=7), outcome="No plan: gone.")
    page = vera.get(f"/maintenance/policies/{made.pk}").content.decode()
    assert "The plan began." in page
    assert "No plan: gone." in page
    assert f'href="/maintenance/plans/{plan.pk}"' in page
    assert "Patches, yesterday" in page


def test_it_is_switched_off_and_on(ada: Client, rack: Cluster) -> None:
    made = make_policy(rack)
    for enabled in ("", "yes"):
        answer = ada.post(f"/maintenance/policies/{made.pk}/enable", {"enabled": enabled}, follow=True)
        made.refresh_from_db()
        assert made.enabled is bool(enabled)
        assert ("Switched off" in answer.content.decode()) is not bool(enabled)


def test_it_is_deleted_unless_a_plan_of_it_holds_hosts(ada: Client, rack: Cluster) -> None:
    made = make_policy(rack)
    plan = Plan.objects.create(title="Tonight", policy=made, state="stopped", made_by="policy Patches")
    HostHold.objects.create(host=Host.objects.earliest("pk"), plan=plan)
    said = ada.post(f"/maintenance/policies/{made.pk}/remove", headers={"HX-Request": "true"})
    assert said.status_code == 409
    assert "holds hosts" in said.content.decode()
    Plan.objects.update(state="finished")
    said = ada.post(f"/maintenance/policies/{made.pk}/remove", headers={"HX-Request": "true"})
    assert said.headers["HX-Redirect"] == "/maintenance/policies"
    assert not MaintenancePolicy.objects.exists()


def test_only_an_administrator_changes_policies(as_: Callable[[str], Client], rack: Cluster) -> None:
    made = make_policy(rack)
    for name in ("otto", "vera"):
        person = as_(name)
        for address in ("new", "preview", "hosts", f"{made.pk}/edit"):
            assert person.post(f"/maintenance/policies/{address}", typed(rack)).status_code == 403
        person.post(f"/maintenance/policies/{made.pk}/enable", {"enabled": ""})
        person.post(f"/maintenance/policies/{made.pk}/remove")
    made.refresh_from_db()
    assert (made.enabled, made.version) == (True, 1)


def test_hostile_text_runs_nowhere(ada: Client, rack: Cluster) -> None:
    bad = "\"'><script>alert(1)</script>"
    wrong = dict.fromkeys(("name", "zone", "rule", "blackouts", "tag", "starts_on", "duration_minutes"), bad)
    for address in ("new", "preview", "hosts"):
        page = ada.post(f"/maintenance/policies/{address}", typed(rack, **wrong, pattern="custom")).content.decode()
        assert "<script>alert" not in page
    for junk in ({}, {"cluster": "9" * 40}, {"starts_on": "0000-00-00"}, {"zone": "\x00"}, {"steps-0-kind": "\x00"}):
        for address in ("new", "preview", "hosts"):
            assert ada.post(f"/maintenance/policies/{address}", junk).status_code in (200, 302, 422)


# the calendar


def test_the_calendar_shows_five_weeks_of_windows(vera: Client, rack: Cluster) -> None:
    made = make_policy(rack, rule="FREQ=DAILY")
    page = vera.get("/maintenance/calendar").content.decode()
    assert page.count(f'href="/maintenance/policies/{made.pk}"') >= 28
    assert "<b>02:00–06:00</b> Patches" in page
    assert "<option selected>Europe/Berlin" in page
    assert "<b>02:00–06:00</b>" not in vera.get("/maintenance/calendar?zone=UTC").content.decode()


def test_the_calendar_folds_what_opens_many_times_a_day(vera: Client, rack: Cluster) -> None:
    make_policy(rack, rule="FREQ=HOURLY", duration_minutes=30)
    page = vera.get("/maintenance/calendar").content.decode()
    assert "24 times from 00:00" in page
    assert page.count(" Patches</a>") <= 36


def test_the_calendar_shows_approved_plans_and_what_began(vera: Client, rack: Cluster) -> None:
    made = make_policy(
        rack, rule="FREQ=YEARLY", starts_at_local=timezone.now().replace(tzinfo=None) - timedelta(days=40)
    )
    soon = timezone.now() + timedelta(days=2)
    Plan.objects.create(title="Memory of h1", state="approved", starts_at=soon, made_by="ann")
    Plan.objects.create(title="A draft", state="draft", starts_at=soon, made_by="ann")
    WindowRun.objects.create(
        policy=made, starts_at=timezone.now() - timedelta(minutes=1), ends_at=soon, outcome="The plan began."
    )
    page = vera.get("/maintenance/calendar").content.decode()
    assert "Memory of h1" in page
    assert "A draft" not in page
    assert 'title="The plan began."' in page


def test_the_calendar_knows_no_other_zones(vera: Client) -> None:
    assert vera.get("/maintenance/calendar?zone=Mars/Olympus").status_code == 400
    assert "No window opens" in vera.get("/maintenance/calendar").content.decode()
