"""The places where the contract is held: libvirt's test host, the lab's real hosts, the simulated datacenter.

A test that asks for ``place`` runs at all three, one that asks for ``moving`` at the two that can migrate.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from deploy.lab import Lab
from deploy.lab.plan import guest_uuid
from deploy.lab.sharing import leave_clean
from hosts.virt.clock import WALL
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.errors import VirtError
from hosts.virt.records import DomainEvent, DomainFacts, DomainState, JobType, MigrateSpec
from hosts.virt.sim import faults
from hosts.virt.sim.world import World
from tests.lab.conftest import standing_lab
from tests.virt.sim.worlds import sim_world

__all__ = ["sim_world", "standing_lab"]  # fixtures for the tests of this folder

DEADLINE_S = 5.0
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
    slow: Callable[[], None] = lambda: None  # its line, until mended
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
        return _lab_place(request.getfixturevalue("kept_lab"))
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


@pytest.fixture(scope="package")
def kept_lab(standing_lab: Lab) -> Iterator[Lab]:
    """The lab with one guest that outlives a test: to boot it for each would cost most of the time."""
    yield standing_lab
    leave_clean(standing_lab)


def _lab_place(lab: Lab) -> Place:
    """Where the guest runs is the source; it is made anew where the test before left it otherwise."""
    here = _running_at(lab)
    if here is None:
        for host in ("h1", "h2"):  # libvirt 9.0 keeps the job of a broken post-copy until it ends
            lab.kill_daemon(host)
            lab.start_daemon(host)
        lab.remove_guest(GUEST)
        lab.guest(GUEST, memory_mb=128, dirty_mb=32, dirty_rate=10, nics=("bridge", "user"))
        here = "h1"
    lab.await_beat(GUEST, timeout_s=120)  # a guest that still boots hears no power button
    source, other = lab.hosts[here], lab.hosts["h2" if here == "h1" else "h1"]

    def mend() -> None:
        lab.slow(here, 0)
        lab.cont_daemon(here)
        lab.start_daemon(here)

    return Place(
        kind="lab",
        uri=source.uri,
        uuid=guest_uuid(lab.plan.name, GUEST),
        other_uri=other.uri,
        other_address=other.address,
        kill=lambda: lab.kill_daemon(here),
        freeze=lambda: lab.stop_daemon(here),
        slow=lambda: lab.slow(here, 16),
        mend=mend,
    )


def _running_at(lab: Lab) -> str | None:
    """The host on which the guest runs, once only and with a definition; None where it has to be made."""
    hosts = lab.running_on(GUEST)
    if len(hosts) != 1 or hosts[0] not in ("h1", "h2"):
        return None
    driver = connect(lab.hosts[hosts[0]].uri, deadline_s=DEADLINE_S)
    try:
        guest = driver.domain(guest_uuid(lab.plan.name, GUEST))
        job = driver.job_stats(guest.uuid)
    except VirtError:
        return None
    finally:
        driver.close()
    sound = guest.status.state == DomainState.RUNNING and guest.persistent and job.type == JobType.NONE
    return hosts[0] if sound else None


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


class NeverEnded(AssertionError):
    """A call to a host that did not come back."""


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
        if self._thread.is_alive():
            raise NeverEnded("the migration never ended")
        return self.error
