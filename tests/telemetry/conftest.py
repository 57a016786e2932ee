"""A collector in a thread of its own, beside a simulated datacenter in this process."""

from collections.abc import Iterator

import pytest

from hosts.virt.clock import WALL
from hosts.virt.sim.local import running, use_world
from hosts.virt.sim.world import World
from tests.lab.conftest import lab, standing_lab
from tests.virt.sim.worlds import small_world

__all__ = ["lab", "standing_lab", "world"]  # fixtures for the tests of this folder


@pytest.fixture
def world() -> Iterator[World]:
    """h1 with quiet, busy, wild (running) and off; h2 empty; h3 with modern. On the wall's clock."""
    made = small_world(WALL)
    with use_world(made), running(made):
        yield made
