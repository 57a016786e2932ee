"""The page of two copies, and its remedies. It …"""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from datacenter.models import AuditEntry
from hosts.models import VM, Doubt
from tests.screens import factory

pytestmark = pytest.mark.django_db


def told_by(host: Any, status: str, **more: Any) -> dict[str, Any]:
    state, reason = status.split("/")
    return {"host": host.pk, "name": host.name, "state": state, "reason": reason, **more}


@pytest.fixture
def doubt(db: None) -> Doubt:
    home = factory.cluster()
    first, second = factory.host("first", in_cluster=home), factory.host("second", in_cluster=home)
    vm = factory.vm("twin", on=first)
    told: list[dict[str, Any]] = [
        told_by(first, "running/booted", cpu_time_s=41.5, seen_at="2026"),
        told_by(second, "paused/migration", cpu_time_s=None, seen_at=None),
    ]
    return Doubt.objects.create(vm=vm, first=first, second=second, because="twin runs on both.", evidence=told)


def order(client: Client, doubt: Doubt, verb: str, host: object) -> Any:
    address = reverse("doubt_remedy", args=[doubt.pk])
    return client.post(address, {"verb": verb, "host": host}, headers={"HX-Request": "true"})


def test_it_shows_what_each_host_says(otto: Client, doubt: Doubt) -> None:
    text = otto.get(reverse("doubt", args=[doubt.pk])).content.decode()
    for words in ("twin runs on both.", "running (booted)", "41.5 s", "paused (migration)"):
        assert words in text


def test_it_is_told_on_the_vm_and_on_the_overview(otto: Client, doubt: Doubt) -> None:
    for address in (reverse("vm", args=[doubt.vm.uuid]), reverse("overview")):
        text = otto.get(address).content.decode()
        assert "twin may have two copies, on first and second." in text
        assert reverse("doubt", args=[doubt.pk]) in text


def test_an_order_is_kept_for_the_guardian(otto: Client, doubt: Doubt) -> None:
    assert order(otto, doubt, "suspend", doubt.first_id).status_code == 200
    doubt.refresh_from_db()
    assert (doubt.remedy, doubt.remedy_host) == ("suspend", doubt.first)
    assert AuditEntry.objects.filter(verb="suspend_copy", refused=False).exists()
    assert order(otto, doubt, "end", doubt.first_id).status_code == 409


@pytest.mark.parametrize(("verb", "host"), [("explode", "first"), ("end", "other")])
def test_it_refuses_what_makes_no_sense(otto: Client, doubt: Doubt, verb: str, host: str) -> None:
    other = factory.host("other", in_cluster=doubt.first.cluster)
    assert order(otto, doubt, verb, doubt.first_id if host == "first" else other.pk).status_code == 409
    assert order(otto, doubt, verb, "x").status_code == 400
    doubt.refresh_from_db()
    assert doubt.remedy == ""


def test_it_refuses_who_may_only_look(vera: Client, doubt: Doubt) -> None:
    assert order(vera, doubt, "end", doubt.first_id).status_code == 403
    assert VM.objects.get(pk=doubt.vm_id).doubts.get().remedy == ""
