"""Emptying hosts, one after the other: it …"""

from hosts.models import Migration
from tests.maintenance.house import House


def test_it_empties_a_host_and_leaves_it_in_maintenance(house: House) -> None:
    plan = house.plan("h1", follow="stay")
    house.until(lambda: house.state(plan) == "finished")
    assert house.states() == {"h1": "maintenance", "h2": "up", "h3": "up"}
    where = house.where()
    assert set(where) == {"web1", "web2", "db", "mail"}
    assert "h1" not in where.values()
    assert set(house.moves(plan).values()) == {"done"}
    assert set(Migration.objects.values_list("priority", flat=True)) == {"drain"}


def test_it_rolls_through_hosts_one_at_a_time(house: House) -> None:
    plan = house.plan("h1", "h2", "h3")
    seen = set()

    def watch() -> bool:
        seen.add(tuple(sorted(name for name, state in house.states().items() if state != "up")))
        return house.state(plan) == "finished"

    house.until(watch, seconds=600)
    assert max(len(each) for each in seen) == 1
    assert seen == {(), ("h1",), ("h2",), ("h3",)}
    assert set(house.rows(plan).values()) == {"done"}
    assert set(house.where()) == {"web1", "web2", "db", "mail"}
    assert set(house.states().values()) == {"up"}
