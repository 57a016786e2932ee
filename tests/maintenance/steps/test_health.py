"""A health check …"""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter.maintenance import steps
from datacenter.maintenance.steps.before import Shape
from datacenter.maintenance.steps.health import worse
from datacenter.models import PlanHost, PlanStep
from hosts.virt.clock import ManualClock
from hosts.virt.sim import door
from hosts.virt.sim.local import use_world
from hosts.virt.sim.world import World
from tests.factory import GIB, make_host
from tests.maintenance.steps.conftest import make_step, plan_host
from tests.virt.sim.worlds import add_host

CLOCK_STEP_S = 10.0


@pytest.fixture
def world() -> Iterator[World]:
    world = World(clock=ManualClock())
    add_host(world, "s1", networks=("default", "vlan7"), pools=("images", "iso"))
    with use_world(world):
        yield world


@pytest.fixture
def place(world: World, db: None) -> PlanHost:
    host = make_host("s1", uri="sim://s1/", state="maintenance")
    return plan_host(host, before=steps.remember(host))


def check(place: PlanHost, world: World, **params: object) -> PlanStep:
    """To its end."""
    assert isinstance(world.clock, ManualClock)
    step = make_step(place, "health", **params)
    for _ in range(60):
        steps.run(PlanStep.objects.get(pk=step.pk), clock=world.clock)
        step.refresh_from_db()
        if step.state in ("done", "failed"):
            return step
        world.clock.advance(CLOCK_STEP_S)
    raise AssertionError("it does not end")


def test_it_is_done_at_once_where_nothing_changed(place: PlanHost, world: World) -> None:
    step = check(place, world)
    assert (step.state, step.output) == ("done", "")
    assert step.ended_at == step.started_at


def test_it_is_done_where_the_host_has_more_than_before_and_says_what(place: PlanHost, world: World) -> None:
    host = world.hosts["s1"]
    host.libvirt_version, host.cpus, host.networks = "10.1.0", 64, ("default", "vlan7", "vlan8")
    step = check(place, world)
    assert step.state == "done"
    assert step.output == "libvirt: 10.1.0, it was 9.0.0.\n"


def test_it_names_each_thing_that_is_less_than_before(place: PlanHost, world: World) -> None:
    host = world.hosts["s1"]
    host.libvirt_version, host.qemu_version, host.cpus, host.memory_bytes = "8.10.0", "7.2.9", 2, 12 * GIB
    host.networks, host.bridges, host.pools = ("default",), (), ("iso",)
    step = check(place, world)
    assert step.state == "failed"
    assert step.output.splitlines() == [
        "libvirt is older: 8.10.0, it was 9.0.0.",
        "QEMU is older: 7.2.9, it was 7.2.22.",
        "It has 2 CPUs; it had 4.",
        "It has 12288 MiB of memory; it had 16384 MiB.",
        "The network vlan7 is not active.",
        "The bridge br0 is not active.",
        "The storage pool images is not active.",
    ]
    assert "The network vlan7 is not active." in step.because


def test_it_tolerates_as_much_less_memory_as_it_is_told(place: PlanHost, world: World) -> None:
    world.hosts["s1"].memory_bytes = int(16 * GIB * 0.985)
    assert check(place, world).state == "done"
    assert check(place, world, memory_tolerance_percent=1).state == "failed"


def test_it_waits_for_what_is_still_coming_up(place: PlanHost, world: World) -> None:
    host = world.hosts["s1"]
    host.pools = ()
    world.after(45.0, lambda: setattr(host, "pools", ("images", "iso")))
    step = check(place, world)
    assert step.state == "done"
    assert (step.ended_at - step.started_at).total_seconds() == 50.0


def test_it_fails_where_the_host_does_not_answer(place: PlanHost, world: World) -> None:
    door.give("kill-daemon s1")
    step = check(place, world, deadline_s=60)
    assert (step.state, step.because.startswith("The host does not answer: ")) == ("failed", True)


def test_it_fails_where_nothing_was_kept_to_compare_with(place: PlanHost, world: World) -> None:
    PlanHost.objects.update(before=None)
    step = check(place, world)
    assert (step.state, "was not kept" in step.because) == ("failed", True)


def test_a_host_that_does_not_answer_is_remembered_as_it_last_was(place: PlanHost, world: World) -> None:
    door.give("kill-daemon s1")
    place.host.networks = ["lan"]
    kept = steps.remember(place.host)
    assert (kept["networks"], kept["libvirt_version"], kept["cpus"]) == (("lan",), "9.0.0", 16)


versions = st.sampled_from(["", "8.9.0", "9.0.0", "10.0.0"])
names = st.frozensets(st.sampled_from(["a", "b", "c"])).map(lambda found: tuple(sorted(found)))
shapes = st.builds(
    Shape, libvirt_version=versions, qemu_version=versions, cpus=st.none() | st.integers(0, 99),
    memory_bytes=st.none() | st.integers(0, 1 << 45), networks=names, bridges=names, storage=names,
)  # fmt: skip


@given(shapes)
def test_no_host_is_worse_than_itself(shape: Shape) -> None:
    assert list(worse(shape, shape, memory_tolerance=0.0)) == []


@given(shapes, shapes)
def test_two_hosts_of_which_neither_is_worse_are_alike(one: Shape, other: Shape) -> None:
    if not [*worse(one, other, memory_tolerance=0.0), *worse(other, one, memory_tolerance=0.0)]:
        assert (one.networks, one.bridges, one.storage) == (other.networks, other.bridges, other.storage)
        assert (one.cpus or 0, one.memory_bytes or 0) == (other.cpus or 0, other.memory_bytes or 0)
