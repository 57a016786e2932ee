"""All migrations that this process drives: an asyncio loop that calls their steps when due, in a few threads.

A step that is due at once is woken: by a libvirt event, by a call that came back, by an order. Orders are looked for
for all of them with one query each 100 ms.
"""

import asyncio
import itertools
import logging
import os
import socket
from collections.abc import Callable, Iterable
from datetime import timedelta

from django.db import Error as DatabaseError
from django.db.models import Q
from django.db.models.functions import Now

from hosts.claim import claim, renew_all
from hosts.livemigration.journal import WRITE_S, write_together
from hosts.livemigration.supervisor import Supervisor, load
from hosts.models import Adjustment, Migration
from hosts.states import OPEN_MIGRATION, MigrationState
from hosts.threads import apart, blocking
from hosts.virt.pool import POOL, Pool

log = logging.getLogger(__name__)

ORDERS_EVERY_S = 0.1
#: after the database was lost, and where a step broke by a fault of ours
AGAIN_S = 1.0
#: a row this young has a job that a worker is about to take
FRESH_S = 3
#: steps that broke one after the other before the migration is left to another worker
MOST_BREAKS = 20


class Driven:
    """One supervisor with what wakes it."""

    def __init__(self, supervisor: Supervisor, wake: asyncio.Event) -> None:
        self.supervisor = supervisor
        self.wake = wake


class Runner:
    """Drives migrations until told to stop; what it leaves is open and adopted by the next worker."""

    def __init__(self, *, pool: Pool = POOL, holder: str = "") -> None:
        self.pool = pool
        self.holder = holder or f"{socket.gethostname()}:{os.getpid()}"
        self.driven: dict[int, Driven] = {}
        self.stopping = False

    async def drive(self, pk: int) -> bool:
        """Drive this migration to its end. False: another worker has it, or it has ended."""
        if self.stopping or pk in self.driven:
            return False
        supervisor = await self._adopt(pk)
        if supervisor is None:
            return False
        try:
            await self._walk(pk, self.driven[pk])
        finally:
            del self.driven[pk]
            await blocking(self._close, supervisor)
        return True

    def stop(self) -> None:
        """Leave them all at their next step. The daemons go on with what they do."""
        self.stopping = True
        for driven in self.driven.values():
            driven.wake.set()

    async def read_orders(self) -> None:
        """Nudge those that somebody adjusted; until cancelled."""
        while True:
            await asyncio.sleep(ORDERS_EVERY_S)
            if not self.driven:
                continue
            try:
                waiting = await apart(_with_orders, list(self.driven))
            except DatabaseError as exc:
                log.warning("Orders could not be read: %s", exc, extra={"action": "orders_unread"})
                continue
            for pk, driven in self.driven.items():
                if pk in waiting:
                    driven.supervisor.nudge()
                else:
                    driven.supervisor.no_orders()

    async def keep_up(self) -> None:
        """Store the samples of all of them each second, and renew their leases each other one; until cancelled.

        And tell each how many they are, since the more there are the less often each is forecast.
        """
        for turn in itertools.count():
            await asyncio.sleep(WRITE_S)
            supervisors = [each.supervisor for each in self.driven.values()]
            for each in supervisors:
                each.journal.company = len(supervisors)
            try:
                await apart(write_together, [each.journal for each in supervisors])
                if turn % 2 == 0:
                    await apart(_renew, supervisors)
            except DatabaseError as exc:
                log.warning("Samples and leases wait: %s", exc, extra={"action": "ledger_unwritten"})

    async def _adopt(self, pk: int) -> Supervisor | None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

        supervisor = await blocking(self._take, pk, wake)
        if supervisor is not None:
            self.driven[pk] = Driven(supervisor, event)
        return supervisor

    def _take(self, pk: int, wake: Callable[[], None]) -> Supervisor | None:
        lease = claim(Migration, pk, holder=self.holder)
        if lease is None:
            return None
        row = load(pk)
        supervisor = Supervisor(row, lease, pool=self.pool, wake=wake)
        if supervisor.state.is_final:
            supervisor.close()
            return None
        log.info(
            "Driving the migration %s from %s on.", row, row.state, extra={"action": "migration_adopted", "row": pk}
        )
        return supervisor

    async def _walk(self, pk: int, driven: Driven) -> None:
        breaks = 0
        while not self.stopping:
            driven.wake.clear()
            try:
                delay = await blocking(driven.supervisor.step)
                breaks = 0
            except DatabaseError as exc:
                log.warning("The migration %s waits for the database: %s", pk, exc, extra={"action": "database_lost"})
                delay = AGAIN_S
            except Exception:  # a fault of ours must not end what the daemons do: look again, from the truth
                breaks += 1
                log.exception("A step of the migration %s broke.", pk, extra={"action": "step_broke", "row": pk})
                delay = AGAIN_S if breaks < MOST_BREAKS else None
            if delay is None:
                return
            await _wait(driven.wake, delay)

    def _close(self, supervisor: Supervisor) -> None:
        try:
            supervisor.close()
        except DatabaseError as exc:
            log.warning("A lease could not be given back: %s", exc, extra={"action": "lease_kept"})


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until it is set, or so long. A timer that sets it, since wait_for makes a task each time: 1,000 a second."""
    timer = asyncio.get_running_loop().call_later(max(0.0, seconds), event.set)
    try:
        await event.wait()
    finally:
        timer.cancel()


def _with_orders(pks: Iterable[int]) -> set[int]:
    waiting = Adjustment.objects.filter(migration__in=pks, applied_at=None, error="")
    return set(waiting.values_list("migration_id", flat=True))


def _renew(supervisors: Iterable[Supervisor]) -> None:
    """One statement for all. A lease that is lost says so at that supervisor's own next renewal."""
    mine = {each.lease.pk: each for each in supervisors}
    for pk in renew_all((each.lease for each in mine.values()), model=Migration):
        mine[pk].renewed()


def orphans() -> list[int]:
    """Migrations under way that nobody drives: the lease ran out, or nobody took them within three seconds.

    Not those that are queued: they wait for the queue, not for a worker.
    """
    left = Q(lease_until__isnull=True, state_since__lt=Now() - timedelta(seconds=FRESH_S))
    nobody = left | Q(lease_until__lt=Now())
    under_way = Migration.objects.filter(nobody, state__in=OPEN_MIGRATION).exclude(state=MigrationState.QUEUED)
    return list(under_way.values_list("pk", flat=True))
