"""Tokens are made, shown once, and ended by the pages."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from datacenter.models import ApiToken
from datacenter.orders.tokens import digest_of
from hosts.models import Event
from tests.api.conftest import Api
from tests.api.rights import give
from tests.factory import make_cluster, make_vm

pytestmark = pytest.mark.django_db


def sign_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def day(days: int) -> str:
    return f"{timezone.now() + timedelta(days=days):%Y-%m-%d}"


def given(**also: Any) -> dict[str, Any]:
    return {"name": "deploy", "verbs": ["view"], "good_until": day(30)} | also


def test_it_makes_a_token_and_shows_it_once(people: Any) -> None:
    client = sign_in(people["vera"])
    page = client.post("/account/tokens/new", given())
    text = re.search(r'value="(gdw_[^"]+)"', page.content.decode())
    assert text, page.content
    token = ApiToken.objects.get()
    assert token.digest == digest_of(text[1])
    assert text[1] not in client.get("/account/tokens").content.decode()
    assert "no-store" in page["Cache-Control"]
    assert Api(text[1]).get("/me").json()["owner"] == "vera"
    assert text[1] not in str(list(Event.objects.values()))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"good_until": ""}, "needs an end"),
        ({"good_until": day(-1)}, "past"),
        ({"good_until": day(5000)}, "365 days at most"),
        ({"verbs": ["view", "power"]}, "may not power"),
        ({"verbs": []}, "tick “view”"),
        ({"name": "<script>"}, "letters, digits"),
        ({"roots": ["cluster:999999"]}, "Select a valid choice"),
    ],
)
def test_it_refuses_what_is_too_wide_or_endless_and_says_where(people: Any, wrong: dict[str, Any], words: str) -> None:
    page = sign_in(people["vera"]).post("/account/tokens/new", given(**wrong))
    assert page.status_code == 422
    assert words in page.content.decode()
    assert not ApiToken.objects.exists()


def test_it_takes_the_end_that_it_proposes(people: Any) -> None:
    client = sign_in(people["vera"])
    proposed = re.search(r'name="good_until" value="([^"]+)"', client.get("/account/tokens/new").content.decode())
    assert proposed
    assert client.post("/account/tokens/new", given(good_until=proposed[1])).status_code == 200


def test_it_writes_down_a_scope_that_was_refused(people: Any) -> None:
    sign_in(people["vera"]).post("/account/tokens/new", given(verbs=["view", "power"]))
    assert Event.orders.get(verb="make_token").refused


def test_it_narrows_to_what_was_chosen(people: Any) -> None:
    cluster = make_cluster()
    sign_in(people["otto"]).post("/account/tokens/new", given(roots=[f"cluster:{cluster.pk}"]))
    assert ApiToken.objects.get().roots == [["cluster", cluster.pk]]


def test_it_shrinks_with_its_owner(make: Any, people: Any) -> None:
    api = Api(make("otto", verbs=["view", "power"])[1])
    people["otto"].role_bindings.all().delete()
    give(people["otto"], ["view"])

    assert api.post(f"/vms/{make_vm().uuid}/power", {"verb": "shutdown"}).status_code == 403


def test_it_is_ended_by_its_owner_and_by_an_administrator_and_by_nobody_else(people: Any, make: Any) -> None:
    mine, text = make("vera")
    assert sign_in(people["otto"]).post(f"/account/tokens/{mine.pk}/revoke").status_code == 404
    assert Api(text).get("/me").status_code == 200
    assert sign_in(people["vera"]).post(f"/account/tokens/{mine.pk}/revoke").status_code == 302
    assert Api(text).get("/me").status_code == 401
    other, _ = make("vera", called="other")
    sign_in(people["ada"]).post(f"/account/tokens/{other.pk}/revoke", {"everybody": "1"})
    other.refresh_from_db()
    assert other.revoked_by == "ada"


def test_it_shows_others_tokens_to_administrators_only(people: Any, make: Any) -> None:
    make("vera", called="of-vera")
    assert sign_in(people["otto"]).get("/administration/tokens").status_code == 403
    assert "of-vera" in sign_in(people["ada"]).get("/administration/tokens").content.decode()


def test_it_lets_an_administrator_make_one_for_another_and_nobody_else(people: Any) -> None:
    sign_in(people["ada"]).post("/account/tokens/new", given(owner=people["vera"].pk))
    assert ApiToken.objects.get().owner == people["vera"]
    page = sign_in(people["otto"]).post("/account/tokens/new", given(owner=people["vera"].pk))
    assert page.status_code == 422


def test_it_has_a_reference_of_every_operation(people: Any) -> None:
    page = sign_in(people["vera"]).get("/reference/api").content.decode()
    assert "/api/v1/vms/{uuid}/migrate" in page
    assert "urn:godwit:conflict" in page
    assert "<script src=" not in page.split("</head>")[1].split("<main")[-1]
