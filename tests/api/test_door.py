"""Who comes in, and in which one shape a refusal leaves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from datacenter.api.body import MOST_BYTES
from datacenter.models import ApiToken
from datacenter.orders.tokens import revoke_token
from hosts.models import Event
from tests.api.conftest import Api
from tests.factory import make_host, make_vm

pytestmark = pytest.mark.django_db


def refused(answer: Any, status: int) -> dict[str, Any]:
    """The problem, once its shape was looked at."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    said: dict[str, Any] = answer.json()
    assert said["status"] == status
    assert said["type"].startswith("urn:godwit:")
    assert said["title"]
    assert said["detail"]
    return said


def test_it_wants_a_token_and_no_session(client: Client, people: Any) -> None:
    client.force_login(people["ada"])
    answer = client.get("/api/v1/hosts")
    assert refused(answer, 401)["type"] == "urn:godwit:unauthorized"
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert "Set-Cookie" not in answer


@pytest.mark.parametrize("given", ["Basic YWRhOnB3", "Bearer", "Bearer gdw_wrong", "gdw_wrong", "Bearer \u00e4"])
def test_it_refuses_what_is_no_token(client: Client, db: None, given: str) -> None:
    refused(client.get("/api/v1/hosts", headers={"Authorization": given}), 401)


def test_it_refuses_a_token_that_has_expired_and_writes_it_down_once(make: Callable[..., Any]) -> None:
    token, text = make("vera")
    ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    for _ in range(3):
        assert "expired" in refused(Api(text).get("/hosts"), 401)["detail"]
    entry = Event.orders.get(verb="use_token")
    assert (entry.actor, entry.refused, entry.actor_kind) == ("vera (token deploy)", True, "token")


def test_it_refuses_a_token_that_was_revoked_or_whose_owner_is_gone(make: Callable[..., Any], people: Any) -> None:
    token, text = make("vera")
    api = Api(text)
    assert api.get("/hosts").status_code == 200
    people["vera"].is_active = False
    people["vera"].save()
    refused(api.get("/hosts"), 401)
    people["vera"].is_active = True
    people["vera"].save()
    revoke_token(people["ada"], token)
    assert "revoked" in refused(api.get("/hosts"), 401)["detail"]


def test_it_slows_down_who_tries_and_lets_the_others_work(make: Callable[..., Any], client: Client) -> None:
    good = Api(make("vera")[1])
    assert good.get("/hosts").status_code == 200
    answers = [client.get("/api/v1/hosts", headers={"Authorization": f"Bearer gdw_{n}"}) for n in range(12)]
    assert [each.status_code for each in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1]["Retry-After"]) > 0
    refused(answers[-1], 429)
    assert good.get("/hosts").status_code == 200


def test_it_remembers_when_and_from_where_a_token_was_used(make: Callable[..., Any]) -> None:
    token, text = make("vera")
    Api(text).get("/me")
    token.refresh_from_db()
    assert token.last_used_at is not None
    assert token.last_used_from == "127.0.0.1"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing/here", 404), ("GET", "/hosts/abc", 404), ("DELETE", "/hosts", 405), ("PUT", "/me", 405)],
)
def test_it_says_no_in_the_one_shape(ada: Api, method: str, path: str, status: int) -> None:
    answer = ada(method, path)
    refused(answer, status)
    assert status != 405 or answer["Allow"]


def test_it_refuses_a_body_that_is_too_large_no_json_or_no_object(ada: Api) -> None:
    key = {"Authorization": f"Bearer {ada.text}"}
    post = ada.client.post
    huge = b'{"reason": "' + b"x" * MOST_BYTES + b'"}'
    refused(post("/api/v1/hosts", huge, content_type="application/json", headers=key), 413)
    refused(post("/api/v1/hosts", b"{", content_type="application/json", headers=key), 400)
    refused(post("/api/v1/hosts", b'{"uri": NaN}', content_type="application/json", headers=key), 400)
    refused(post("/api/v1/hosts", b"[1]", content_type="application/json", headers=key), 422)
    refused(post("/api/v1/hosts", b"a=b", content_type="application/x-www-form-urlencoded", headers=key), 415)
    refused(post("/api/v1/hosts", b'{"uri":"a\\u0000"}', content_type="application/json", headers=key), 422)


def test_it_names_every_member_at_fault(ada: Api) -> None:
    said = refused(ada.post("/hosts", {"uri": "", "cluster": "x", "colour": "red"}), 422)
    assert {each["field"] for each in said["errors"]} == {"uri", "cluster", "colour"}


def test_it_tells_nothing_of_a_mistake_of_ours(ada: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("datacenter.api.nouns.hosts.orders.add_host", broken)
    cluster = make_host().cluster
    said = refused(ada.post("/hosts", {"uri": "sim://new/", "cluster": cluster.pk}), 500)
    assert "secret" not in str(said)


def test_it_forbids_what_the_owner_may_not_and_writes_it_down(vera: Api) -> None:
    vm = make_vm()
    said = refused(vera.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}), 403)
    assert said["type"] == "urn:godwit:forbidden"
    entry = Event.orders.get(verb="shutdown")
    assert (entry.actor, entry.refused) == ("vera (token deploy)", True)


def test_it_forbids_what_the_token_may_not_though_its_owner_may(make: Callable[..., Any]) -> None:
    vm = make_vm()
    api = Api(make("otto", verbs=["view"])[1])
    refused(api.post(f"/vms/{vm.uuid}/power", {"verb": "shutdown"}), 403)


def test_it_hides_what_lies_outside_of_the_tokens_roots(make: Callable[..., Any]) -> None:
    one, other = make_vm(), make_vm()
    api = Api(make("otto", verbs=["view", "power"], roots=[("vm", one.pk)])[1])
    assert api.get(f"/vms/{one.uuid}").status_code == 200
    refused(api.get(f"/vms/{other.uuid}"), 404)
    assert api.post(f"/vms/{one.uuid}/power", {"verb": "shutdown"}).status_code == 201
    assert [each["id"] for each in api.get("/vms").json()["items"]] == [one.pk]
