"""The demo's data center: its size, its sense, its life, and that a restart finds it again."""

import json
from collections import Counter
from pathlib import Path

import pytest

from hosts.virt.clock import ManualClock
from hosts.virt.connect import parse_uri
from hosts.virt.records import DomainState, PowerVerb
from hosts.virt.sim import snapshot
from hosts.virt.sim.demo import demo_datacenter, demo_world
from hosts.virt.sim.life import Life
from hosts.virt.sim.power import change_power
from hosts.virt.sim.world import World


@pytest.fixture(scope="module")
def still() -> World:
    return demo_world(ManualClock())


def test_it_has_3_clusters_40_hosts_and_600_vms(still: World) -> None:
    clusters = demo_datacenter()
    uris = [uri for _, some in clusters for uri in some]
    assert len(clusters) == 3
    assert {parse_uri(uri).host for uri in uris} == set(still.hosts)
    assert (len(still.hosts), len(still.guests)) == (40, 600)
    assert len({guest.name for guest in still.guests.values()}) == 600


def test_every_guest_fits_its_host(still: World) -> None:
    for host in still.hosts.values():
        assert host.memory_promised_bytes() < 0.8 * host.memory_bytes
        for copy in host.copies.values():
            assert copy.guest.machine in host.machine_types
            assert 1 << 30 <= copy.guest.memory_bytes <= 64 << 30
            assert copy.guest.touched_bytes < copy.guest.memory_bytes
            assert all(each.bytes_per_s < host.line_bytes_per_s for each in copy.guest.classes)


def test_one_pair_of_hosts_lacks_the_newest_machine_type(still: World) -> None:
    old = [host.name for host in still.hosts.values() if "pc-q35-10.0" not in host.machine_types]
    assert old == ["office-h13", "office-h14"]


def test_the_same_seed_is_the_same_datacenter() -> None:
    one, two, other = (demo_world(ManualClock(), seed=seed) for seed in (7, 7, 8))
    assert [guest.xml for guest in one.guests.values()] == [guest.xml for guest in two.guests.values()]
    assert set(one.guests).isdisjoint(other.guests)


def _live(minutes: float, *, seed: int = 1) -> tuple[World, list[str], float]:
    """The world after that time, what it said, and the share of seconds in which something moved."""
    world, said, moving = demo_world(ManualClock(), seed=seed), [], 0
    world.watch(lambda host, event: said.append(f"{host} {event.name} {event.kind} {event.detail}"))
    with world.present():
        Life(world).begin()
    for _ in range(int(minutes * 60)):
        world.clock.sleep(1.0)
        with world.present():
            moving += bool(world.migrations)
    return world, said, moving / (minutes * 60)


def test_it_lives_and_every_guest_stays_on_one_host() -> None:
    world, said, moving = _live(10)
    kinds = Counter(line.split()[-1] for line in said)
    assert moving > 0.7
    assert kinds["resumed/migrated"] >= 10
    assert kinds["stopped/shutdown"] >= 3
    for uuid, guest in world.guests.items():
        copies = world.copies_of(uuid)
        running = [name for name, copy in copies.items() if copy.status.state is DomainState.RUNNING]
        assert len(running) <= 1
        assert guest.home in copies


def test_its_life_is_the_same_every_time() -> None:
    assert _live(2)[1] == _live(2)[1]


def test_a_restart_finds_every_guest_where_it_was(tmp_path: Path) -> None:
    world, path = _live(5)[0], tmp_path / "sim.json"
    with world.present():
        paused = next(uuid for uuid, guest in world.guests.items() if _state(world, uuid) is DomainState.RUNNING)
        change_power(world, world.hosts[world.guests[paused].home], paused, PowerVerb.PAUSE)
        snapshot.save(world, path)
    again = demo_world(ManualClock())
    assert snapshot.load(again, path) == 600
    for uuid in world.guests:
        if uuid not in world.migrations:
            assert again.guests[uuid].home == world.guests[uuid].home
            assert _state(again, uuid) is _state(world, uuid)
        assert len(again.copies_of(uuid)) == 1


def _state(world: World, uuid: str) -> DomainState:
    return world.hosts[world.guests[uuid].home].copies[uuid].status.state


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"format": 1, "seed": 1, "guests": {"x": 3}}', '{"format": 1, "seed": 1, "gue']
)
def test_a_broken_snapshot_is_ignored(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sim.json"
    path.write_text(text)
    assert snapshot.load(demo_world(ManualClock()), path) == 0


def test_a_snapshot_of_another_seed_or_of_strangers_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "sim.json"
    path.write_text(json.dumps({"format": 1, "seed": 1, "guests": {"stranger": ["prod-h01", "running", "booted"]}}))
    assert snapshot.load(demo_world(ManualClock()), path) == 0
    assert snapshot.load(demo_world(ManualClock(), seed=2), path) == 0


def test_it_is_saved_some_seconds_after_a_change_and_not_before(tmp_path: Path) -> None:
    world, path = demo_world(ManualClock()), tmp_path / "sim.json"
    snapshot.keep(world, path)
    guest = next(guest for uuid, guest in world.guests.items() if _state(world, uuid) is DomainState.RUNNING)
    with world.present():
        change_power(world, world.hosts[guest.home], guest.uuid, PowerVerb.POWER_OFF)
    assert not path.exists()
    world.clock.sleep(5.1)
    with world.present():
        assert json.loads(path.read_text())["guests"][guest.uuid][1] == "shutoff"
