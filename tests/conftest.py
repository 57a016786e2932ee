"""For all tests: static files need no collecting; the feed's connection ends before the test database is dropped."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings

from hosts import feed


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    yield
    feed.OUT.close()


@pytest.fixture(scope="session", autouse=True)
def plain_static_files() -> Iterator[None]:
    """Pages name static files by their own names: nobody ran collectstatic for the tests."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        yield
