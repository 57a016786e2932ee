"""The places where the contract is held: libvirt's test host, the lab's real hosts, the simulated datacenter.

A test that asks for ``place`` runs at all three, one that asks for ``moving`` at the two that can migrate.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from deploy.lab import Lab
from hosts.virt.clock import WALL
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.records import DomainEvent, DomainFacts, MigrateSpec
from hosts.virt.sim import faults
from hosts.virt.sim.world import World
from tests.lab.conftest import lab, standing_lab
from tests.virt.sim.worlds import sim_world

__all__ = ["lab", "sim_world", "standing_lab"]  # fixtures for the tests of this folder

DEADLINE_S = 3.0
GUEST = "contract"
MIB = 1 << 20


class Heard:
    """All events of a driver, in order."""

    def __init__(self, driver: Driver) -> None:
        self._changed = threading.Condition()
        self.events: list[DomainEvent] = []
        driver.subscribe(self._hear)

    def _hear(self, event: DomainEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def words(self) -> list[str]:
        """Life cycle details and, of other events, the kind."""
        return [event.detail if event.kind == "lifecycle" else str(event.kind) for event in list(self.events)]

    def wait_for(self, word: str, *, timeout_s: float = 10.0) -> None:
        """Until this word was heard; AssertionError with all that was heard."""
        with self._changed:
            if not self._changed.wait_for(lambda: word in self.words(), timeout_s):
                raise AssertionError(f"{word} was not heard, only {self.words()}")


@dataclass(slots=True, kw_only=True)
class Place:
    """One host with a running guest, a second one to which it may move, and the faults of the first."""

    kind: str
    uri: str
    uuid: str  # of the running guest
    other_uri: str = ""
    other_address: str = ""
    kill: Callable[[], None] = lambda: None
    freeze: Callable[[], None] = lambda: None
    mend: Callable[[], None] = lambda: None
    opened: list[Driver] = field(default_factory=list)

    def open(self, uri: str = "") -> Driver:
        """A new connection; closed at the end of the test."""
        driver = connect(uri or self.uri, deadline_s=DEADLINE_S)
        self.opened.append(driver)
        return driver

    def guest(self) -> DomainFacts:
        return self.opened[0].domain(self.uuid) if self.opened else self.open().domain(self.uuid)

    def spec(self, **changes: object) -> MigrateSpec:
        """To the other host."""
        fields = {"uuid": self.uuid, "destination_uri": self.other_uri, "migrate_address": self.other_address}
        return MigrateSpec(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture(params=["test", pytest.param("lab", marks=pytest.mark.lab), "sim"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    yield from _close_after(_place(request))


@pytest.fixture(params=[pytest.param("lab", marks=pytest.mark.lab), "sim"])
def moving(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place whose guest can move; it rewrites 32 MiB at 10 MiB/s."""
    yield from _close_after(_place(request))


def _place(request: pytest.FixtureRequest) -> Place:
    # asked for by name, so that a run without the lab does not bring one up
    if request.param == "lab":
        return _lab_place(request.getfixturevalue("lab"))
    if request.param == "sim":
        return _sim_place(request.getfixturevalue("sim_world"))
    return Place(kind="test", uri="test:///default", uuid="6695eb01-f6a4-8304-79aa-97f2502e193f")


def _close_after(place: Place) -> Iterator[Place]:
    try:
        yield place
    finally:
        place.mend()
        for driver in place.opened:
            driver.close()


def _lab_place(lab: Lab) -> Place:
    lab.guest(GUEST, memory_mb=128, dirty_mb=32, dirty_rate=10, nics=("bridge", "user"))
    lab.await_beat(GUEST)
    h1, h2 = lab.hosts["h1"], lab.hosts["h2"]

    def mend() -> None:
        lab.cont_daemon("h1")
        lab.start_daemon("h1")

    return Place(
        kind="lab",
        uri=h1.uri,
        uuid=_uuid_of(h1.uri),
        other_uri=h2.uri,
        other_address=h2.address,
        kill=lambda: lab.kill_daemon("h1"),
        freeze=lambda: lab.stop_daemon("h1"),
        mend=mend,
    )


def _uuid_of(uri: str) -> str:
    driver = connect(uri, deadline_s=DEADLINE_S)
    try:
        return next(domain.uuid for domain in driver.domains() if domain.name == GUEST)
    finally:
        driver.close()


def _sim_place(world: World) -> Place:
    def at(fault: Callable[[World, str], None]) -> None:
        with world.present():
            fault(world, "h1")

    def mend() -> None:
        at(faults.thaw)
        at(faults.start_daemon)

    return Place(
        kind="sim",
        uri="sim://h1",
        uuid=world.guest_named("busy").uuid,
        other_uri="sim://h2",
        kill=lambda: at(faults.kill_daemon),
        freeze=lambda: at(faults.freeze),
        mend=mend,
    )


def wait_until(true: Callable[[], object], what: str, *, timeout_s: float = 10.0) -> None:
    """Until it is true; AssertionError with ``what`` after ``timeout_s``."""
    end = WALL.monotonic() + timeout_s
    while not true():
        if WALL.monotonic() > end:
            raise AssertionError(f"never: {what}")
        WALL.sleep(0.02)


class Running:
    """A migration under way on a thread of its own; ``error`` is how it ended, None for well."""

    def __init__(self, driver: Driver, spec: MigrateSpec) -> None:
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(driver, spec), daemon=True)
        self._thread.start()

    def _run(self, driver: Driver, spec: MigrateSpec) -> None:
        try:
            driver.migrate(spec)
        except BaseException as exc:  # noqa: BLE001 - how it ended is what is asked
            self.error = exc

    def end(self, *, timeout_s: float = 60.0) -> BaseException | None:
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "the migration never ended"
        return self.error
