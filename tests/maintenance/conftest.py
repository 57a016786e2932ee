"""A house for each test."""

from collections.abc import Iterator

import pytest

from tests.maintenance.house import House


@pytest.fixture
def house(db: None) -> Iterator[House]:
    house = House()
    with house.open():
        yield house
