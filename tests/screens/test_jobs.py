"""Jobs: what runs, who started it, how far it is, and who sees it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from datacenter.models import Plan
from hosts.models import VM, Migration, Operation
from tests.people import viewer
from tests.screens import factory

pytestmark = pytest.mark.django_db


@pytest.fixture
def moving() -> Migration:
    return factory.migration(factory.vm("alpha"), factory.host("h2"), state="copying", requested_by="ann")


def shown(client: Client, part: str = "list") -> str:
    answer = client.get(f"/jobs?part={part}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_they_are_what_runs_now(vera: Client, moving: Migration) -> None:
    started = Operation.objects.create(vm=moving.vm, verb="start", state="running", requested_by="ben")
    plan = Plan.objects.create(title="Kernel", made_by="ann", state="running", started_at=timezone.now())
    draft = Plan.objects.create(title="Later", made_by="ann")
    for row in (plan, draft):
        row.hosts.create(host=moving.source)
    page = shown(vera)
    for key in (f"job-migration-{moving.pk}", f"job-operation-{started.pk}", f"job-plan-{plan.pk}"):
        assert page.count(f'id="{key}"') == 1
    assert "Later" not in page
    assert "Migrate alpha to h2" in page
    assert "ben," in page


def test_they_stay_for_an_hour_after_their_end(vera: Client) -> None:
    now = timezone.now()
    home, there = factory.vm("alpha"), factory.host("h2")
    late = factory.migration(home, there, state="done", ended_at=now - timedelta(minutes=50))
    old = factory.migration(factory.vm("beta"), there, state="done", ended_at=now - timedelta(minutes=70))
    page = shown(vera)
    assert f"job-migration-{late.pk}" in page
    assert f"job-migration-{old.pk}" not in page


def test_one_can_be_cancelled_only_while_that_is_possible(otto: Client, moving: Migration) -> None:
    cancel = f'hx-post="/migrations/{moving.pk}/adjust"'
    assert cancel in shown(otto)
    Migration.objects.filter(pk=moving.pk).update(state="postcopy")
    assert cancel not in shown(otto)


def test_nobody_sees_what_a_role_does_not_reach(moving: Migration) -> None:
    elsewhere = factory.vm("beta", on=factory.host("far", in_cluster=factory.cluster("c2")))
    narrow = viewer("nora", on=elsewhere)
    client = Client()
    client.force_login(narrow)
    assert f"job-migration-{moving.pk}" not in shown(client)
    assert '<span class="number">0</span>' in client.get("/jobs").content.decode()


def test_the_drawer_is_read_when_it_is_opened(vera: Client, moving: Migration) -> None:
    page = vera.get(f"/vms/{VM.objects.get(pk=moving.vm_id).uuid}").content.decode()
    assert 'hx-get="/jobs?part=drawer"' in page
    assert "job-migration" not in page
    drawer = shown(vera, "drawer")
    assert "<html" not in drawer
    assert f"job-migration-{moving.pk}" in drawer


def test_a_part_that_they_do_not_have_is_refused(vera: Client) -> None:
    assert vera.get("/jobs?part=x").status_code == 400
