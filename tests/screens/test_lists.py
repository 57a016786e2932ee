"""Lists: filter, sort, page, and what is refused."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hosts.models import VM
from hosts.states import HostState, VMState
from tests.screens import factory

pytestmark = pytest.mark.django_db


def names(page: str) -> list[str]:
    return re.findall(r'class="name clip"[^>]*>([^<]*)</a>', page)


def listed(client: Client, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return names(answer.content.decode())


@pytest.fixture
def three() -> list[VM]:
    red, blue = factory.cluster("red"), factory.cluster("blue")
    h1, h2 = factory.host("h1", in_cluster=red), factory.host("h2", in_cluster=blue)
    return [
        factory.vm("alpha", on=h1, cpu_percent=5.0, up_since=timezone.now() - timedelta(days=9)),
        factory.vm("beta", on=h2, cpu_percent=90.0, memory_used_bytes=1),
        factory.vm("gamma", on=h2, cpu_percent=None, state=VMState.DOWN.value, up_since=None),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["alpha", "beta", "gamma"]),
        ("?sort=-name", ["gamma", "beta", "alpha"]),
        ("?sort=cpu", ["alpha", "beta", "gamma"]),
        ("?sort=-cpu", ["beta", "alpha", "gamma"]),  # unknown comes last both ways
        ("?sort=state", ["alpha", "beta", "gamma"]),
        ("?sort=-state", ["gamma", "alpha", "beta"]),
        ("?sort=-host", ["beta", "gamma", "alpha"]),
        ("?state=down", ["gamma"]),
        ("?q=ET", ["beta"]),
        ("?q=h2+gam", ["gamma"]),
        ("?q=%25", []),  # a search for a percent sign, not for everything
        ("?q=nothing-like-it", []),
        ("?q=&state=&cluster=&page=", ["alpha", "beta", "gamma"]),
    ],
)
def test_it_filters_and_sorts_in_the_database(otto: Client, three: list[VM], query: str, expected: list[str]) -> None:
    assert listed(otto, f"/vms{query}") == expected


def test_it_filters_by_cluster_and_host(otto: Client, three: list[VM]) -> None:
    assert listed(otto, f"/vms?cluster={three[0].host.cluster_id}") == ["alpha"]
    assert listed(otto, f"/vms?host={three[1].host_id}&sort=-name") == ["gamma", "beta"]
    assert listed(otto, f"/hosts?cluster={three[1].host.cluster_id}") == ["h2"]


def test_it_counts_each_state_under_the_other_filters(otto: Client, three: list[VM]) -> None:
    page = otto.get(f"/vms?cluster={three[1].host.cluster_id}&state=down").content.decode()
    assert re.findall(r'Up<span class="number">(\d+)', page) == ["1"]
    assert re.findall(r'Down<span class="number">(\d+)', page) == ["1"]


@pytest.mark.parametrize(
    "query",
    [
        "sort=password",
        "sort=-uuid__x",
        "state=sleepy",
        "cluster=999",
        "cluster=x",
        "page=two",
        "page=-1",
        "colour=red",
        "q=%00",
        "q=" + "x" * 201,
    ],
)
def test_it_says_what_it_does_not_know_and_shows_nothing_wrong_instead(otto: Client, query: str) -> None:
    answer = otto.get(f"/vms?{query}")
    assert answer.status_code == 400
    assert "This cannot be asked for" in answer.content.decode()
    assert 'aria-label="Main"' in answer.content.decode()  # in the frame


@pytest.mark.parametrize("page", ["0", "2", "99999999999999999999"])
def test_it_has_no_page_beyond_the_last(otto: Client, three: list[VM], page: str) -> None:
    answer = otto.get(f"/vms?page={page}")
    assert answer.status_code == 404
    assert "no page" in answer.content.decode()


def test_it_pages_without_losing_or_repeating_a_row(otto: Client) -> None:
    host = factory.host()
    VM.objects.bulk_create([factory.vm(f"vm-{n:03}", on=host, save=False, cpu_percent=1.0) for n in range(120)])
    seen = [name for page in (1, 2, 3) for name in listed(otto, f"/vms?sort=-cpu&page={page}")]
    assert len(seen) == 120
    assert set(seen) == {f"vm-{n:03}" for n in range(120)}


def test_it_keeps_filter_and_sort_in_the_pager_and_drops_the_page_in_the_heads(otto: Client) -> None:
    host = factory.host()
    VM.objects.bulk_create([factory.vm(f"vm-{n:03}", on=host, save=False) for n in range(120)])
    page = otto.get("/vms?q=vm&sort=-name&page=2").content.decode()
    assert 'href="?q=vm&amp;sort=-name&amp;page=3"' in page
    assert 'href="?q=vm&amp;sort=-name"' in page  # page 1
    assert 'href="?q=vm&amp;sort=-cpu"' in page


def test_it_answers_htmx_with_the_list_alone_and_the_back_button_with_the_page(otto: Client, three: list[VM]) -> None:
    alone = otto.get("/vms", headers={"HX-Request": "true"})
    assert alone.content.decode().lstrip().startswith('<div id="list"')
    assert "HX-Request" in alone["Vary"]
    whole = otto.get("/vms", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in whole.content.decode()


def test_it_says_how_a_column_is_sorted(otto: Client, three: list[VM]) -> None:
    page = otto.get("/vms?sort=-cpu").content.decode()
    assert re.findall(r'aria-sort="(\w+)"', page) == ["descending"]


def test_it_greys_what_is_old_and_says_how_old(otto: Client) -> None:
    lost = factory.host("lost", state=HostState.NON_RESPONSIVE.value, answered_at=timezone.now() - timedelta(minutes=5))
    factory.vm("ghostly", on=lost, state=VMState.UNKNOWN.value, seen_at=timezone.now() - timedelta(minutes=5))
    vms, hosts = otto.get("/vms").content.decode(), otto.get("/hosts").content.decode()
    assert 'class="stale"' in vms
    assert "seen" in vms
    assert "5 min" in vms
    assert 'class="stale"' in hosts
    assert "5 min" in hosts


def test_it_says_at_least_where_the_start_was_not_seen(otto: Client) -> None:
    factory.vm("old", up_since_exact=False)
    assert "≥" in otto.get("/vms").content.decode()


def test_it_lists_migrations_newest_first(otto: Client, three: list[VM]) -> None:
    now = timezone.now()
    for minutes, row in enumerate(three[1:]):
        factory.migration(row, three[0].host, requested_at=now - timedelta(minutes=minutes), state="done")
    assert listed(otto, "/migrations") == ["beta", "gamma"]
    assert listed(otto, "/migrations?sort=vm&state=done") == ["beta", "gamma"]
    assert listed(otto, f"/migrations?source={three[0].host_id}") == []
