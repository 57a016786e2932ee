"""People with tokens: ada administers, otto operates, vera only views."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from datacenter.access import Verb
from datacenter.api.bearer import _KNOWN, _SAID, TRIED
from datacenter.models import ApiToken, User
from datacenter.orders.tokens import make_token
from tests.api.rights import OPERATOR, give

ALL = [verb.value for verb in Verb]


@pytest.fixture(autouse=True)
def no_tries() -> None:
    """What this process remembers of earlier tests."""
    TRIED.clear()
    _KNOWN.clear()
    _SAID.clear()


@pytest.fixture
def people(db: None) -> dict[str, User]:
    ada = User.objects.create_superuser("ada", password=None)
    otto, vera = User.objects.create_user("otto"), User.objects.create_user("vera")
    give(otto, OPERATOR)
    give(vera, ["view"])
    return {"ada": ada, "otto": otto, "vera": vera}


Make = Callable[..., tuple[ApiToken, str]]


@pytest.fixture
def make(people: dict[str, User]) -> Make:
    """A token of a person: ``make("otto", verbs=[…], roots=[…])``."""

    def made(name: str = "ada", *, called: str = "deploy", **given: Any) -> tuple[ApiToken, str]:
        owner = people[name]
        verbs = given.pop("verbs", ALL if owner.is_superuser else ["view"])
        until = given.pop("expires_at", timezone.now() + timedelta(days=30))
        return make_token(owner, owner, name=called, verbs=verbs, roots=given.pop("roots", None), expires_at=until)

    return made


class Api:
    """A script with a token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.client = Client(raise_request_exception=True)

    def __call__(self, method: str, path: str, said: Any = None, **headers: str) -> Any:
        given = {"Authorization": f"Bearer {self.text}", **{name.replace("_", "-"): v for name, v in headers.items()}}
        body = b"" if said is None else orjson.dumps(said)
        return self.client.generic(method, f"/api/v1{path}", body, content_type="application/json", headers=given)

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, said: Any = None, **headers: str) -> Any:
        return self("POST", path, said, **headers)


@pytest.fixture
def ada(make: Make) -> Api:
    return Api(make("ada")[1])


@pytest.fixture
def vera(make: Make) -> Api:
    return Api(make("vera")[1])
