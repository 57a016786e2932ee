"""For all tests: static files need no collecting; the feed's connection ends before the test database is dropped."""

import os
from collections.abc import Iterator

import hypothesis
import pytest
from django.conf import settings
from django.test import override_settings

from hosts import feed

# a timing is never a test: a machine under load draws its examples slowly
hypothesis.settings.register_profile(
    "godwit",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    print_blob=True,
    derandomize="CI" in os.environ,  # the same examples for each change; people's machines draw new ones
)
hypothesis.settings.load_profile("godwit")

# scenarios count their seconds from one second of measuring; tests of the longer measurement switch it on
os.environ.setdefault("GODWIT_MEASURE_LONG", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs daemons, a browser or other processes is tried once more when it fails: the summary names it."""
    for item in items:
        if any(item.get_closest_marker(name) for name in ("lab", "browser", "alone")) or _commits(item):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


def _commits(item: pytest.Item) -> bool:
    """Whether it writes for other processes or threads to read, whose pace is the machine's."""
    marker = item.get_closest_marker("django_db")
    return marker is not None and bool(marker.kwargs.get("transaction"))


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
