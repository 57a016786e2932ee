"""The palette: what it finds, for whom, and what it refuses."""

import re

import pytest
from django.test import Client

from datacenter.models import Plan
from tests.screens import factory

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> None:
    home = factory.cluster("amber", "Berlin")
    h1, h2 = factory.host("rack-one", in_cluster=home), factory.host("rack-two", in_cluster=home)
    factory.vm("web-1", on=h1)
    factory.vm("my-web", on=h1)
    factory.migration(factory.vm("database", on=h2), h1, state="copying")
    Plan.objects.create(title="New boards", made_by="ada")


def found(client: Client, text: str) -> list[str]:
    answer = client.get("/search", {"q": text}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return re.findall(r'class="found"[^>]*>.*?<span class="clip">([^<]*)</span>', answer.content.decode(), re.DOTALL)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("web", ["web-1", "my-web"]),  # what begins so comes first
        ("one web", ["my-web", "web-1"]),  # of its host and itself
        ("rack-t", ["rack-two", "database"]),
        ("amber", ["amber", "rack-one", "rack-two"]),
        ("berl", ["Berlin", "amber"]),
        ("boards", ["New boards"]),
        ("databa", ["database", "database"]),  # the VM and its migration
        ("calend", ["Maintenance calendar"]),
        ("dark", ["Dark theme"]),
        ("migrate web-", ["Migrate web-1…"]),
        ("maint two", ["Maintenance of rack-two…"]),
        ("no such thing", []),
        ("%", []),
    ],
)
def test_it_finds_objects_pages_and_actions(otto: Client, place: None, text: str, first: list[str]) -> None:
    assert found(otto, text)[: len(first) or None] == first


def test_it_says_where_one_can_go_before_anything_is_typed(otto: Client) -> None:
    assert found(otto, "")[:2] == ["Overview", "VMs"]


def test_it_offers_only_what_one_may_do(vera: Client, ada: Client, place: None) -> None:
    assert "Add host" not in found(vera, "add host")
    assert found(vera, "migrate web-") == []
    assert "otto" not in found(vera, "otto")
    assert "otto" in found(ada, "otto")


def test_it_escapes_what_was_typed_and_what_was_found(otto: Client) -> None:
    factory.vm("<script>alert(1)</script>")
    page = otto.get("/search", {"q": "<script>"}, headers={"HX-Request": "true"}).content.decode()
    assert "<script>" not in page


def test_it_is_a_page_without_javascript(otto: Client, place: None) -> None:
    page = otto.get("/search?q=web").content.decode()
    assert 'aria-label="Main"' in page
    assert "web-1" in page


@pytest.mark.parametrize("text", ["x" * 201, "a\x00b"])
def test_it_refuses_what_is_no_search(otto: Client, text: str) -> None:
    assert otto.get("/search", {"q": text}).status_code == 400


def test_it_finds_nothing_for_nobody(client: Client) -> None:
    assert client.get("/search?q=web").status_code == 302
