"""Orders by the API: each is the same order as a page's, and says the same of who gave it."""

from typing import Any

import pytest

from datacenter.models import Plan, User
from hosts.models import VM, Event, Host, Migration, Operation
from tests.api.conftest import Api
from tests.api.house import furnish
from tests.factory import make_host, make_vm

pytestmark = pytest.mark.django_db


@pytest.fixture
def there(people: dict[str, User]) -> dict[str, Any]:
    return furnish(people["ada"])


def test_it_orders_a_power_change_in_the_tokens_name(ada: Api) -> None:
    vm = make_vm()
    answer = ada.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"})
    assert answer.status_code == 201
    assert answer.json()["requested_by"] == "ada (token deploy)"
    assert Operation.objects.get().pk == answer.json()["id"]
    entry = Event.orders.get(verb="shutdown")
    assert (entry.actor, entry.actor_kind) == ("ada (token deploy)", "token")


def test_it_says_409_for_what_cannot_be_now(ada: Api) -> None:
    vm = make_vm(state="down")
    answer = ada.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:godwit:conflict"


def test_it_tells_what_a_migration_would_take_and_orders_it(ada: Api) -> None:
    vm = make_vm(dirty_rate=1e6)
    other = make_host(cluster=vm.host.cluster)
    said = ada.get(f"/vms/{vm.uuid}/migrate?destination={other.pk}").json()
    best = said["candidates"][0]
    assert (said["chosen"], best["host"]["id"], best["ok"]) == (other.pk, other.pk, True)
    assert best["forecast"]["seconds"]["low"] <= best["forecast"]["seconds"]["high"]
    answer = ada.post(f"/vms/{vm.uuid}/migrate", {"destination": other.pk, "bandwidth": 1 << 24})
    assert answer.status_code == 201
    row = Migration.objects.get(pk=answer.json()["id"])
    assert (row.destination, row.bandwidth, row.requested_by) == (other, 1 << 24, "ada (token deploy)")


def test_it_says_422_and_the_field_where_the_destination_cannot_take_it(ada: Api) -> None:
    vm = make_vm()
    full = make_host(cluster=vm.host.cluster, memory_free_bytes=0)
    answer = ada.post(f"/vms/{vm.uuid}/migrate", {"destination": full.pk})
    assert (answer.status_code, answer.json()["field"]) == (422, "destination")


def test_it_moves_many_and_tells_of_each(ada: Api) -> None:
    vm = make_vm()
    make_host(cluster=vm.host.cluster)
    lost = make_vm(host=vm.host, state="missing")
    told = ada.post("/migrations", {"vms": [str(vm.uuid), str(lost.uuid)]}).json()
    assert [bool(each["migration"]) for each in told] == [True, False]
    assert told[1]["reason"]


def test_it_cancels_and_adjusts_a_migration(ada: Api, there: dict[str, Any]) -> None:
    pk = there["migrations"]["pk"]
    assert ada.post(f"/migrations/{pk}/bandwidth", {"bandwidth": 1 << 21}).json()["value"] == 1 << 21
    assert ada.post(f"/migrations/{pk}/cancel").status_code == 201
    assert [each["kind"] for each in ada.get(f"/migrations/{pk}/adjustments").json()] == ["bandwidth", "cancel"]


def test_it_takes_a_plan_from_draft_to_running_by_its_version(ada: Api, there: dict[str, Any]) -> None:
    pk = there["plans"]["pk"]
    answer = ada.get(f"/plans/{pk}")
    tag = answer["ETag"]
    assert ada.post(f"/plans/{pk}/approve", {}).status_code == 428
    assert ada.post(f"/plans/{pk}/approve", {}, If_Match='"99"').status_code == 412
    assert ada.post(f"/plans/{pk}/approve", {"version": 99}).status_code == 409
    assert ada.post(f"/plans/{pk}/approve", {}, If_Match=tag).json()["state"] == "approved"
    assert ada.post(f"/plans/{pk}/start", {}).json()["state"] == "running"
    assert ada.post(f"/plans/{pk}/pause", {}).json()["state"] == "paused"
    assert ada.post(f"/plans/{pk}/resume", {}).json()["state"] == "running"
    assert ada.post(f"/plans/{pk}/cancel", {}).json()["state"] == "cancelling"


def test_it_changes_a_plans_terms_moves_and_hosts(ada: Api, there: dict[str, Any]) -> None:
    ids = there["plans"]
    said = ada("PUT", f"/plans/{ids['pk']}/terms", {"version": 1, "terms": {"at_once": 1, "home": True}}).json()
    assert (said["terms"]["home"], said["version"]) == (True, 2)
    move = ada.get(f"/plans/{ids['pk']}/moves").json()["items"][0]
    path = f"/plans/{ids['pk']}/moves/{move['id']}"
    assert ada("PATCH", path, {"version": 2, "action": "shutdown"}).json()["version"] == 3
    assert ada.get(f"/plans/{ids['pk']}/moves").json()["items"][0]["action"] == "shutdown"


def test_it_puts_a_host_into_maintenance_and_back(ada: Api) -> None:
    host, _ = make_host("m1"), make_host("m2")
    plan = ada.post("/hosts/maintenance", {"hosts": [host.pk], "reason": "Fans"}).json()
    assert Plan.objects.get(pk=plan["id"]).state == "running"
    Host.objects.filter(pk=host.pk).update(state="maintenance")
    Plan.objects.filter(pk=plan["id"]).update(state="finished")
    assert ada.post(f"/hosts/{host.pk}/activate").json()["state"] == "connecting"


def test_it_adds_tags_and_removes_a_host(ada: Api) -> None:
    cluster = make_host().cluster
    added = ada.post("/hosts", {"uri": "sim://fresh/", "cluster": cluster.pk})
    assert added.status_code == 201, added.content
    pk = added.json()["id"]
    assert ada("PUT", f"/hosts/{pk}/tags", {"tags": ["rack-1"]}).json()["tags"] == ["rack-1"]
    assert ada.post("/hosts", {"uri": "qemu+ext://x/system?command=rm", "cluster": cluster.pk}).json()["field"] == "uri"
    assert ada("DELETE", f"/hosts/{pk}").status_code == 204
    assert not Host.objects.filter(pk=pk).exists()


def test_it_makes_changes_and_removes_policies_and_affinity(ada: Api) -> None:
    one, two = make_vm(), make_vm()
    VM.objects.filter(pk=two.pk).update(host=make_host(cluster=one.host.cluster))
    given = {"cluster": one.host.cluster_id, "name": "pair", "together": False, "vms": [str(one.uuid), str(two.uuid)]}
    made = ada.post("/affinity", given)
    assert made.status_code == 201, made.content
    assert ada("DELETE", f"/affinity/{made.json()['id']}").status_code == 204
    policy = ada.post("/migration-policies", {"name": "Slow", "says": {"bandwidth": 1 << 25}})
    assert (policy.status_code, policy.json()["version"], policy.json()["says"]["bandwidth"]) == (201, 1, 1 << 25)
    assert ada("DELETE", f"/migration-policies/{policy.json()['id']}").status_code == 204
    make_host(cluster=one.host.cluster)
    weekly = {
        "name": "Sundays", "cluster": one.host.cluster_id, "rule": "FREQ=WEEKLY;BYDAY=SU", "zone": "Europe/Berlin",
        "starts_at_local": "2026-11-29T02:00:00", "duration_minutes": 600,
    }  # fmt: skip
    made = ada.post("/maintenance-policies", weekly)
    assert made.status_code == 201, made.content
    assert len(made.json()["next_windows"]) == 10
    path = f"/maintenance-policies/{made.json()['id']}"
    assert ada("PUT", path, weekly | {"rule": "FREQ=NEVER", "version": 1}).json()["field"] == "rule"
    assert ada.post(f"{path}/enable", {"enabled": False}).json()["enabled"] is False
    assert ada("DELETE", path).status_code == 204
