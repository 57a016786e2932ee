"""The filtered events as CSV or JSON lines, streamed: a year of them must not fit into memory first."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_safe

from datacenter import audit
from datacenter.access import SYSTEM, Verb, visible
from datacenter.screens.errors import BadParameter
from datacenter.screens.event_filters import may_export, within
from datacenter.screens.events import LISTING
from datacenter.screens.listing import narrowed
from hosts.models import Event

#: columns, in this order in CSV; names as in the database
COLUMNS = (
    "number", "at", "severity", "kind", "noun", "row", "name", "verb", "field", "old", "new", "because", "actor",
    "actor_kind", "correlation", "datacenter_pk", "cluster_pk", "host_pk", "vm_pk", "before", "after", "id", "seal",
)  # fmt: skip
CHUNK = 2000
#: with one of these at its beginning a spreadsheet takes a cell for a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Chunk = Callable[[list[Event]], str]


@require_safe
def events_export(request: HttpRequest) -> StreamingHttpResponse:
    """``?format=csv`` or ``jsonl``, with the list's own filters; only what this person may audit, oldest first."""
    if not may_export(request.user):
        audit.record(request.user, "export_events", SYSTEM, detail="Not permitted.", refused=True)
        raise PermissionDenied("Who exports events must be allowed to audit.")
    asked = request.GET.copy()
    form = (asked.pop("format", None) or [""])[-1]
    if form not in _FORMS:
        raise BadParameter("Events are exported as csv or jsonl.")
    rows = narrowed(asked, LISTING, within(visible(request.user, Event.objects.all(), Verb.AUDIT), asked))
    audit.record(request.user, "export_events", SYSTEM, detail=f"{form}: {asked.urlencode() or 'the last 24 hours'}")
    kind, head, chunk = _FORMS[form]
    answer = StreamingHttpResponse(_stream(rows, head, chunk), content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="godwit-events.{form}"'
    answer["Cache-Control"] = "no-store"
    return answer


async def _stream(rows: QuerySet[Event], head: str, chunk: Chunk) -> AsyncIterator[str]:
    """Piece by piece by primary key: no cursor is held open, whatever time the reader takes."""
    if head:
        yield head
    last = 0
    while read := await sync_to_async(_read)(rows, last):
        last = read[-1].pk
        yield await sync_to_async(chunk, thread_sensitive=False)(read)


def _read(rows: QuerySet[Event], after: int) -> list[Event]:
    return list(rows.filter(pk__gt=after).order_by("pk")[:CHUNK])


def _csv(rows: list[Event]) -> str:
    return _lines([[_cell(getattr(row, name)) for name in COLUMNS] for row in rows])


def _lines(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    """As text that no spreadsheet takes for a formula: names and reasons come from guests, hosts and people."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    text = _plain(value)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, int) else text


def _jsonl(rows: list[Event]) -> str:
    said = ({name: getattr(row, name) for name in COLUMNS} for row in rows)
    return "".join(json.dumps(each, ensure_ascii=False, default=_plain) + "\n" for each in said)


def _plain(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


_FORMS: dict[str, tuple[str, str, Chunk]] = {
    "csv": ("text/csv; charset=utf-8", _lines([list(COLUMNS)]), _csv),
    "jsonl": ("application/x-ndjson; charset=utf-8", "", _jsonl),
}
