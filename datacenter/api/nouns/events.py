"""Events: what happened, as a cursor. As a stream: api/stream.py."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Schema

from datacenter.api.pages import Ask, Page, page
from datacenter.api.shared import find
from datacenter.events import seen_by

router = Router(tags=["Events"])


class EventOut(Schema):
    """One thing that happened: what, because of what, who, when. Never altered."""

    id: int
    at: datetime
    kind: str
    severity: str
    noun: str
    row: int | None
    name: str
    verb: str
    field: str
    old: str
    new: str
    because: str
    before: Any
    after: Any
    actor: str
    actor_kind: str
    correlation: UUID
    number: int | None
    seal: str


class EventAsk(Ask):
    sort: Literal["at", "-at", "id", "-id"] = "-at"


@router.get("/events", response=Page[EventOut])
def list_events(request: HttpRequest, ask: Query[EventAsk]) -> Any:
    """What happened, newest first. To follow it: sort=id and the last cursor, or the stream."""
    return page(request, seen_by(request.user), ask, noun="event", sorts={"at": "at", "id": "pk"})


@router.get("/events/{int:pk}", response=EventOut)
def read_event(request: HttpRequest, pk: int) -> Any:
    """One event."""
    return find(request, seen_by(request.user), "event", pk=pk)
