"""The events' pages: who sees what, filters, one event, and what is left of an object that is gone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from datacenter import audit
from datacenter.models import User
from hosts import recording
from hosts.models import VM, Event, EventKind, Severity
from hosts.models.correlation import following
from tests.screens import factory

pytestmark = pytest.mark.django_db


def wrote(row: Any, **fields: Any) -> Event:
    return recording.write(row, **{"actor": "ann", "kind": EventKind.STATE, "field": "state", "new": "up", **fields})


def shown(client: Client, query: str = "") -> str:
    answer = client.get(f"/events?{query}")
    assert answer.status_code == 200, query
    return answer.content.decode()


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("", {"plain", "grave", "order"}),
        ("severity=error", {"grave"}),
        ("severity=notice", {"grave", "order"}),
        ("kind=order", {"order"}),
        ("about=host", {"grave"}),
        ("by=policy", {"order"}),
        ("when=all", {"plain", "grave", "order", "old"}),
        ("q=grave", {"grave"}),
        ("q=ann+plain", {"plain"}),
    ],
)
def test_they_are_narrowed_by_what_the_address_says(vera: Client, query: str, there: set[str]) -> None:
    vm = factory.vm("alpha")
    wrote(vm, because="is plain")
    wrote(vm.host, because="is grave", severity=Severity.CRITICAL)
    wrote(vm, because="is order", kind=EventKind.ORDER, severity=Severity.NOTICE, verb="migrate", actor="policy Night")
    wrote(vm, because="is old", at=timezone.now() - timedelta(days=2))
    page = shown(vera, query)
    assert {word for word in ("plain", "grave", "order", "old") if f">is {word}<" in page} == there


@pytest.mark.parametrize(
    "query", ["severity=worst", "kind=x", "vm=abc", "vm=-1", "follows=7", "when=ever", "by=me", "x=1"]
)
def test_a_filter_that_makes_no_sense_is_refused(vera: Client, query: str) -> None:
    assert vera.get(f"/events?{query}").status_code == 400


def test_attempts_and_logins_are_for_those_who_audit(vera: Client, ada: Client, people: dict[str, User]) -> None:
    vm = factory.vm("alpha")
    tried = audit.record(people["vera"], "power_off", vm, detail="Not permitted.", refused=True)
    came = audit.record(people["otto"], "login", people["otto"], kind=EventKind.SECURITY)
    for event in (tried, came):
        assert f"event-{event.pk}-row" in shown(ada)
        assert f"event-{event.pk}-row" not in shown(vera)
        assert ada.get(f"/events/{event.pk}").status_code == 200
        assert vera.get(f"/events/{event.pk}").status_code == 404
    tab = f"/vms/{vm.uuid}?tab=events"
    assert "Refused: power off" in ada.get(tab).content.decode()
    assert "Refused: power off" not in vera.get(tab).content.decode()


def test_one_tells_what_was_changed_and_what_followed(vera: Client) -> None:
    vm = factory.vm("alpha")
    with following():
        order = wrote(
            vm, kind=EventKind.ORDER, verb="set_rules", before={"a": 1, "same": 2}, after={"a": 3, "same": 2, "b": None}
        )
        later = wrote(vm.host, because="followed from it")
    other = wrote(vm.host, because="has nothing to do with it")
    page = vera.get(f"/events/{order.pk}").content.decode()
    assert "<td>a</td><td>1</td><td>3</td>" in page
    assert "<td>same</td>" not in page
    assert f"event-{later.pk}-row" in page
    assert f"event-{other.pk}-row" not in page
    assert f"event-{later.pk}-row" in shown(vera, f"follows={order.correlation}")


def test_names_stay_readable_after_the_object_is_gone(vera: Client) -> None:
    vm = factory.vm("alpha")
    event = wrote(vm)
    assert vera.get(f"/events/{event.pk}/object")["Location"] == f"/vms/{vm.uuid}"
    VM.objects.filter(pk=vm.pk).delete()
    assert "alpha" in shown(vera)
    gone = vera.get(f"/events/{event.pk}/object")
    assert gone.status_code == 404
    assert "alpha is gone" in gone.content.decode()


@pytest.mark.parametrize("noun", ["vm", "host", "cluster", "migration", "plan"])
def test_each_object_has_its_own(vera: Client, noun: str) -> None:
    from datacenter.models import Plan

    migration = factory.migration(factory.vm("alpha"), factory.host("h2"))
    vm = migration.vm
    plan = Plan.objects.create(title="Kernel", made_by="ann")
    plan.hosts.create(host=vm.host)
    rows = {"vm": vm, "host": vm.host, "cluster": vm.host.cluster, "migration": migration, "plan": plan}
    event = wrote(rows[noun], because="is mine", kind=EventKind.ORDER, field="", new="", verb="look")
    address = {
        "vm": f"/vms/{vm.uuid}?tab=events",
        "host": f"/hosts/{vm.host_id}?tab=events",
        "plan": f"/maintenance/plans/{plan.pk}",
        "cluster": f"/clusters/{vm.host.cluster_id}?tab=events",
        "migration": f"/migrations/{migration.pk}",
    }[noun]
    page = vera.get(address).content.decode()
    assert f"event-{event.pk}-row" in page
    assert f"/events?{noun}={rows[noun].pk}" in page
    assert f"event-{event.pk}-row" in shown(vera, f"{noun}={rows[noun].pk}")


def test_they_cost_the_same_with_many(vera: Client, django_assert_max_num_queries: Callable[..., Any]) -> None:
    vm = factory.vm("alpha")
    for _ in range(60):
        wrote(vm)
    with django_assert_max_num_queries(16):
        shown(vera)
