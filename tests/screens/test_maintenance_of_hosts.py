"""Maintenance and Activate in the list of hosts and on a host's page; its tags."""

import pytest
from django.test import Client

from datacenter.models import AuditEntry, Plan
from hosts.models import Host
from hosts.states import HostState
from tests.screens import factory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def hosts(db: None) -> list[Host]:
    home = factory.cluster()
    rows = [factory.host(name, in_cluster=home, memory_free_bytes=200 * 2**30) for name in ("h1", "h2", "h3")]
    factory.vm("web1", on=rows[0])
    return rows


def test_the_dialog_says_at_once_what_would_happen_and_keeps_nothing(otto: Client, hosts: list[Host]) -> None:
    answer = otto.get(f"/hosts/maintenance?host={hosts[0].pk}", headers=HTMX)
    page = answer.content.decode()
    assert "1 with a warning" in page
    assert "Plan first" in page
    assert not Plan.objects.exists()
    assert not AuditEntry.objects.exists()


def test_it_names_the_vm_that_blocks(otto: Client, hosts: list[Host]) -> None:
    factory.vm("asks", on=hosts[0], maintenance_rule="ask")
    page = otto.get(f"/hosts/maintenance?host={hosts[0].pk}", headers=HTMX).content.decode()
    assert "1 block" in page
    assert "asks: " in page
    assert 'name="force"' in page


def test_plan_first_makes_a_draft_and_leads_to_it(otto: Client, hosts: list[Host]) -> None:
    given = {"host": [each.pk for each in hosts[:2]], "reason": "Fans", "verb": "plan"}
    answer = otto.post("/hosts/maintenance", given, headers=HTMX)
    plan = Plan.objects.get()
    assert answer["HX-Redirect"] == f"/maintenance/plans/{plan.pk}"
    assert (plan.state, plan.reason, plan.hosts.count()) == ("draft", "Fans", 2)
    assert Host.objects.get(name="h1").state == HostState.UP


def test_start_now_runs_at_once(otto: Client, hosts: list[Host]) -> None:
    otto.post("/hosts/maintenance", {"host": hosts[0].pk, "reason": "Fans", "verb": "start"}, headers=HTMX)
    assert Plan.objects.get().state == "running"


def test_a_vm_that_blocks_refuses_the_start_in_the_dialog_and_keeps_the_reason(otto: Client, hosts: list[Host]) -> None:
    factory.vm("asks", on=hosts[0], maintenance_rule="ask")
    given = {"host": hosts[0].pk, "reason": "Fans", "verb": "start"}
    answer = otto.post("/hosts/maintenance", given, headers=HTMX)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "asks" in page
    assert 'value="Fans"' in page
    assert not Plan.objects.exists()
    assert otto.post("/hosts/maintenance", given | {"force": "yes"}, headers=HTMX).status_code == 204


def test_hosts_of_two_clusters_are_refused_where_they_were_chosen(otto: Client, hosts: list[Host]) -> None:
    other = factory.host("other", in_cluster=factory.cluster("elsewhere"))
    page = otto.get(f"/hosts/maintenance?host={hosts[0].pk}&host={other.pk}", headers=HTMX).content.decode()
    assert "one cluster" in page
    assert "Start now" not in page


def test_somebody_who_only_views_orders_nothing(vera: Client, hosts: list[Host]) -> None:
    answer = vera.post("/hosts/maintenance", {"host": hosts[0].pk, "verb": "start"}, headers=HTMX)
    assert answer.status_code == 403
    assert not Plan.objects.exists()


def test_it_activates_those_that_can_be_and_says_why_the_others_cannot(otto: Client, hosts: list[Host]) -> None:
    Host.objects.filter(name="h1").update(state="maintenance")
    given = {"host": [each.pk for each in hosts[:2]]}
    page = otto.post("/hosts/activate", given, headers=HTMX).content.decode()
    assert "Activated: h1." in page
    assert "h2: " in page
    assert Host.objects.get(name="h1").state in ("connecting", "up")


@pytest.mark.parametrize("named", ["", "?host=x", "?host=" + "9" * 20])
def test_it_refuses_what_is_no_host(otto: Client, named: str) -> None:
    assert otto.get("/hosts/maintenance" + named).status_code == 400


def test_a_host_says_why_it_rests_and_who_wanted_it(otto: Client, hosts: list[Host]) -> None:
    Host.objects.filter(name="h1").update(state="maintenance", maintenance_reason="A new board", maintenance_by="grace")
    page = otto.get(f"/hosts/{hosts[0].pk}?tab=maintenance").content.decode()
    assert "A new board" in page
    assert "grace" in page
    assert "Activate" in page


def test_tags_are_kept_once_each(otto: Client, hosts: list[Host]) -> None:
    otto.post(f"/hosts/{hosts[0].pk}/tags", {"tags": "rack-7, blue  rack-7"})
    assert Host.objects.get(name="h1").tags == ["rack-7", "blue"]
    otto.post(f"/hosts/{hosts[0].pk}/tags", {"tags": "<b>"})
    assert Host.objects.get(name="h1").tags == ["rack-7", "blue"]


def test_the_list_has_a_box_a_host_and_the_bar(otto: Client, hosts: list[Host]) -> None:
    page = otto.get("/hosts").content.decode()
    assert f'data-pick="{hosts[0].pk}"' in page
    assert "data-bulk" in page
    assert "data-pick-all" in page
