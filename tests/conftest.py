"""For all tests: the feed's own connection ends before the test database is dropped."""

from collections.abc import Iterator

import pytest

from hosts import feed


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    yield
    feed.OUT.close()
