"""The queue at work: rows that wait get their place and their reason, and start when there is room.

Any worker may do it. One decides at a time, under a lock of the database, from what is committed then: so several
workers together never start more than the limits allow. A queued migration is a row, no job and no thread.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime

import psycopg
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import IntegerField, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from procrastinate.contrib.django import app

from hosts import feed
from hosts.advance import advance
from hosts.livemigration.queue import Limits, Wait, Waiting, Way, admit
from hosts.models import Migration, Priority
from hosts.states import OPEN_MIGRATION, MigrationState
from hosts.threads import blocking
from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

DRIVE = "hosts.livemigration.tasks.drive"
CHANNEL = "godwit_queue"
#: looked at this often though nobody nudged, in seconds: only the safety net, for a nudge that was lost
TICK_S = 2.0
#: after the database was lost
AGAIN_S = 1.0
_LOCK = 0x676F6477_71756575  # PostgreSQL's advisory lock "godwqueu": one decides at a time


def nudge() -> None:
    """Have every worker look at the queue at once, after the commit. Only at a request, an end and a changed limit:
    NOTIFY takes a lock of the whole database at commit, so it has no place in what happens many times a second.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def admit_now() -> datetime | None:
    """Start whatever there is room for, and write down what the others wait for.

    Returns when the next one is due that waits for a moment; None: no such one.
    """
    if not Migration.objects.filter(state=MigrationState.QUEUED).exists():
        return None
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        rows = {row.pk: row for row in _open()}  # read after the lock: what the one before decided is seen
        waiting = [_waiting(row) for row in rows.values() if row.state == MigrationState.QUEUED]
        running = [_way(row) for row in rows.values() if row.state != MigrationState.QUEUED]
        decision = admit(waiting, running, _limits(rows), now=WALL.now())
        for pk in decision.starts:
            _start(rows[pk])
        _tell(decision.waits, rows)
    return min((each.not_before for each in waiting if each.not_before and each.pk in decision.waits), default=None)


async def keep() -> None:
    """Look at the queue when nudged, when one is due, and every two seconds; until cancelled."""
    while True:
        try:
            parameters = await blocking(feed.link_parameters)
            link = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
            async with link:
                await link.execute(f"LISTEN {CHANNEL}")
                while True:
                    due = await blocking(admit_now)
                    await _nudged(link, _rest(due))
        except (psycopg.Error, DatabaseError) as exc:
            log.warning("The queue could not be looked at: %s", exc, extra={"action": "queue_unread"})
        await asyncio.sleep(AGAIN_S)


def _rest(due: datetime | None) -> float:
    """Seconds until the queue is looked at again, if nobody nudges."""
    seconds = TICK_S if due is None else (due - WALL.now()).total_seconds()
    return min(TICK_S, max(0.05, seconds))


async def _nudged(link: "psycopg.AsyncConnection[tuple[object, ...]]", seconds: float) -> None:
    async for _ in link.notifies(timeout=seconds, stop_after=1):
        pass


def _open() -> QuerySet[Migration]:
    ends = ("source", "destination", "source__cluster", "source__cluster__datacenter")
    names = [f"{end}__name" for end in ends]
    limits = [f"source__cluster__{limit}" for limit in ("most_out", "most_in", "most_at_once")]
    return (
        Migration.objects.filter(state__in=OPEN_MIGRATION)
        .select_related("vm", *ends)
        .annotate(most=Cast(KeyTextTransform("concurrent", "policy__data"), IntegerField()))
        .only(
            "state", "vm__name", "priority", "requested_at", "not_before", "queue_place", "waits_for",
            *names, *limits, "source__cluster__datacenter__most_on_network",
            "source__cluster__datacenter__migration_network",
        )
    )  # fmt: skip


def _way(row: Migration) -> Way:
    cluster = row.source.cluster
    return Way(
        source=row.source_id,
        destination=row.destination_id,
        cluster=cluster.pk,
        network=cluster.datacenter_id,
        source_name=row.source.name,
        destination_name=row.destination.name if row.destination else "",
        cluster_name=cluster.name,
        network_name=cluster.datacenter.migration_network,
        most=getattr(row, "most", None),
    )


def _waiting(row: Migration) -> Waiting:
    return Waiting(
        pk=row.pk,
        way=_way(row),
        asked_at=row.requested_at,
        priority=Priority(row.priority),
        not_before=row.not_before,
    )


def _limits(rows: Mapping[int, Migration]) -> dict[int, Limits]:
    clusters = {row.source.cluster_id: row.source.cluster for row in rows.values()}
    return {
        pk: Limits(
            out=cluster.most_out,
            into=cluster.most_in,
            cluster=cluster.most_at_once,
            network=cluster.datacenter.most_on_network,
        )
        for pk, cluster in clusters.items()
    }


def _start(row: Migration) -> None:
    """From here on it takes a place, and a worker its job: both or neither."""
    if advance(row, MigrationState.CHECKING, because="There is a place for it.", queue_place=None, waits_for=""):
        app.configure_task(DRIVE, lock=f"vm:{row.vm_id}").defer(migration_id=row.pk)
        feed.changed("vm", row.vm_id)


def _tell(waits: Mapping[int, Wait], rows: Mapping[int, Migration]) -> None:
    """Write place and reason where they changed: one statement, whatever the length of the line."""
    told = {pk: (rows[pk].queue_place, rows[pk].waits_for) for pk in waits}
    news = {pk: wait for pk, wait in waits.items() if told[pk] != (wait.place, wait.reason[:300])}
    if not news:
        return
    places, reasons = [each.place for each in news.values()], [each.reason[:300] for each in news.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE hosts_migration SET queue_place = new.place, waits_for = new.reason "
            "FROM unnest(%s::bigint[], %s::int[], %s::text[]) AS new(pk, place, reason) "
            "WHERE id = new.pk AND state = 'queued'",
            [list(news), places, reasons],
        )
    for pk in news:
        feed.changed("migration", pk)
