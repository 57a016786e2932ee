"""Whatever is ordered and whatever breaks: no guest runs twice, none is lost without a word, no figure is absurd."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosts.virt.clock import ManualClock
from hosts.virt.connect import connect
from hosts.virt.errors import JobConflict, VirtError
from hosts.virt.records import DomainState, JobType, MigrateSpec, PowerVerb
from hosts.virt.sim import faults, service
from hosts.virt.sim.local import use_world
from hosts.virt.sim.phases import Phase
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import MIB, small_world

GUESTS = ("quiet", "busy", "wild", "off", "modern")
HOSTS = ("h1", "h2", "h3")

guests, hosts = st.sampled_from(GUESTS), st.sampled_from(HOSTS)
orders = st.one_of(
    st.tuples(st.just("wait"), st.floats(0.01, 8.0)),
    st.tuples(st.just("migrate"), guests, hosts, st.sampled_from((None, 40, 60)), st.booleans()),
    st.tuples(st.sampled_from(("abort", "postcopy", "crash", "kill-destination")), guests),
    st.tuples(st.just("power"), guests, st.sampled_from(tuple(PowerVerb))),
    st.tuples(st.sampled_from(("cut", "mend")), hosts, hosts),
    st.tuples(st.sampled_from(("freeze", "thaw", "kill-daemon", "start-daemon")), hosts),
)

_FAULTS = {
    "cut": faults.cut,
    "mend": faults.mend,
    "freeze": faults.freeze,
    "thaw": faults.thaw,
    "kill-daemon": faults.kill_daemon,
    "start-daemon": faults.start_daemon,
}


def _obey(world: World, order: tuple) -> None:  # type: ignore[type-arg]
    """One order, as a client would give it; refusals are answers like any other."""
    verb, *args = order
    if verb == "wait":
        world.clock.sleep(args[0])
        return
    with world.present():
        if verb in _FAULTS:
            if len(args) == 1 or args[0] != args[1]:
                _FAULTS[verb](world, *args)
            return
        guest = world.guest_named(args[0])
        job = world.migrations.get(guest.uuid)
        host = job.source.name if job else guest.home
        if verb == "crash":
            faults.crash_guest(world, guest.uuid)
            return
        if verb == "kill-destination":
            if job:
                faults.kill_destination(world, guest.uuid)
            return
        calls = {
            "abort": ("abort_job", {}),
            "postcopy": ("start_postcopy", {}),
            "power": ("power", {"verb": args[-1]}),
        }
        if verb == "migrate":
            spec = MigrateSpec(
                uuid=guest.uuid,
                destination_uri=f"sim://{args[1]}",
                bandwidth_bytes_per_s=args[2] * MIB if args[2] else None,
                postcopy=args[3],
            )
            name, more = "migrate", {"spec": spec}
        else:
            name, more = calls[verb][0], {"uuid": guest.uuid, **calls[verb][1]}
        try:
            service.call(world, host, world.hosts[host].epoch, name, more)
        except (VirtError, service.NoAnswer):
            return


def _check(world: World) -> None:
    with world.present():
        for guest in world.guests.values():
            copies = world.copies_of(guest.uuid)
            running = [name for name, copy in copies.items() if copy.status.state is DomainState.RUNNING]
            assert copies, f"{guest.name} is nowhere"
            assert len(running) <= 1, f"{guest.name} runs on {running}"
            if guest.uuid not in world.migrations and running:
                assert guest.home == running[0]
        for job in world.migrations.values():
            _check_figures(job.job_stats().remaining_bytes, job.loop.memory_bytes)
            assert job.job_stats().processed_bytes >= 0
            assert job.phase is not Phase.ENDED


def _check_figures(remaining: int, total: int) -> None:
    assert 0 <= remaining <= total


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(orders, max_size=25))
def test_no_guest_runs_twice_and_none_vanishes(script: list[tuple]) -> None:  # type: ignore[type-arg]
    world = small_world(ManualClock())
    for order in script:
        _obey(world, order)
        _check(world)
    for _ in range(40):
        world.clock.sleep(1.0)
        _check(world)


@settings(max_examples=40, deadline=None)
@given(st.floats(1.0, 6.0), st.floats(0.0, 3.0))
def test_postcopy_cannot_be_aborted(switch: float, later: float) -> None:
    world = small_world(ManualClock())
    uuid = world.guest_named("wild").uuid
    spec = MigrateSpec(uuid=uuid, destination_uri="sim://h2", bandwidth_bytes_per_s=60 * MIB, postcopy=True)
    with world.present():
        ticket = service.call(world, "h1", 1, "migrate", {"spec": spec})
    with use_world(world):
        source = connect("sim://h1")
        world.clock.sleep(switch)
        source.start_postcopy(uuid)
        world.clock.sleep(0.06)
        assert source.domain_status(uuid).state is DomainState.PAUSED
        world.clock.sleep(later)
        if source_job(world, uuid):
            try:
                source.abort_job(uuid)
            except JobConflict:
                pass
            else:
                raise AssertionError("post-copy was aborted")
        world.clock.sleep(10.0)
        assert connect("sim://h2").domain_status(uuid).state is DomainState.RUNNING
    assert ticket.done  # type: ignore[attr-defined]
    assert ticket.error is None  # type: ignore[attr-defined]


def source_job(world: World, uuid: str) -> bool:
    with world.present():
        job = world.migrations.get(uuid)
        return job is not None and job.job_type is JobType.RUNNING
