"""The loop that drives many migrations in one process: it …"""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models.functions import Now

from hosts.livemigration import runner as runners
from hosts.livemigration.runner import Runner, orphans
from hosts.livemigration.supervisor import Supervisor
from hosts.models import Migration
from hosts.threads import blocking
from hosts.virt.pool import Pool
from tests.factory import make_migration

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Runner:
    # no thread keeps a connection to the test database, which would not let itself be dropped
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    return Runner(pool=Pool(opener=lambda uri: pytest.fail(f"opened {uri}")), holder="me")


async def make() -> Migration:
    return await blocking(make_migration)


async def fresh(migration: Migration) -> Migration:
    return await blocking(Migration.objects.get, pk=migration.pk)


async def test_it_steps_until_the_end_and_gives_the_lease_back(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    delays: Iterator[float | None] = iter([0.0, 0.01, None])
    monkeypatch.setattr(Supervisor, "step", lambda self: next(delays))
    migration = await make()
    assert await runner.drive(migration.pk)
    assert next(delays, "all") == "all"
    assert (await fresh(migration)).lease_holder == ""
    assert runner.driven == {}


async def test_it_does_nothing_where_another_has_the_lease(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Supervisor, "step", lambda self: pytest.fail("stepped"))
    migration = await make()
    held = Now() + timedelta(seconds=9)
    await blocking(Migration.objects.filter(pk=migration.pk).update, lease_holder="other", lease_until=held)
    assert not await runner.drive(migration.pk)


async def test_it_does_nothing_where_it_has_ended(runner: Runner) -> None:
    migration = await make()
    await blocking(Migration.objects.filter(pk=migration.pk).update, state="done")
    assert not await runner.drive(migration.pk)
    assert (await fresh(migration)).lease_holder == ""


async def test_it_drives_many_at_once_in_few_threads(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: set[int] = set()
    together = 40

    def step(self: Supervisor) -> float | None:
        waiting.add(self.row.pk)
        return None if len(waiting) == together else 0.01

    monkeypatch.setattr(Supervisor, "step", step)
    migrations = [await make() for _ in range(together)]
    done = await asyncio.wait_for(asyncio.gather(*(runner.drive(each.pk) for each in migrations)), timeout=30)
    assert all(done)
    assert len([each for each in threading.enumerate() if each.name.startswith("work")]) <= 24


async def test_it_leaves_at_once_when_told_to_stop(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    stepped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def step(self: Supervisor) -> float:
        loop.call_soon_threadsafe(stepped.set)
        return 60.0

    monkeypatch.setattr(Supervisor, "step", step)
    migration = await make()
    task = asyncio.create_task(runner.drive(migration.pk))
    await asyncio.wait_for(stepped.wait(), timeout=10)
    runner.stop()
    assert await asyncio.wait_for(task, timeout=5)
    row = await fresh(migration)
    assert (row.state, row.lease_holder) == ("queued", "")
    assert not await runner.drive(migration.pk)


async def test_it_looks_again_after_a_step_that_broke(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "AGAIN_S", 0.01)
    steps: Iterator[str] = iter(["break", "break", "end"])

    def step(self: Supervisor) -> None:
        if next(steps) == "break":
            raise ZeroDivisionError

    monkeypatch.setattr(Supervisor, "step", step)
    assert await runner.drive((await make()).pk)
    assert next(steps, "all") == "all"


async def test_it_leaves_one_that_breaks_for_ever_to_another(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "AGAIN_S", 0.0)
    monkeypatch.setattr(Supervisor, "step", lambda self: 1 // 0)
    migration = await make()
    await asyncio.wait_for(runner.drive(migration.pk), timeout=20)
    assert (await fresh(migration)).lease_holder == ""


@pytest.mark.usefixtures("runner")
async def test_it_finds_what_nobody_drives() -> None:
    young, left, lost, held, over, queued = [await make() for _ in range(6)]

    def arrange() -> list[int]:
        long_ago = Now() - timedelta(minutes=1)
        rows = Migration.objects.all()
        rows.update(state="checking")
        rows.exclude(pk=young.pk).update(state_since=long_ago)
        rows.filter(pk=lost.pk).update(lease_holder="dead", lease_until=long_ago)
        rows.filter(pk=held.pk).update(lease_holder="alive", lease_until=Now() + timedelta(seconds=9))
        rows.filter(pk=over.pk).update(state="done")
        rows.filter(pk=queued.pk).update(state="queued")
        return sorted(orphans())

    assert await blocking(arrange) == [left.pk, lost.pk]


async def test_it_tells_each_how_many_there_are(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "WRITE_S", 0.05)
    told: dict[int, int] = {}

    def step(self: Supervisor) -> float | None:
        told[self.row.pk] = max(told.get(self.row.pk, 0), self.journal.company)  # the first to end leaves two
        return None if list(told.values()) == [3, 3, 3] else 0.01

    monkeypatch.setattr(Supervisor, "step", step)
    migrations = [await make() for _ in range(3)]
    keeping = asyncio.create_task(runner.keep_up())
    await asyncio.wait_for(asyncio.gather(*(runner.drive(each.pk) for each in migrations)), timeout=20)
    keeping.cancel()
