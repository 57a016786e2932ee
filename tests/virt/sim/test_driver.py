"""``sim://`` in this process: the calls of the driver, and what they refuse."""

from collections.abc import Iterator

import pytest
from defusedxml import ElementTree

from hosts.virt.clock import ManualClock
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.errors import (
    HostLost,
    HostTimeout,
    HostUnreachable,
    JobConflict,
    MigrationAborted,
    MigrationRefused,
    NoSuchDomain,
    OperationFailed,
    WrongState,
)
from hosts.virt.records import DomainEvent, DomainState, EventKind, JobType, MigrateSpec, PowerVerb
from hosts.virt.sim import faults, service
from hosts.virt.sim.local import use_world
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import MIB, add_guest, add_host, small_world


@pytest.fixture
def world() -> Iterator[World]:
    with use_world(small_world(ManualClock())) as made:
        yield made


@pytest.fixture
def h1(world: World) -> Driver:
    return connect("sim://h1", deadline_s=2.0)


def _uuid(world: World, name: str) -> str:
    return world.guest_named(name).uuid


def _fault(world: World, act: object, *args: object) -> None:
    with world.present():
        act(world, *args)  # type: ignore[operator]


# what there is
def test_it_tells_a_host_by_its_uuid(world: World, h1: Driver) -> None:
    facts = h1.host_facts()
    assert facts.uuid == world.hosts["h1"].uuid
    assert facts.hostname == "h1"
    assert "pc-q35-7.2" in facts.machine_types


def test_it_gives_xml_that_says_what_the_facts_say(world: World, h1: Driver) -> None:
    add_guest(world, "a<b>&'c'", "h1")
    for facts in h1.domains():
        root = ElementTree.fromstring(facts.xml)
        assert root.findtext("name") == facts.name
        assert root.findtext("uuid") == facts.uuid
        assert int(root.findtext("memory") or 0) * 1024 == facts.memory_bytes
        assert root.find("os/type").get("machine") == facts.machine
        assert root.find("devices/interface/source").get("bridge") == facts.nics[0].source


def test_it_counts_while_a_guest_runs_and_stands_still_while_it_does_not(world: World, h1: Driver) -> None:
    uuid = _uuid(world, "quiet")
    world.clock.sleep(100.0)
    first = next(each for each in h1.domain_stats() if each.uuid == uuid)
    h1.power(uuid, PowerVerb.PAUSE)
    world.clock.sleep(100.0)
    second = next(each for each in h1.domain_stats() if each.uuid == uuid)
    assert first.cpu_time_s
    assert first.cpu_time_s > 1.0
    assert first.net_rx_bytes
    assert second.net_rx_bytes == first.net_rx_bytes
    assert second.cpu_time_s == first.cpu_time_s
    assert second.status.reason == "user"


def test_a_host_is_busy_with_its_guests(world: World, h1: Driver) -> None:
    world.clock.sleep(100.0)
    stats = h1.host_stats()
    guests = sum(each.cpu_time_s or 0.0 for each in h1.domain_stats())
    assert stats.cpu_busy_s is not None
    assert stats.cpu_total_s == pytest.approx(400.0)
    assert guests < stats.cpu_busy_s < 400.0
    before = stats.cpu_busy_s
    h1.power(_uuid(world, "quiet"), PowerVerb.POWER_OFF)
    assert (h1.host_stats().cpu_busy_s or 0.0) >= before


def test_it_knows_no_strange_domain(h1: Driver) -> None:
    for ask in (h1.domain, h1.domain_status, h1.job_stats, h1.abort_job):
        with pytest.raises(NoSuchDomain):
            ask("00000000-0000-0000-0000-000000000000")


# power
def test_it_shuts_a_guest_down_some_seconds_after_asking(world: World, h1: Driver) -> None:
    uuid, heard = _uuid(world, "quiet"), []
    h1.subscribe(heard.append)
    h1.power(uuid, PowerVerb.SHUTDOWN)
    assert h1.domain_status(uuid).state is DomainState.RUNNING
    world.clock.sleep(7.0)
    assert h1.domain_status(uuid).state is DomainState.SHUTOFF
    assert [event.detail for event in heard] == ["shutdown/guest", "stopped/shutdown"]


def test_it_reboots_within_the_same_process(world: World, h1: Driver) -> None:
    uuid, heard = _uuid(world, "quiet"), []
    h1.subscribe(heard.append)
    h1.power(uuid, PowerVerb.REBOOT)
    world.clock.sleep(4.0)
    h1.domain_status(uuid)
    assert [event.kind for event in heard] == [EventKind.REBOOT]


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("quiet", PowerVerb.START),
        ("quiet", PowerVerb.RESUME),
        ("off", PowerVerb.SHUTDOWN),
        ("off", PowerVerb.POWER_OFF),
        ("off", PowerVerb.REBOOT),
        ("off", PowerVerb.PAUSE),
        ("off", PowerVerb.RESUME),
    ],
)
def test_it_refuses_what_the_state_forbids(world: World, h1: Driver, name: str, verb: PowerVerb) -> None:
    with pytest.raises(WrongState):
        h1.power(_uuid(world, name), verb)


def test_it_does_not_start_a_guest_without_memory_for_it(world: World, h1: Driver) -> None:
    huge = add_guest(world, "huge", "h1", memory_mib=32_000, running=False)
    with pytest.raises(OperationFailed):
        h1.power(huge.uuid, PowerVerb.START)


# migration: refusals first
def _spec(world: World, name: str, host: str = "h2", **more: object) -> MigrateSpec:
    return MigrateSpec(uuid=_uuid(world, name), destination_uri=f"sim://{host}", **more)  # type: ignore[arg-type]


def test_a_destination_says_why_it_cannot(world: World) -> None:
    add_host(world, "h4", memory_bytes=256 * MIB, cpu_model="Nehalem", bridges=())
    add_guest(world, "picky", "h1", cpu_model="Cascadelake-Server", machine="pc-q35-10.0")
    picky = connect("sim://h1").domain(_uuid(world, "picky"))
    checks = [each.check for each in connect("sim://h4").refusals(picky)]
    assert checks == ["machine_type", "cpu", "memory", "network"]
    assert connect("sim://h2").refusals(connect("sim://h1").domain(_uuid(world, "quiet"))) == []


@pytest.mark.parametrize("host", ["h1", "nowhere", "h2"])
def test_it_refuses_before_anything_moves(world: World, h1: Driver, host: str) -> None:
    """To itself, to nobody, to a host whose daemon is down."""
    _fault(world, faults.kill_daemon, "h2")
    with pytest.raises(MigrationRefused):
        h1.migrate(_spec(world, "quiet", host))
    assert h1.domain_status(_uuid(world, "quiet")).state is DomainState.RUNNING


def test_it_does_not_move_a_guest_that_is_off(world: World, h1: Driver) -> None:
    with pytest.raises(WrongState):
        h1.migrate(_spec(world, "off"))


def test_it_refuses_a_machine_type_that_the_destination_lacks(world: World) -> None:
    with pytest.raises(MigrationRefused) as caught:
        connect("sim://h3").migrate(_spec(world, "modern", "h1"))
    assert caught.value.code == 67


def test_it_moves_a_guest_and_its_definition(world: World, h1: Driver) -> None:
    uuid = _uuid(world, "busy")
    h1.migrate(_spec(world, "busy", bandwidth_bytes_per_s=60 * MIB))
    h2 = connect("sim://h2")
    assert (h2.domain_status(uuid).state, h2.domain_status(uuid).reason) == (DomainState.RUNNING, "migrated")
    assert h2.domain(uuid).persistent
    with pytest.raises(NoSuchDomain):
        h1.domain(uuid)
    done = h2.completed_job_stats(uuid)
    assert done is not None
    assert done.type is JobType.COMPLETED
    assert done.downtime_ms
    assert 20 < done.downtime_ms < 400


def test_it_says_nothing_of_memory_until_memory_moves(world: World, h1: Driver) -> None:
    uuid = _uuid(world, "busy")
    _begin(world, _spec(world, "busy", bandwidth_bytes_per_s=60 * MIB))
    world.clock.sleep(0.2)
    early = h1.job_stats(uuid)
    assert (early.type, early.total_bytes, early.remaining_bytes, early.iteration) == (JobType.RUNNING, 0, 0, 0)
    world.clock.sleep(2.0)
    first = h1.job_stats(uuid)
    assert first.iteration == 1
    assert first.dirty_rate_bytes_per_s == 0.0
    assert first.remaining_bytes > 0
    world.clock.sleep(1.8)
    assert h1.job_stats(uuid).dirty_rate_bytes_per_s > 10 * MIB
    with pytest.raises(OperationFailed):
        connect("sim://h2").job_stats(uuid)


def _begin(world: World, spec: MigrateSpec) -> None:
    with world.present():
        service.call(world, "h1", 1, "migrate", {"spec": spec})


def test_an_abort_leaves_the_guest_running_on_the_source(world: World, h1: Driver) -> None:
    uuid = _uuid(world, "wild")
    with world.present():
        world.after(3.0, lambda: world.migrations[uuid].abort())
    with pytest.raises(MigrationAborted):
        h1.migrate(_spec(world, "wild", bandwidth_bytes_per_s=60 * MIB))
    assert h1.domain_status(uuid).state is DomainState.RUNNING
    assert h1.job_stats(uuid).type is JobType.NONE
    with pytest.raises(JobConflict):
        h1.abort_job(uuid)
    with pytest.raises(NoSuchDomain):
        connect("sim://h2").domain(uuid)


def test_it_measures_about_what_the_guest_writes(world: World, h1: Driver) -> None:
    uuid = _uuid(world, "busy")
    rate = h1.measure_dirty_rate(uuid, 2)
    assert rate.bytes_per_s == pytest.approx(16.5 * MIB, rel=0.1)
    assert world.clock.monotonic() >= 2.0
    assert next(each for each in h1.domain_stats() if each.uuid == uuid).dirty_rate == rate
    with pytest.raises(OperationFailed):
        h1.measure_dirty_rate(uuid, 61)


# hosts that fail
def test_it_cannot_open_a_host_that_is_not_there(world: World) -> None:
    with pytest.raises(HostUnreachable):
        connect("sim://h9")


def test_it_cannot_open_a_host_whose_daemon_is_down(world: World) -> None:
    _fault(world, faults.kill_daemon, "h1")
    with pytest.raises(HostUnreachable):
        connect("sim://h1")


@pytest.mark.parametrize("fault", [faults.freeze, faults.isolate])
def test_a_silent_host_costs_the_deadline_and_its_connection_after_15_s(
    world: World, h1: Driver, fault: object
) -> None:
    heard: list[DomainEvent] = []
    h1.subscribe(heard.append)
    _fault(world, fault, "h1")
    before = world.clock.monotonic()
    with pytest.raises(HostTimeout):
        h1.host_facts()
    with pytest.raises(HostTimeout):
        connect("sim://h1", deadline_s=3.0)
    assert world.clock.monotonic() - before == pytest.approx(5.0)
    world.clock.sleep(11.0)
    with world.present():
        pass
    assert [event.kind for event in heard] == [EventKind.CONNECTION_LOST]
    assert not h1.alive()
    with pytest.raises(HostLost):
        h1.host_facts()


def test_a_thawed_host_tells_what_happened_meanwhile(world: World, h1: Driver) -> None:
    heard: list[DomainEvent] = []
    h1.subscribe(heard.append)
    h1.power(_uuid(world, "quiet"), PowerVerb.SHUTDOWN)
    _fault(world, faults.freeze, "h1")
    world.clock.sleep(8.0)
    with world.present():
        assert heard == []
    _fault(world, faults.thaw, "h1")
    assert [event.detail for event in heard] == ["shutdown/guest", "stopped/shutdown"]


def test_a_restarted_daemon_ends_connections_and_no_guest(world: World, h1: Driver) -> None:
    heard: list[DomainEvent] = []
    h1.subscribe(heard.append)
    _fault(world, faults.restart_daemon, "h1")
    assert not h1.alive()
    assert heard[-1].kind is EventKind.CONNECTION_LOST
    world.clock.sleep(4.0)
    again = connect("sim://h1")
    assert again.domain_status(_uuid(world, "quiet")).state is DomainState.RUNNING
