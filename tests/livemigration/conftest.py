"""A small simulated data center, its rows, and a supervisor to step by hand."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone

from deploy.lab import Lab
from deploy.lab.plan import guest_uuid
from hosts.claim import claim
from hosts.livemigration.supervisor import Supervisor, load
from hosts.models import VM, Host, Migration, Sample
from hosts.virt.clock import WALL
from hosts.virt.pool import Pool
from hosts.virt.sim.guest import SimGuest
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.load import Means, Meter, Wander
from hosts.virt.sim.local import running, use_world
from hosts.virt.sim.memory import PageClass
from hosts.virt.sim.world import World
from tests.factory import make_host, make_migration, make_vm
from tests.lab.conftest import lab, standing_lab

__all__ = ["lab", "standing_lab"]

MIB = 1 << 20
STEADY = Wander(waves=())


@dataclass
class Place:
    """Two simulated hosts, one guest on the first, and their rows."""

    world: World
    guest: SimGuest
    vm: VM
    source: Host
    destination: Host
    pool: Pool

    def supervise(self, migration: Migration) -> Supervisor:
        lease = claim(Migration, migration.pk, holder=f"test{time.monotonic_ns()}")
        assert lease is not None, "somebody holds the lease"
        return Supervisor(load(migration.pk), lease, pool=self.pool)

    def dirty(self, size: float, rate: float) -> None:
        """From now on the guest rewrites ``size`` bytes in order, at ``rate`` bytes/s."""
        with self.world.present():
            self.guest.classes = (PageClass(bytes=size, bytes_per_s=rate, sequential=True),)

    def learn(self) -> None:
        """An earlier migration of this pair, without a cap: its rows tell 330 MiB/s and a switch-over of 50 ms."""
        past = make_migration(
            make_vm(host=self.source),
            destination=self.destination,
            state="done",
            pause_ms=50.0,
            ended_at=timezone.now(),
        )
        for second in range(5):
            at = timezone.now() + timedelta(seconds=second)
            Sample.objects.create(
                migration=past, at=at, remaining_bytes=1, processed_bytes=1, total_bytes=2, throughput=330.0 * MIB,
                iteration=1,
            )  # fmt: skip

    def copies(self) -> dict[str, str]:
        """host -> state of the guest's copy there."""
        with self.world.present():
            return {name: str(copy.status.state) for name, copy in self.world.copies_of(self.guest.uuid).items()}


@pytest.fixture
def place(db: None) -> Iterator[Place]:
    world = World(clock=WALL)
    with use_world(world), running(world):
        pool = Pool()
        yield _furnish(world, pool)
        pool.close()


def _furnish(world: World, pool: Pool) -> Place:
    for name in ("s1", "s2"):
        world.add_host(SimHost(name=name, uuid=world.uuid_of("host", name), keepalive_s=2.0))
    guest = SimGuest(
        uuid=world.uuid_of("guest", "db"),
        name="db",
        vcpus=1,
        memory_bytes=512 * MIB,
        touched_bytes=300 * MIB,
        meter=Meter(cpu_wave=STEADY, io_wave=STEADY, means=Means(cpu=0.3)),
        classes=(PageClass(bytes=60 * MIB, bytes_per_s=40 * MIB),),
    )
    world.add_guest(guest, "s1")
    source = make_host("s1", uuid=world.hosts["s1"].uuid)
    destination = make_host("s2", uuid=world.hosts["s2"].uuid, cluster=source.cluster)
    vm = make_vm("db", host=source, uuid=guest.uuid, memory_bytes=512 * MIB)
    return Place(world=world, guest=guest, vm=vm, source=source, destination=destination, pool=pool)


def walk(supervisor: Supervisor, until: Callable[[], bool] = lambda: False, *, seconds: float = 30.0) -> None:
    """Step until the migration has ended or ``until`` is true; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not until():
        delay = supervisor.step()
        if delay is None:
            return
        assert time.monotonic() < deadline, f"still {supervisor.row.state}: {supervisor.row.because}"
        time.sleep(min(delay, 0.1))


@dataclass
class LabPlace:
    """The lab's hosts as rows, and guests on demand."""

    lab: Lab
    hosts: dict[str, Host]
    pool: Pool

    def guest(self, name: str, host: str = "h1", **settings: object) -> VM:
        """A running lab guest, and its row."""
        spec = self.lab.guest(name, host, **settings)
        self.lab.await_beat(name)
        return make_vm(
            name,
            host=self.hosts[host],
            uuid=guest_uuid(self.lab.plan.name, name),
            memory_bytes=spec.memory_mb * MIB,
            virt_type="qemu",
        )

    def supervise(self, migration: Migration) -> Supervisor:
        lease = claim(Migration, migration.pk, holder=f"test{time.monotonic_ns()}")
        assert lease is not None, "somebody holds the lease"
        return Supervisor(load(migration.pk), lease, pool=self.pool)


@pytest.fixture
def lab_place(lab: Lab, db: None) -> Iterator[LabPlace]:
    yield from _lab_place(lab)


@pytest.fixture
def live_lab_place(lab: Lab, transactional_db: None) -> Iterator[LabPlace]:
    """The same for other processes to see: what is written is committed."""
    yield from _lab_place(lab)


def _lab_place(lab: Lab) -> Iterator[LabPlace]:
    hosts = {host.name: make_host(host.name, uri=host.uri, uuid=host.host_uuid) for host in lab.hosts.values()}
    pool = Pool()
    yield LabPlace(lab=lab, hosts=hosts, pool=pool)
    pool.close()


@contextmanager
def background(act: Callable[[], object]) -> Iterator[None]:
    """Do it on another thread for the time of the block."""
    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=60)
