"""People who sign in with real passwords, quickly hashed."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from datacenter.models import User

PASSWORD = "analytical-engine"


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def nobody_tried_yet(request: pytest.FixtureRequest) -> Iterator[None]:
    """The cache's table is no model's: no test's end empties it."""
    if not request.node.get_closest_marker("django_db"):
        yield
        return
    request.getfixturevalue("transactional_db" if _commits(request) else "db")
    cache.clear()
    yield


def _commits(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    return bool(marker and marker.kwargs.get("transaction"))


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_superuser("ada", password=PASSWORD)


@pytest.fixture
def vera(db: None) -> User:
    return User.objects.create_user("vera", password=PASSWORD)


@pytest.fixture
def boss(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


def sign_in(name: str, password: str = PASSWORD, client: Client | None = None, **extra: Any) -> Any:
    """The answer to name and password at the door; the client is ``answer.client``."""
    return (client or Client()).post("/login", {"username": name, "password": password}, **extra)
