"""People who look at pages: ada administers, otto operates, vera only views."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from datacenter.access import OPERATORS
from datacenter.models import User


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Three people a test: a real hash costs a second each on a busy machine."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def people(db: None) -> dict[str, User]:
    ada = User.objects.create_superuser("ada", password="analytical-engine")
    otto = User.objects.create_user("otto", password="rotary-engine")
    vera = User.objects.create_user("vera", password="search-engine")
    otto.groups.add(Group.objects.get_or_create(name=OPERATORS)[0])
    return {"ada": ada, "otto": otto, "vera": vera}


@pytest.fixture
def as_(people: dict[str, User]) -> Callable[[str], Client]:
    def sign_in(name: str) -> Client:
        client = Client(raise_request_exception=True)
        client.force_login(people[name])
        return client

    return sign_in


@pytest.fixture
def otto(as_: Callable[[str], Client]) -> Client:
    return as_("otto")


@pytest.fixture
def ada(as_: Callable[[str], Client]) -> Client:
    return as_("ada")


@pytest.fixture
def vera(as_: Callable[[str], Client]) -> Client:
    return as_("vera")
