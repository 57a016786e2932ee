"""The newest events that are worth a look."""

from datetime import datetime
from typing import Any

from datacenter.wall.scope import Scope
from hosts.models import Event
from hosts.models.event import EventKind, Severity

MOST = 30
#: who came in, and who may what, is not for a wall
_NOUNS = ("host", "vm", "migration", "operation", "doubt", "plan", "plan_host", "cluster", "datacenter", "alert")


def read(scope: Scope, now: datetime) -> dict[str, Any]:
    """``events``, newest first. One query."""
    worth = Event.objects.filter(severity__in=Severity.at_least(Severity.NOTICE), noun__in=_NOUNS)
    return {"events": list(scope.only(worth.exclude(kind=EventKind.SECURITY))[:MOST])}
