"""Reading lists and objects: nothing hidden is told, pages do not overlap, a page costs the same few queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datacenter.models import AffinityGroup
from tests.api.conftest import Api
from tests.api.rights import give
from tests.factory import make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db

LISTS = (
    "/datacenters", "/clusters", "/hosts", "/vms", "/migrations", "/operations", "/plans", "/maintenance-policies",
    "/migration-policies", "/affinity", "/doubts", "/events",
)  # fmt: skip


def test_it_tells_every_list(ada: Api) -> None:
    make_migration()
    for path in LISTS:
        answer = ada.get(path)
        assert answer.status_code == 200, (path, answer.content)
        assert set(answer.json()) == {"items", "next"}


def test_it_tells_a_host_a_vm_and_a_migration(ada: Api) -> None:
    migration = make_migration()
    vm = migration.vm
    assert ada.get(f"/hosts/{vm.host.pk}").json()["vm_count"] == 1
    told = ada.get(f"/vms/{vm.uuid}").json()
    assert (told["name"], told["host"]["name"], told["migration"]) == (vm.name, vm.host.name, migration.pk)
    assert ada.get(f"/migrations/{migration.pk}").json()["destination"]["id"] == migration.destination_id


def test_it_reads_page_by_page_though_rows_come_and_go_meanwhile(ada: Api) -> None:
    for number in range(7):
        make_host(f"h{number}")
    seen: list[str] = []
    said = ada.get("/hosts?limit=3").json()
    seen += [each["name"] for each in said["items"]]
    make_host("a-new-one")  # before the cursor: pages that were read do not move
    while said["next"]:
        said = ada.get(f"/hosts?limit=3&cursor={said['next']}").json()
        seen += [each["name"] for each in said["items"]]
    assert seen == [f"h{number}" for number in range(7)]


@pytest.mark.parametrize("sort", ["cpu", "-cpu"])
def test_it_puts_unknown_figures_last_and_pages_through_them(ada: Api, sort: str) -> None:
    for number, percent in enumerate((10.0, None, 30.0, None, 20.0, 20.0)):
        make_host(f"h{number}", cpu_percent=percent)
    seen: list[Any] = []
    following: str | None = ""
    while following is not None:
        said = ada.get(f"/hosts?limit=1&sort={sort}" + (f"&cursor={following}" if following else "")).json()
        seen += [each["cpu_percent"] for each in said["items"]]
        following = said["next"]
    known = [10.0, 20.0, 20.0, 30.0]
    assert seen == (known[::-1] if sort == "-cpu" else known) + [None, None]


def test_it_refuses_a_cursor_of_another_list_and_one_that_was_changed(ada: Api) -> None:
    make_host(), make_host()
    cursor = ada.get("/hosts?limit=1").json()["next"]
    assert ada.get(f"/hosts?limit=1&sort=-name&cursor={cursor}").json()["field"] == "cursor"
    changed = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    assert ada.get(f"/hosts?cursor={changed}").status_code == 422


def test_it_filters_in_the_query_language_and_points_at_the_word_at_fault(ada: Api) -> None:
    make_host("h1", cpu_percent=90.0), make_host("h2", cpu_percent=5.0)
    assert [each["name"] for each in ada.get("/hosts?q=cpu > 80").json()["items"]] == ["h1"]
    answer = ada.get("/hosts?q=cpu > banana")
    assert (answer.status_code, answer.json()["field"], answer.json()["position"]) == (422, "q", 6)


@pytest.mark.parametrize("said", ["limit=501", "limit=0", "sort=uri", "stat=up", "q=%00", "cursor=x"])
def test_it_refuses_what_it_does_not_know_rather_than_ignore_it(ada: Api, said: str) -> None:
    answer = ada.get(f"/hosts?{said}")
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"


def test_it_answers_alike_for_what_is_hidden_and_what_is_not_there(people: Any, make: Callable[..., Any]) -> None:
    mine, other = make_host(cluster=make_cluster("mine")), make_host(cluster=make_cluster("other", datacenter="Far"))
    people["vera"].role_bindings.all().delete()
    give(people["vera"], ["view"], level="cluster", row=mine.cluster_id)
    api = Api(make("vera")[1])
    assert [each["id"] for each in api.get("/hosts").json()["items"]] == [mine.pk]
    hidden, missing = api.get(f"/hosts/{other.pk}"), api.get("/hosts/999999")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json() == missing.json()


@pytest.mark.parametrize("path", ["/vms", "/hosts", "/migrations", "/affinity", "/migration-policies", "/events"])
def test_it_costs_as_many_queries_for_many_rows_as_for_few(ada: Api, path: str) -> None:
    def fill(count: int) -> None:
        for _ in range(count):
            move = make_migration()
            group = AffinityGroup.objects.create(name=f"g{move.pk}", together=True)
            group.vms.set([move.vm, make_vm(host=move.vm.host)])

    fill(2)
    ada.get(path)
    with CaptureQueriesContext(connection) as few:
        ada.get(f"{path}?limit=500")
    fill(20)
    with CaptureQueriesContext(connection) as many:
        ada.get(f"{path}?limit=500")
    assert len(many) == len(few)
    assert len(many) <= 8


def test_it_tells_a_thousand_vms_in_two_pages_of_few_queries(ada: Api) -> None:
    host = make_host()
    for number in range(1000):
        make_vm(f"vm{number:04}", host=host)
    with CaptureQueriesContext(connection) as asked:
        first = ada.get("/vms?limit=500").json()
        second = ada.get(f"/vms?limit=500&cursor={first['next']}").json()
    assert len(first["items"]) == len(second["items"]) == 500
    assert second["next"] is None
    assert len(asked) <= 12
