"""Ten ordered at once, with a worker's own loops on a simulated datacenter in this process: it …"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import pytest
from django.db import connections
from procrastinate.contrib.django import app

from datacenter import orders
from datacenter.access import SHELL
from hosts.livemigration import admission, tasks
from hosts.livemigration.request import adjust, request_migration
from hosts.livemigration.runner import Runner
from hosts.models import VM, Adjustment, Host, Migration, Transition
from hosts.threads import blocking
from hosts.virt.clock import WALL
from hosts.virt.pool import Pool
from hosts.virt.sim.guest import SimGuest
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.load import Means, Meter
from hosts.virt.sim.local import running, use_world
from hosts.virt.sim.memory import PageClass
from hosts.virt.sim.world import World
from tests.factory import GIB, make_host, make_vm
from tests.livemigration.conftest import MIB, STEADY

pytestmark = pytest.mark.django_db(transaction=True)
MOVES = 10


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    # no thread keeps a connection to the test database, which would not let itself be dropped
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    world = World(clock=WALL)
    for name in ("s1", "s2", "s3", "s4"):
        world.add_host(SimHost(name=name, uuid=world.uuid_of("host", name)))
    for number in range(MOVES):
        world.add_guest(_guest(world, f"g{number}"), "s1")
    with use_world(world), running(world):
        yield world


def _guest(world: World, name: str) -> SimGuest:
    return SimGuest(
        uuid=world.uuid_of("guest", name),
        name=name,
        vcpus=1,
        memory_bytes=128 * MIB,
        touched_bytes=64 * MIB,
        meter=Meter(cpu_wave=STEADY, io_wave=STEADY, means=Means(cpu=0.1)),
        classes=(PageClass(bytes=4 * MIB, bytes_per_s=2 * MIB),),
    )


def furnish(world: World) -> tuple[list[VM], list[Host]]:
    hosts = [make_host(name, uuid=host.uuid) for name, host in world.hosts.items()]
    guests = [make_vm(each.name, host=hosts[0], uuid=each.uuid, memory_bytes=GIB) for each in world.guests.values()]
    return guests, hosts


@asynccontextmanager
async def worker(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The loops of ``manage.py work``."""
    runner = Runner(pool=Pool(), holder="me")
    monkeypatch.setattr(tasks, "runner", lambda: runner)
    worker_app = app.with_connector(app.connector.get_worker_connector())  # type: ignore[attr-defined]
    async with worker_app.open_async():
        jobs = worker_app.run_worker_async(concurrency=20, install_signal_handlers=False, shutdown_graceful_timeout=2)
        loops = [asyncio.create_task(each) for each in (jobs, admission.keep(), runner.read_orders())]
        try:
            yield
        finally:
            runner.stop()
            for loop in loops:
                loop.cancel()
                with suppress(asyncio.CancelledError):
                    await loop
            runner.pool.close()


async def until(check: object, seconds: float = 90.0) -> None:
    async with asyncio.timeout(seconds):
        while not await blocking(check):  # type: ignore[arg-type]
            await asyncio.sleep(0.1)


def all_ended() -> bool:
    return not Migration.objects.filter(ended_at=None).exists()


def spans() -> list[tuple[datetime, datetime]]:
    """When each took its place, and when it gave it back, in order of their starts."""
    rows = Transition.objects.filter(noun="migration", field="state")
    began = dict(rows.filter(new="checking").values_list("row", "at"))
    ended = dict(rows.filter(new__in=("done", "failed", "cancelled")).values_list("row", "at"))
    return sorted((at, ended[row]) for row, at in began.items())


async def test_it_moves_two_at_a_time_and_starts_the_next_the_moment_one_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guests, hosts = await blocking(furnish, world)
    async with worker(monkeypatch):
        for guest in guests:
            await blocking(request_migration, guest, hosts[1], actor="ann")
        await until(all_ended)
    assert await blocking(Migration.objects.filter(state="done").count) == MOVES
    found = await blocking(spans)
    for at, _ in found:
        assert sum(began <= at < ended for began, ended in found) <= 2
    ends = sorted(ended for _, ended in found)
    gaps = [began - ends[number] for number, (began, _) in enumerate(found[2:])]
    assert max(gaps) < timedelta(seconds=1), "the safety net's tick is two seconds"
    with world.present():
        assert len(world.hosts["s2"].copies) == MOVES


async def test_it_spreads_ten_that_are_ordered_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    guests, _ = await blocking(furnish, world)
    async with worker(monkeypatch):
        moved = await blocking(orders.migrate_many, SHELL, guests)
        assert all(each.migration for each in moved)
        await until(all_ended)
    with world.present():
        landed = {name: len(host.copies) for name, host in world.hosts.items()}
    assert landed["s1"] == 0
    assert max(landed.values()) <= 4, landed


async def test_one_that_waits_is_gone_at_once_when_cancelled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    guests, hosts = await blocking(furnish, world)
    async with worker(monkeypatch):
        ordered = [await blocking(request_migration, guest, hosts[1], actor="ann") for guest in guests[:5]]
        await until(lambda: Migration.objects.filter(pk=ordered[4].pk).exclude(waits_for="").exists())
        await blocking(adjust, ordered[4], Adjustment.CANCEL, actor="ben")
        assert (await blocking(Migration.objects.get, pk=ordered[4].pk)).state == "cancelled"
        await until(all_ended)
    assert await blocking(Migration.objects.filter(state="done").count) == 4
