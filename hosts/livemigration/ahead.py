"""Measuring what waits in the queue: a migration that gets its place then starts at once.

Any worker does it; ``measuring_until`` on the row is its claim, so that nobody measures the same guest beside it. It
holds no place of the queue. Of each source host only the next in line are measured, and few at once: a measurement
from long before the start would have to be made again. Where the place comes first, the supervisor waits for the rest
of what runs (measuring.py).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from hosts import feed
from hosts.livemigration import measure
from hosts.livemigration.aside import Aside
from hosts.livemigration.forecast.records import LONG_S, SHORT_S
from hosts.models import Migration
from hosts.states import OPEN_MIGRATION, HostState, MigrationState, VMState
from hosts.threads import blocking
from hosts.virt.clock import WALL, Clock
from hosts.virt.pool import POOL, Pool
from hosts.virt.records import DirtyRate

log = logging.getLogger(__name__)

#: of a source host: so many of the next in line are measured, so many of them at once
NEXT_IN_LINE, AT_ONCE = 6, 3
#: at once in this process: each is a thread that sleeps
MOST = 48
#: beyond a measurement's own length, before its claim is void: its worker died
GRACE_S = 3.0
#: a guest that could not be measured is left to its supervisor for so long, in seconds
AGAIN_S = 30.0
#: one that is tried again sooner than this counts as waiting, in seconds
SOON_S = 10.0
_LOCK = 0x676F6477_6D656173  # PostgreSQL's advisory lock "godwmeas": one chooses at a time


@dataclass(slots=True, kw_only=True)
class _Measured:
    """One guest on its way: the call that runs, and the short rate once it is known."""

    row: Migration
    aside: Aside[DirtyRate]
    short: DirtyRate | None = None


class Ahead:
    """The measurements of this process. ``wake`` is called from foreign threads when ``look`` has something to do."""

    def __init__(self, *, pool: Pool = POOL, clock: Clock = WALL, wake: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._clock = clock
        self.wake = wake
        self._under_way: dict[int, _Measured] = {}
        self._not_before: dict[int, float] = {}  # after a failure

    def look(self) -> None:
        """Keep what has been measured, and begin with what is next. Never waits for a host's answer to come."""
        for pk, each in list(self._under_way.items()):
            if each.aside.over:
                self._take(pk, each)
        for row in self._claim(MOST - len(self._under_way)):
            self._begin(row, SHORT_S, short=None)

    def _claim(self, most: int) -> list[Migration]:
        """Rows that are measured next; from now on nobody else takes them."""
        waiting = Migration.objects.filter(state=MigrationState.QUEUED, ours=True, offline=False)
        if most <= 0 or not waiting.exists():
            return []
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
                if cursor.fetchone() != (True,):
                    return []  # another worker chooses at this moment
            claimed = self._choose(_in_line(), most)
            until = Now() + timedelta(seconds=SHORT_S + GRACE_S)
            Migration.objects.filter(pk__in=[row.pk for row in claimed]).update(measuring_until=until)
        return claimed

    def _choose(self, rows: list[Migration], most: int) -> list[Migration]:
        """The first in line of each source, unless they are measured already, or cannot be now."""
        now = self._clock.now()
        claimed = _claimed()
        busy = Counter(claimed.values())
        seen: Counter[int] = Counter()
        chosen: list[Migration] = []
        for row in rows:
            seen[row.source_id] += 1
            if seen[row.source_id] > NEXT_IN_LINE or busy[row.source_id] >= AT_ONCE or len(chosen) >= most:
                continue
            if row.pk in claimed or not self._may(row) or measure.fresh(row.vm, now=now, cap=row.bandwidth).enough:
                continue
            busy[row.source_id] += 1
            chosen.append(row)
        return chosen

    def _may(self, row: Migration) -> bool:
        answers = row.source.state not in (HostState.CONNECTING, HostState.NON_RESPONSIVE)
        soon = row.not_before is None or row.not_before <= self._clock.now() + timedelta(seconds=SOON_S)
        rested = self._clock.monotonic() >= self._not_before.get(row.pk, 0.0)
        return answers and soon and rested and row.vm.state == VMState.UP

    def _begin(self, row: Migration, seconds: int, *, short: DirtyRate | None) -> None:
        uuid, uri = str(row.vm.uuid), row.source.uri

        def call() -> DirtyRate:
            return self._pool.get(uri).measure_dirty_rate(uuid, seconds)

        aside = Aside(f"measure {uuid}", call, when_over=lambda: self.wake())
        self._under_way[row.pk] = _Measured(row=row, aside=aside, short=short)
        aside.start()

    def _take(self, pk: int, each: _Measured) -> None:
        """A call came back: the longer one follows where that tells more; else the rates are kept."""
        del self._under_way[pk]
        rate, error = each.aside.value, each.aside.error
        if rate is None:
            log.info("No dirty rate of %s: %s", each.row.vm, error, extra={"action": "dirty_rate_unknown"})
            self._not_before[pk] = self._clock.monotonic() + AGAIN_S
        short = each.short or rate
        if each.short is None and rate is not None and measure.matters(rate.bytes_per_s, each.row.bandwidth):
            until = Now() + timedelta(seconds=LONG_S + GRACE_S)
            if Migration.objects.filter(pk=pk, state__in=OPEN_MIGRATION).update(measuring_until=until):
                self._begin(each.row, LONG_S, short=rate)
                return
        if short is not None:
            measure.keep(each.row.vm, short, rate if each.short is not None else None)
            feed.changed("vm", each.row.vm_id)
        Migration.objects.filter(pk=pk).update(measuring_until=None)


def is_measured(pk: int) -> bool:
    """Whether a worker measures its guest at this moment. The database's clock decides, as with a lease."""
    return Migration.objects.filter(pk=pk, measuring_until__gt=Now()).exists()


async def keep(nudged: asyncio.Event) -> None:
    """Look whenever ``nudged``, which whoever looks at the queue does each time; until cancelled."""
    loop = asyncio.get_running_loop()

    def wake() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(nudged.set)

    ahead = Ahead(wake=wake)
    while True:
        await nudged.wait()
        nudged.clear()
        try:
            await blocking(ahead.look)
        except DatabaseError as exc:
            log.warning("Nothing is measured ahead: %s", exc, extra={"action": "ahead_unread"})


def _claimed() -> dict[int, int]:
    """Migrations whose guests are measured at this moment, with their sources; some may have their place by now."""
    rows = Migration.objects.filter(state__in=OPEN_MIGRATION, measuring_until__gt=Now())
    return dict(rows.values_list("pk", "source_id"))


def _in_line() -> list[Migration]:
    """All that wait, the next ones first."""
    rows = Migration.objects.filter(state=MigrationState.QUEUED, ours=True, offline=False)
    rows = rows.select_related("vm", "source").order_by(F("queue_place").asc(nulls_last=True), "requested_at", "pk")
    return list(
        rows.only(
            "bandwidth", "not_before", "source__state", "source__uri", "vm__name", "vm__uuid", "vm__state",
            "vm__dirty_rate", "vm__dirty_rate_at", "vm__dirty_rate_long", "vm__dirty_rate_long_at",
        )
    )  # fmt: skip
