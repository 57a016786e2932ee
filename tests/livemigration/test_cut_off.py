"""A worker is cut off from the database, a real process behind a wire that this test cuts and mends: …"""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction

from hosts.livemigration.request import adjust, request_migration
from hosts.models import Adjustment, Migration, Transition
from hosts.states import MigrationState
from hosts.virt.clock import WALL
from hosts.virt.pool import Pool
from hosts.virt.sim.local import use_world
from hosts.virt.sim.server import Server
from hosts.virt.sim.world import World
from tests.livemigration.conftest import MIB, Place, _furnish
from tests.livemigration.wire_cut import Wire
from tests.livemigration.workers import Worker, eventually

pytestmark = pytest.mark.django_db(transaction=True)

#: a lease lasts 10 s, and orphans are looked for every few seconds
ADOPTED_S = 25.0


@pytest.fixture
def served(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Two simulated hosts that other processes reach too, and their rows."""
    path, world = tmp_path / "sim.sock", World(clock=WALL)
    monkeypatch.setenv("GODWIT_SIM_SOCKET", str(path))
    loop, ready = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    def serve() -> None:
        loop.run_until_complete(Server(world, path).run(stop, ready=ready.set))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(10)
    with use_world(world):
        pool = Pool()
        place = _furnish(world, pool)
        place.dirty(8 * MIB, 4 * MIB)
        yield place
        pool.close()
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)


@pytest.fixture
def wire(served: Place) -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


def ask(place: Place, cap: int = 30) -> Migration:
    with transaction.atomic():
        return request_migration(place.vm, place.destination, actor="ann", bandwidth=cap * MIB)


def reaches(migration: Migration, *states: MigrationState, seconds: float = 30.0) -> None:
    def reached() -> bool:
        migration.refresh_from_db()
        return migration.state in states

    eventually(reached, seconds=seconds, what=lambda: f"{migration.state}: {migration.because}")


def arrived(place: Place, migration: Migration) -> None:
    reaches(migration, MigrationState.DONE, seconds=60)
    assert place.copies() == {"s2": "running"}
    place.vm.refresh_from_db()
    assert place.vm.host == place.destination
    changes = Transition.objects.filter(noun="migration", row=migration.pk, field="state").order_by("id")
    told = list(changes.values_list("new", flat=True))
    assert told.count("starting") == 1, "libvirt was asked once"
    assert told.count("done") == 1


@pytest.mark.parametrize("state", [MigrationState.CHECKING, MigrationState.MEASURING, MigrationState.COPYING])
def test_another_worker_adopts_it_and_the_late_one_does_nothing(
    served: Place, wire: Wire, tmp_path: Path, state: MigrationState
) -> None:
    with Worker(tmp_path / "first.log", url=wire.url) as first:
        migration = ask(served, cap=8)  # it must not arrive before it is adopted and turned
        reaches(migration, state, MigrationState.COPYING)
        before = Migration.objects.get(pk=migration.pk).lease_epoch
        wire.cut()
        began = time.monotonic()
        with Worker(tmp_path / "second.log") as second:
            eventually(
                lambda: Migration.objects.get(pk=migration.pk).lease_epoch > before,
                seconds=ADOPTED_S,
                what=second.log.read_text,
            )
            assert time.monotonic() - began < ADOPTED_S
            reaches(migration, MigrationState.COPYING)
            order = adjust(migration, Adjustment.BANDWIDTH, 60 * MIB, actor="ben")
            wire.mend()  # the late one hears of it too, and may not turn it
            turned = Adjustment.objects.filter(pk=order.pk, applied_at__isnull=False)
            eventually(turned.exists, seconds=20, what=second.log.read_text)
            holder = Migration.objects.get(pk=migration.pk).lease_holder
            arrived(served, migration)
            assert not holder.endswith(f":{first.process.pid}")
    assert "Traceback" not in second.log.read_text()


def test_it_resumes_where_nobody_else_is(served: Place, wire: Wire, tmp_path: Path) -> None:
    """Cut for longer than a lease lasts, and mended: the first goes on, from the truth."""
    with Worker(tmp_path / "first.log", url=wire.url) as first:
        migration = ask(served, cap=15)
        reaches(migration, MigrationState.COPYING)
        wire.cut()
        time.sleep(12)
        wire.mend()
        if first.process.poll() is None:
            arrived(served, migration)
            return
    with Worker(tmp_path / "again.log", url=wire.url):
        arrived(served, migration)


def test_it_ends_on_its_hosts_while_no_worker_sees_the_database(served: Place, wire: Wire, tmp_path: Path) -> None:
    """Peer-to-peer: what the daemons do needs nobody; the row follows as soon as somebody can write it."""
    with Worker(tmp_path / "first.log", url=wire.url):
        migration = ask(served, cap=60)
        reaches(migration, MigrationState.COPYING)
        wire.cut()
        eventually(lambda: served.copies() == {"s2": "running"}, seconds=40)
        assert Migration.objects.get(pk=migration.pk).state == MigrationState.COPYING
        with Worker(tmp_path / "second.log"):
            arrived(served, migration)


def test_every_connection_broken_at_once_ends_nothing(served: Place, wire: Wire, tmp_path: Path) -> None:
    """As a restart of PostgreSQL does it. A worker that ends by itself is started again by who supervises it."""
    with Worker(tmp_path / "first.log", url=wire.url) as first:
        migration = ask(served, cap=20)
        reaches(migration, MigrationState.COPYING)
        wire.reset()
        time.sleep(5)
        if first.process.poll() is None:
            arrived(served, migration)
            return
    with Worker(tmp_path / "again.log", url=wire.url):
        arrived(served, migration)
