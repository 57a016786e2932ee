"""Numbers and seals for what was written since, in the order of writing; and the worker's round that keeps it going.

Writing an event stays one plain INSERT: it waits for nobody. What commits late gets a later number, so numbers have no
gaps. One process seals at a time, by an advisory lock of the transaction: one that froze holds nobody up for longer
than its connection lives, and can never write beside its successor.
"""

import asyncio
import logging

from django.db import DatabaseError, connection, transaction

from hosts.chain import heads, retention
from hosts.chain.heads import Head
from hosts.chain.seals import FIRST, seal_of
from hosts.models import Checkpoint, Event
from hosts.threads import blocking

log = logging.getLogger(__name__)

EVERY_S = 1.0
#: entries sealed in one transaction
MOST = 2000
LOCK = 0x60D5EA


def seal_some(most: int = MOST) -> int:
    """Seal up to ``most`` entries; how many. 0 also where another process is at it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        waiting = list(Event.objects.filter(number=None).order_by("id")[:most])
        if not waiting:
            return 0
        found = head()
        number, seal = (found.number, found.seal) if found else (0, FIRST)
        numbers, seals = [], []
        for event in waiting:
            number += 1
            seal = seal_of(event, number, seal)
            numbers.append(number)
            seals.append(seal)
        cursor.execute("SET LOCAL godwit.events = 'sealing'")
        cursor.execute(
            "UPDATE hosts_event SET number = new.number, seal = new.seal"
            " FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS new(id, number, seal)"
            " WHERE hosts_event.id = new.id",
            [[event.pk for event in waiting], numbers, seals],
        )
        cursor.execute("SET LOCAL godwit.events = ''")
    return len(waiting)


def head() -> Head | None:
    """The chain's end; where everything was cut, the place of the cut. None: nothing was ever sealed."""
    newest = Event.objects.exclude(number=None).order_by("-number").only("number", "seal").first()
    last = newest or Checkpoint.objects.order_by("-number").first()
    return Head(number=last.number or 0, seal=last.seal) if last else None


def step(keeper: heads.Keeper) -> None:
    """Seal all that waits, and write the head down."""
    while seal_some() == MOST:
        pass
    if found := head():
        keeper.keep(found)


async def keep() -> None:
    """The round of ``manage.py work``: seal each second, cut once an hour; until cancelled."""
    keeper, rounds = heads.Keeper(), 0
    while True:
        try:
            await blocking(step, keeper)
            if rounds % retention.EVERY_ROUNDS == 0:
                await blocking(retention.cut)
            rounds += 1
        except DatabaseError as exc:
            log.warning("Events could not be sealed: %s", exc, extra={"action": "events_unsealed"})
        except Exception:  # a fault of ours must not end the sealing for good
            log.exception("A round of the sealing broke.", extra={"action": "sealing_broke"})
        await asyncio.sleep(EVERY_S)
