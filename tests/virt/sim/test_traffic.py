"""The rates kept between two changes are those that sharing out afresh gives, whatever happens."""

from collections.abc import Callable
from functools import partial
from typing import cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosts.virt.clock import ManualClock
from hosts.virt.records import MigrateSpec
from hosts.virt.sim import faults
from hosts.virt.sim.migration import SimMigration
from hosts.virt.sim.traffic import Traffic
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import MIB, add_guest, add_host

HOSTS = ("h1", "h2", "h3")
WAYS = {"a": ("h1", "h2"), "b": ("h1", "h3"), "c": ("h2", "h3"), "d": ("h3", "h1")}
FAULTS: dict[str, Callable[[World, str, str], None]] = {
    "cut": faults.cut,
    "mend": faults.mend,
    "slow": partial(faults.slow, bytes_per_s=50.0 * MIB),
    "lossy": partial(faults.lossy, share=0.01),
}

guests, lines = st.sampled_from(tuple(WAYS)), st.permutations(HOSTS).map(lambda some: (some[0], some[1]))
changes = st.one_of(
    st.tuples(st.just("cap"), guests, st.sampled_from((None, 20, 60, 200))),
    st.tuples(st.sampled_from(("abort", "postcopy")), guests),
    st.tuples(st.sampled_from(tuple(FAULTS)), lines),
)
scripts = st.lists(st.tuples(changes, st.floats(0.05, 3.0)), min_size=1, max_size=8)


def moving_world() -> World:
    """Four guests on the lines of three hosts; each on its way, and too wild to arrive."""
    world = World(clock=ManualClock(), seed=1)
    for name in HOSTS:
        add_host(world, name)
    for name, (home, to) in WAYS.items():
        guest = add_guest(world, name, home, hot_mib=100, rate_mib_s=400)
        spec = MigrateSpec(uuid=guest.uuid, destination_uri=f"sim://{to}", postcopy=True)
        SimMigration(world, guest, world.hosts[home], world.hosts[to], spec).begin()
    return world


def change(world: World, kind: str, *args: object) -> None:
    if kind in FAULTS:
        FAULTS[kind](world, *cast(tuple[str, str], args[0]))
        return
    job = world.migrations.get(world.guest_named(str(args[0])).uuid)
    if job is None:
        return
    if kind == "cap":
        job.set_cap(None if args[1] is None else int(str(args[1])) * MIB)
    elif not job.postcopy_used and str(job.phase) == "copying":
        job.abort() if kind == "abort" else job.start_postcopy()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts)
def test_it_is_never_stale(script: list[tuple[tuple[object, ...], float]]) -> None:
    world = moving_world()
    for (kind, *args), seconds in script:
        world.clock.sleep(seconds)
        with world.present():
            compare(world)
            change(world, str(kind), *args)
            compare(world)


def compare(world: World) -> None:
    afresh = Traffic(world.links, world.migrations)
    for uuid in world.guests:
        assert world.traffic.rate(uuid, t=world.t) == afresh.rate(uuid, t=world.t)
