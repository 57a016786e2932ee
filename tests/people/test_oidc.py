"""Single sign-on, the whole code flow against a provider on this machine …"""

import html
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.models import Group
from django.test import Client

from datacenter.models import User
from hosts.models import Event
from tests.people.provider import CLIENT, SECRET, Provider

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def _provider() -> Iterator[Provider]:
    provider = Provider().start()
    yield provider
    provider.stop()


@pytest.fixture
def provider(_provider: Provider, settings: Any) -> Iterator[Provider]:
    app = {"provider_id": "oidc", "name": "the house", "client_id": CLIENT, "secret": SECRET}
    app["settings"] = {"server_url": _provider.url, "oauth_pkce_enabled": True}
    settings.OIDC_URL, settings.OIDC_NAME, settings.OIDC_ONLY = _provider.url, "the house", []
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    _provider.person = {"sub": "1", "preferred_username": "ann", "given_name": "Ann", "email": "ann@example.com"}
    _provider.refuses, _provider.mistakes = "", []
    yield _provider
    assert _provider.mistakes == []


def come_in(client: Client, page: str = "/login") -> Any:
    """From the button on the login page to the answer of our callback."""
    begin = re.search(r'href="(/login/oidc[^"]*)"', client.get(page).content.decode())
    assert begin
    there = client.get(html.unescape(begin[1]))["Location"]
    back = requests.get(there, allow_redirects=False, timeout=10).headers["Location"]
    parts = urlsplit(back)
    return client.get(f"{parts.path}?{parts.query}")


def test_it_lets_in_and_makes_an_account(provider: Provider, client: Client) -> None:
    assert come_in(client)["Location"] == "/"
    ann = User.objects.get()
    assert (ann.username, ann.source, ann.first_name, ann.is_superuser) == ("ann", "oidc", "Ann", False)
    assert not ann.has_usable_password()
    assert client.get("/account").status_code == 200
    told = set(Event.objects.filter(name="ann").values_list("verb", "because"))
    assert ("sign_in", "By single sign-on, from 127.0.0.1.") in told
    assert provider.asked[-1]["redirect_uri"] == "http://testserver/login/oidc/callback"


def test_it_knows_a_person_by_the_subject_and_leads_to_the_page_asked_for(provider: Provider, client: Client) -> None:
    come_in(client)
    provider.person["preferred_username"] = "renamed"
    assert come_in(Client(), "/login?next=/vms")["Location"] == "/vms"
    assert User.objects.count() == 1


def test_it_never_takes_over_an_account_that_has_the_name_or_the_address(provider: Provider, client: Client) -> None:
    ours = User.objects.create_superuser("ann", email="ann@example.com")
    assert come_in(client)["Location"] == "/"
    theirs = User.objects.exclude(pk=ours.pk).get()
    assert theirs.username != "ann"
    assert not theirs.is_superuser
    assert client.session["_auth_user_id"] == str(theirs.pk)


def test_it_mirrors_groups_at_each_sign_in(provider: Provider, client: Client) -> None:
    Group.objects.create(name="Operators")
    provider.person["groups"] = ["Operators", "night", 7, "", "x" * 400]
    come_in(client)
    groups = Group.objects.filter(user__source="oidc")
    assert set(groups.values_list("name", flat=True)) == {"oidc/Operators", "oidc/night"}
    provider.person["groups"] = "night"
    come_in(Client())
    assert [group.name for group in groups.all()] == ["oidc/night"]


def test_it_lets_in_only_who_is_in_a_group_that_may(provider: Provider, client: Client, settings: Any) -> None:
    settings.OIDC_ONLY = ["operators"]
    assert come_in(client)["Location"] == "/login"
    assert "none of the groups" in client.get("/login").content.decode()
    assert not User.objects.exists()
    assert Event.objects.filter(verb="sign_in_failed").exists()
    provider.person["groups"] = ["operators"]
    assert come_in(client)["Location"] == "/"


def test_it_says_so_when_the_provider_refuses(provider: Provider, client: Client) -> None:
    provider.refuses = "server_error"
    assert come_in(client)["Location"] == "/login"
    assert "Single sign-on did not succeed" in client.get("/login").content.decode()


def test_it_refuses_an_answer_that_it_did_not_ask_for(provider: Provider, client: Client) -> None:
    stolen = requests.get(Client().get("/login/oidc")["Location"], allow_redirects=False, timeout=10).headers[
        "Location"
    ]
    answer = client.get("/login/oidc/callback", {key: v[0] for key, v in parse_qs(urlsplit(stolen).query).items()})
    assert answer["Location"] == "/login"
    assert not User.objects.exists()


def test_it_refuses_a_deactivated_account(provider: Provider, client: Client) -> None:
    come_in(client)
    User.objects.update(is_active=False)
    other = Client()
    assert come_in(other)["Location"] == "/login"
    assert "deactivated" in other.get("/login").content.decode()


def test_it_offers_no_button_where_there_is_no_provider(client: Client) -> None:
    assert "/login/oidc" not in client.get("/login").content.decode()
    assert client.get("/login/oidc")["Location"] == "/login"
    assert client.get("/login/oidc/callback")["Location"] == "/login"


def test_it_keeps_no_secret_in_the_log(provider: Provider, client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="datacenter"), caplog.at_level("DEBUG", logger="allauth"):
        come_in(client)
    assert SECRET not in caplog.text
