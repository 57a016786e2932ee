"""What has whoever drives plans look at once instead of within a second: an order, a migration that ended.

PostgreSQL's NOTIFY: an order rings a bell of its own; what moves rings the queue's, which plans hear too.
"""

import psycopg
from django.db import connection

from hosts import feed
from hosts.livemigration.admission import CHANNEL as QUEUE
from hosts.threads import blocking

CHANNEL = "godwit_plans"


def ring() -> None:
    """After the commit. Only at an order: NOTIFY takes a lock of the whole database at commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


async def listening() -> "psycopg.AsyncConnection[tuple[object, ...]]":
    """A connection that hears both. Raises psycopg.Error."""
    parameters = await blocking(feed.link_parameters)
    link = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
    for channel in (CHANNEL, QUEUE):
        await link.execute(f"LISTEN {channel}")
    return link


async def rung(link: "psycopg.AsyncConnection[tuple[object, ...]]", seconds: float) -> None:
    """Until one rings, or so long; at once where one rang since the last call."""
    async for _ in link.notifies(timeout=seconds, stop_after=1):
        pass
