"""Rules over events: the table is read on from where it was read to, in the order of its chain; none is left out."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from datacenter.access import SYSTEM, Verb, can
from datacenter.models import NotificationCursor, NotificationRule
from datacenter.notify import announce
from hosts.models import Event

CURSOR = "events"
#: of one round; after a long silence the rest waits for the next
MOST = 1000


def look(now: datetime) -> int:
    """Read on. How many events were read. An event has its number a moment after its commit; none has one before it."""
    with transaction.atomic():
        cursor, made = NotificationCursor.objects.select_for_update().get_or_create(name=CURSOR)
        if made or not announce.rules(NotificationRule.About.EVENTS):
            # nobody asks: what happened before a rule was made is not told of
            newest = Event.objects.aggregate(newest=Max("number"))["newest"] or 0
            NotificationCursor.objects.filter(pk=cursor.pk).update(number=newest)
            return 0
        rows = list(Event.objects.filter(number__gt=cursor.number).order_by("number")[:MOST])
        if rows:
            announce.events(rows, may=_may, now=now)
            NotificationCursor.objects.filter(pk=cursor.pk).update(number=rows[-1].number)
    return len(rows)


def _may(user: Any, event: Event) -> bool:
    """Whether the owner of a rule may see it: by where it happened; what belongs to no object, auditors may."""
    placed = any((event.datacenter_pk, event.cluster_pk, event.host_pk, event.vm_pk))
    return can(user, Verb.VIEW, event) if placed else can(user, Verb.AUDIT, SYSTEM)
