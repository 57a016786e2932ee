"""Faults in words: what is not understood is said, and nothing happens."""

import pytest

from hosts.virt.clock import ManualClock
from hosts.virt.sim.orders import ORDERS, obey
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import small_world


@pytest.fixture
def world() -> World:
    return small_world(ManualClock())


@pytest.mark.parametrize(
    "order",
    [
        *("", "explode h1", "freeze", "freeze h1 h2", "freeze h9", "cut h1 h1", "slow h1 h2 fast", "crash nobody"),
        *("kill-destination quiet", "mend h1"),
    ],
)
def test_it_refuses_what_makes_no_sense(world: World, order: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        obey(world, order)


@pytest.mark.parametrize("verb", sorted(set(ORDERS) - {"kill-destination"}))
def test_it_carries_out_each_of_its_orders(world: World, verb: str) -> None:
    names = iter(("h1", "h2"))
    args = [
        {"HOST": lambda: next(names), "VM": lambda: "quiet"}.get(kind, lambda: "0.5")()
        for kind in ORDERS[verb][0].split()
    ]
    obey(world, " ".join([verb, *args]))


def test_a_frozen_host_is_thawed_by_its_opposite(world: World) -> None:
    obey(world, "freeze h1")
    assert not world.hosts["h1"].answers
    obey(world, "thaw h1")
    assert world.hosts["h1"].answers
