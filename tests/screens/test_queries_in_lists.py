"""The box of a list: queries filter and sort, a mistake is marked, completion offers what one may see."""

import re

import pytest
from django.test import Client

from hosts.models import VM
from tests.screens import factory
from tests.screens.test_lists import listed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def three() -> list[VM]:
    h1, h2 = factory.host("h1"), factory.host("h2")
    return [
        factory.vm("alpha", on=h1, cpu_percent=5.0, memory_bytes=1),
        factory.vm("beta", on=h2, cpu_percent=90.0, memory_bytes=3),
        factory.vm("gamma", on=h2, cpu_percent=85.0, memory_bytes=2),
    ]


def test_it_filters_and_sorts_by_a_query(otto: Client, three: list[VM]) -> None:
    assert listed(otto, "/vms?q=host+%3D+h2+and+cpu+>+80+sortby+memory") == ["gamma", "beta"]
    assert listed(otto, "/vms?q=h2&state=up&sort=-cpu") == ["beta", "gamma"]
    assert listed(otto, "/hosts?q=name+%3D+h*+sortby+name+desc") == ["h2", "h1"]


def test_it_shows_in_the_heads_how_a_query_sorts_and_a_click_takes_its_place(otto: Client, three: list[VM]) -> None:
    page = otto.get("/vms?q=host+%3D+h2+sortby+cpu+desc&sort=name").content.decode()
    assert re.findall(r'c-cpu end" aria-sort="(\w+)"', page) == ["descending"]
    assert 'href="?q=host+%3D+h2&amp;sort=name"' in page


def test_it_marks_the_word_that_makes_no_sense(otto: Client, three: list[VM]) -> None:
    answer = otto.get("/vms?q=status+%3D+sleepy")
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "<code>status = <mark>sleepy</mark></code>" in page
    assert "There is no status “sleepy”: up," in page
    assert "alpha" not in page
    assert 'aria-invalid="true"' in page


def test_it_leaves_the_list_alone_while_a_query_is_half_typed(otto: Client, three: list[VM]) -> None:
    answer = otto.get("/vms?q=status+%3D", headers=HTMX)
    assert answer.status_code == 400
    assert answer["HX-Retarget"] == "#filter-mistake"
    assert answer["HX-Push-Url"] == "false"
    assert "<mark>=</mark>" in answer.content.decode()
    mended = otto.get("/vms?q=status+%3D+up", headers=HTMX).content.decode()
    assert re.search(r'id="filter-mistake"[^>]* hidden[^>]* hx-swap-oob="true"', mended)


def test_it_escapes_what_was_typed(otto: Client, three: list[VM]) -> None:
    page = otto.get('/vms?q="<script>alert(1)</script>').content.decode()
    assert "<script>alert" not in page
    assert "The closing quote is missing." in page


def test_it_completes(otto: Client, three: list[VM]) -> None:
    offers = otto.get("/search/vm/complete?q=host+%3D+h&at=8").json()["offers"]
    assert [each["text"] for each in offers] == ["h1", "h2"]
    assert (offers[0]["start"], offers[0]["end"]) == (7, 8)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/search/teapot/complete?q=&at=0", 404),
        ("/search/vm/complete?q=x", 400),
        ("/search/vm/complete?q=x&at=-1", 400),
        ("/search/vm/complete?q=%00&at=1", 400),
        ("/search/vm/complete?at=1&q=" + "x" * 501, 400),
    ],
)
def test_it_completes_no_nonsense(otto: Client, address: str, status: int) -> None:
    assert otto.get(address).status_code == status


def test_it_completes_for_nobody_who_is_not_signed_in(client: Client) -> None:
    assert client.get("/search/vm/complete?q=&at=0").status_code == 302


def test_it_pages_a_sorted_list_of_thousands_by_its_keys(otto: Client) -> None:
    host = factory.host()
    VM.objects.bulk_create([factory.vm(f"vm-{n:04}", on=host, save=False) for n in range(130)])
    seen = [name for page in (1, 2, 3) for name in listed(otto, f"/vms?q=vm+sortby+name+desc&page={page}")]
    assert seen == [f"vm-{n:04}" for n in reversed(range(130))]
