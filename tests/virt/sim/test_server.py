"""``sim://`` over the simulator's socket: one World, many processes."""

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hosts.virt.clock import WALL
from hosts.virt.connect import connect
from hosts.virt.errors import HostLost, HostTimeout, HostUnreachable, NoSuchDomain, OperationFailed, WrongState
from hosts.virt.records import DomainEvent, DomainState, EventKind, JobType, MigrateSpec, PowerVerb
from hosts.virt.sim import faults
from hosts.virt.sim.client import give_order, shared_line
from hosts.virt.sim.server import Server
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import MIB, small_world

pytestmark = pytest.mark.filterwarnings("error")


class Running:
    """A server in a thread, with its own loop."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._server = Server(world, path)
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._server.run(self._stop, ready=self.ready.set))
            self._loop.run_until_complete(asyncio.sleep(0.05))
        finally:
            self._loop.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self.thread.join(timeout=5.0)

    def fault(self, act: object, *args: object) -> None:
        """In the server's own thread, as its world has one thread only."""
        done = threading.Event()

        def do() -> None:
            with self.world.present():
                act(self.world, *args)  # type: ignore[operator]
            self._server._arm()
            done.set()

        self._loop.call_soon_threadsafe(do)
        assert done.wait(2.0)


@contextmanager
def _serve(world: World, path: Path) -> Iterator[Running]:
    running = Running(world, path)
    running.thread.start()
    assert running.ready.wait(5.0)
    try:
        yield running
    finally:
        running.end()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    path = tmp_path / "sim.sock"
    monkeypatch.setenv("GODWIT_SIM_SOCKET", str(path))
    with _serve(small_world(WALL), path) as running:
        yield running


def test_it_gives_the_same_records_as_the_world_itself(served: Running) -> None:
    driver = connect("sim://h1")
    host = served.world.hosts["h1"]
    assert driver.host_facts() == host.facts()
    assert driver.domains() == [copy.facts() for copy in host.copies.values()]
    assert {each.name for each in driver.domain_stats()} == {"quiet", "busy", "wild", "off"}
    assert driver.host_stats().at.tzinfo is not None


def test_it_carries_errors_with_their_codes(served: Running) -> None:
    driver = connect("sim://h1")
    with pytest.raises(NoSuchDomain) as caught:
        driver.domain("nobody")
    assert caught.value.code == 42
    with pytest.raises(WrongState):
        driver.power(served.world.guest_named("off").uuid, PowerVerb.PAUSE)


def test_it_tells_events_unasked(served: Running) -> None:
    heard: queue.Queue[DomainEvent] = queue.Queue()
    driver, other = connect("sim://h1"), connect("sim://h2")
    driver.subscribe(heard.put)
    elsewhere: list[DomainEvent] = []
    other.subscribe(elsewhere.append)
    uuid = served.world.guest_named("quiet").uuid
    driver.power(uuid, PowerVerb.PAUSE)
    driver.power(uuid, PowerVerb.RESUME)
    assert [heard.get(timeout=2.0).detail for _ in range(2)] == ["suspended/paused", "resumed/unpaused"]
    driver.power(uuid, PowerVerb.REBOOT)
    assert heard.get(timeout=5.0).kind is EventKind.REBOOT
    assert elsewhere == []


def test_a_listener_that_fails_takes_nothing_from_the_others(served: Running) -> None:
    heard: queue.Queue[DomainEvent] = queue.Queue()
    bad, good = connect("sim://h1"), connect("sim://h1")
    bad.subscribe(lambda event: [][1])
    good.subscribe(heard.put)
    good.power(served.world.guest_named("quiet").uuid, PowerVerb.PAUSE)
    assert heard.get(timeout=2.0).detail == "suspended/paused"
    assert bad.host_facts().hostname == "h1"


def test_it_migrates_while_others_watch_and_steer(served: Running) -> None:
    """The call blocks its own thread only; figures move meanwhile."""
    driver = connect("sim://h1")
    uuid = served.world.guest_named("busy").uuid
    ends: queue.Queue[BaseException | None] = queue.Queue()

    def move() -> None:
        try:
            driver.migrate(MigrateSpec(uuid=uuid, destination_uri="sim://h2", bandwidth_bytes_per_s=30 * MIB))
            ends.put(None)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            ends.put(error)

    threading.Thread(target=move, daemon=True).start()
    time.sleep(1.5)
    first = driver.job_stats(uuid)
    time.sleep(0.3)
    second = driver.job_stats(uuid)
    assert first.type is second.type is JobType.RUNNING
    assert first.remaining_bytes > second.remaining_bytes > 0
    driver.set_bandwidth(uuid, None)
    assert ends.get(timeout=10.0) is None
    assert connect("sim://h2").domain_status(uuid).state is DomainState.RUNNING


def test_many_hosts_share_one_socket_and_one_thread(served: Running) -> None:
    before = threading.active_count()
    drivers = [connect(f"sim://h{1 + number % 3}") for number in range(40)]
    assert all(driver.alive() for driver in drivers)
    assert threading.active_count() <= before + 1
    assert len(served._server._sessions) == 1


def test_a_frozen_host_holds_up_no_other(served: Running) -> None:
    frozen, well = connect("sim://h1", deadline_s=0.4), connect("sim://h2", deadline_s=0.4)
    served.fault(faults.freeze, "h1")
    began = time.monotonic()
    with pytest.raises(HostTimeout):
        frozen.host_facts()
    with pytest.raises(HostTimeout):
        connect("sim://h1", deadline_s=0.3)
    assert 0.6 < time.monotonic() - began < 1.5
    assert well.host_facts().hostname == "h2"
    served.fault(faults.thaw, "h1")
    assert frozen.host_facts().hostname == "h1"


def test_a_killed_daemon_ends_its_connections_at_once(served: Running) -> None:
    heard: queue.Queue[DomainEvent] = queue.Queue()
    driver = connect("sim://h1")
    driver.subscribe(heard.put)
    served.fault(faults.kill_daemon, "h1")
    assert heard.get(timeout=2.0).kind is EventKind.CONNECTION_LOST
    assert not driver.alive()
    with pytest.raises(HostLost):
        driver.host_facts()
    with pytest.raises(HostUnreachable):
        connect("sim://h1")
    served.fault(faults.start_daemon, "h1")
    assert connect("sim://h1").alive()


def test_a_call_with_wrong_arguments_is_the_callers_error_alone(served: Running) -> None:
    driver = connect("sim://h1")
    with pytest.raises(OperationFailed):
        driver._ask("domain", wrong="x")  # type: ignore[attr-defined]
    assert driver.host_facts().hostname == "h1"


def test_a_planned_deed_that_fails_does_not_stop_the_world(served: Running) -> None:
    heard: queue.Queue[DomainEvent] = queue.Queue()
    driver = connect("sim://h1")
    driver.subscribe(heard.put)
    served.fault(lambda world: world.after(0.05, lambda: [][1]))
    driver.power(served.world.guest_named("quiet").uuid, PowerVerb.REBOOT)
    assert heard.get(timeout=5.0).kind is EventKind.REBOOT


def test_it_takes_orders_from_the_command_line(served: Running) -> None:
    driver = connect("sim://h1", deadline_s=0.3)
    give_order("freeze h1")
    with pytest.raises(HostTimeout):
        driver.host_facts()
    give_order("thaw h1")
    assert driver.host_facts().hostname == "h1"
    with pytest.raises(OperationFailed, match="no order"):
        give_order("explode h1")


def test_without_a_simulator_every_host_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODWIT_SIM_SOCKET", str(tmp_path / "none.sock"))
    with pytest.raises(HostUnreachable, match="No simulator answers"):
        connect("sim://h1")


def test_the_simulators_end_is_told_and_its_return_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sim.sock"
    monkeypatch.setenv("GODWIT_SIM_SOCKET", str(path))
    heard: queue.Queue[DomainEvent] = queue.Queue()
    with _serve(small_world(WALL), path):
        driver = connect("sim://h1")
        driver.subscribe(heard.put)
    assert heard.get(timeout=2.0).kind is EventKind.CONNECTION_LOST
    assert not driver.alive()
    with pytest.raises(HostLost):
        driver.host_facts()
    driver.close()
    assert not path.exists()
    with _serve(small_world(WALL), path):
        assert connect("sim://h1").host_facts().hostname == "h1"


def test_a_second_simulator_leaves_the_socket_alone(served: Running, tmp_path: Path) -> None:
    second = Server(small_world(WALL), tmp_path / "sim.sock")
    with pytest.raises(OSError, match="another simulator"):
        asyncio.run(second.run(asyncio.Event()))
    assert connect("sim://h1").alive()


@pytest.mark.parametrize(
    "nonsense",
    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x04nope", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x09" + b'{"id": 1}'],
)
def test_a_client_that_speaks_nonsense_hurts_no_other(served: Running, tmp_path: Path, nonsense: bytes) -> None:
    driver = connect("sim://h1")
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(2.0)
        raw.connect(str(tmp_path / "sim.sock"))
        raw.sendall(nonsense)
        assert raw.recv(10) == b""
    assert driver.host_facts().hostname == "h1"
    assert not shared_line().broken
