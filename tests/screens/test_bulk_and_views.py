"""Many at once from the list, and saved views of lists."""

import re

import pytest
from django.test import Client

from datacenter.models import BulkOrder, SavedView
from datacenter.orders import bulk
from hosts.models import VM
from tests.screens import factory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def three() -> list[VM]:
    host = factory.host("h1")
    return [factory.vm(name, on=host) for name in ("web-1", "web-2", "db")]


def test_it_shows_first_what_would_be_done_and_orders_nothing(otto: Client, three: list[VM]) -> None:
    page = otto.post("/vms/bulk", {"action": "shutdown", "vm": [three[0].pk]}, headers=HTMX).content.decode()
    assert "will be asked to shut down" in re.sub(r"\s+", " ", page)
    assert "web-1" in page
    assert not BulkOrder.objects.exists()


def test_it_orders_for_all_that_match_by_the_query(otto: Client, three: list[VM]) -> None:
    given = {"action": "tag", "all": "1", "query": "q=name+%3D+web*&sort=-cpu&page=1", "tags": "gold", "sure": "1"}
    answer = otto.post("/vms/bulk", given, headers=HTMX)
    row = BulkOrder.objects.get()
    assert answer["HX-Redirect"] == f"/bulk/{row.pk}"
    bulk.carry_out_all()
    assert sorted(VM.objects.filter(tags=["gold"]).values_list("name", flat=True)) == ["web-1", "web-2"]
    page = otto.get(f"/bulk/{row.pk}").content.decode()
    assert "2 of 2 had their turn" in page
    assert "every 2s" not in page
    assert "Tag: gold" in otto.get("/bulk").content.decode()


def test_it_asks_for_tags_before_it_says_what_it_does(otto: Client, three: list[VM]) -> None:
    page = otto.post("/vms/bulk", {"action": "tag", "vm": [three[0].pk]}, headers=HTMX).content.decode()
    assert "Tags to give" in page


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"action": "format"}, 400),
        ({"action": "start", "vm": "x"}, 400),
        ({"action": "start", "all": "1", "query": "q=status+%3D+sleepy"}, 400),
        ({"action": "start", "all": "1", "query": "colour=red"}, 400),
        ({"action": "start", "all": "1", "query": "state=sleepy"}, 400),
        ({"action": "start"}, 409),
        ({"action": "tag", "vm": "1", "tags": "semi;colon"}, 409),
    ],
)
def test_it_refuses_nonsense(otto: Client, three: list[VM], given: dict[str, str], status: int) -> None:
    assert otto.post("/vms/bulk", given).status_code == status
    assert not BulkOrder.objects.exists()


def test_it_does_nothing_for_who_only_looks(vera: Client, three: list[VM]) -> None:
    given = {"action": "shutdown", "vm": [vm.pk for vm in three], "sure": "1"}
    assert vera.post("/vms/bulk", given).status_code == 409
    assert not BulkOrder.objects.exists()


def test_it_shows_nobody_another_ones_order(otto: Client, vera: Client, three: list[VM]) -> None:
    otto.post("/vms/bulk", {"action": "tag", "vm": [three[0].pk], "tags": "x", "sure": "1"})
    pk = BulkOrder.objects.get().pk
    assert vera.get(f"/bulk/{pk}").status_code == 404
    assert vera.post(f"/bulk/{pk}/cancel").status_code == 404
    assert otto.post(f"/bulk/{pk}/cancel").status_code == 302
    assert BulkOrder.objects.get().state == BulkOrder.State.CANCELLED


def save(client: Client, **given: str) -> None:
    client.post("/views/save", {"listing": "vms", "path": "/vms", "name": "Busy", "query": "q=cpu+>+80", **given})


def test_it_saves_a_view_for_oneself_and_lists_it(otto: Client, vera: Client, three: list[VM]) -> None:
    save(otto, query="?q=cpu+>+80&sort=-cpu&columns=cpu+host")
    save(otto, query="q=cpu+>+90&columns=cpu")  # the same name: changed
    assert SavedView.objects.get().query == "q=cpu+>+90&columns=cpu"
    assert "Busy" in otto.get("/vms").content.decode()
    assert "Busy" not in vera.get("/vms").content.decode()
    assert "Busy" not in otto.get("/hosts").content.decode()


def test_it_shares_a_view_only_for_who_administers(otto: Client, ada: Client, vera: Client, three: list[VM]) -> None:
    save(otto, shared="on")
    assert not SavedView.objects.exists()
    save(ada, shared="on")
    view = SavedView.objects.get()
    assert "Busy" in vera.get("/vms").content.decode()
    vera.post(f"/views/{view.pk}/remove", {"path": "/vms"})
    assert SavedView.objects.exists()
    ada.post(f"/views/{view.pk}/remove", {"path": "/vms"})
    assert not SavedView.objects.exists()


def test_it_leads_back_to_a_path_of_ours_only(otto: Client) -> None:
    given = {"listing": "vms", "name": "x", "query": "q=a", "path": "//evil.example/"}
    assert otto.post("/views/save", given)["Location"].startswith("/?")


def test_it_shows_the_columns_that_the_address_names(otto: Client, three: list[VM]) -> None:
    page = otto.get("/vms?columns=cpu+machine").content.decode()
    shown = re.search(r'<div id="list"[^>]*class="([^"]*)"', page)
    assert shown
    assert "hide-host" in shown[1]
    assert "hide-machine" not in shown[1]
    assert otto.get("/vms?columns=name").status_code == 400
