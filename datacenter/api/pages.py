"""Lists: filtered by ``q``, sorted, and read page by page with a cursor that new and vanished rows do not disturb.

A cursor says behind which row to go on, by the sorted value and the primary key; it is signed together with what was
asked for, so that it fits no other list, and nobody's cursor makes the database compare what we did not write there.
"""

import datetime
import decimal
import uuid
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db.models import F, Model, OrderBy, Q, QuerySet
from django.http import HttpRequest
from ninja import Field, Schema

from datacenter.api.problems import Problem
from datacenter.search import LONGEST, QueryError, read

M = TypeVar("M", bound=Model)
Row = TypeVar("Row")

MOST = 500
_SALT = "datacenter.api.cursor"
_LONGEST_CURSOR = 4000


class Ask(Schema):
    """What every list may be asked. Subclasses narrow ``sort``."""

    cursor: str = Field("", max_length=_LONGEST_CURSOR, description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=MOST, description="Rows of this page.")


class Filtered(Ask):
    """Of those lists that the query language knows."""

    q: str = Field("", max_length=LONGEST, description="A filter in the query language (docs/search.md).")


class Page(Schema, Generic[Row]):
    """Some rows, and where the next ones are."""

    items: list[Row]
    next: str | None = Field(None, description="The cursor of the next page; null: this is the last.")


def page(
    request: HttpRequest,
    rows: QuerySet[M],
    ask: Any,
    *,
    noun: str,
    sorts: Mapping[str, str],
    also: tuple[str, ...] = (),
) -> dict[str, Any]:
    """One page of ``rows`` as ``ask`` wants it. ``sorts``: public name -> field; ``also``: further parameters of this
    list, applied already. One query. Problem (422).
    """
    known = {*type(ask).model_fields, *also}
    if unknown := next((name for name in request.GET if name not in known), None):
        raise Problem("invalid", f"There is no parameter “{unknown[:40]}” here.", field=unknown[:40])
    q = getattr(ask, "q", "")
    rows = filtered(noun, q, rows)
    sort = getattr(ask, "sort", "")
    name, down = sort.removeprefix("-"), sort.startswith("-")
    path = sorts.get(name, "pk")
    asked = [noun, sort, q, *(f"{each}={request.GET.get(each, '')}" for each in also)]
    if ask.cursor:
        rows = rows.filter(_behind(path, down, *_opened(ask.cursor, asked)))
    ordered = rows.order_by(OrderBy(F(path), descending=down, nulls_last=True), "pk")
    found = list(ordered[: ask.limit + 1])
    more = len(found) > ask.limit
    found = found[: ask.limit]
    following = _closed(asked, _value(found[-1], path), found[-1].pk) if more else None
    return {"items": found, "next": following}


def filtered(noun: str, q: str, rows: QuerySet[M]) -> QuerySet[M]:
    """Those that the query leaves. Problem (422) with the position of the word at fault."""
    if not q.strip():
        return rows
    try:
        reading = read(noun, q)
    except QueryError as exc:
        raise Problem("invalid", exc.sentence, field="q", position=exc.position, length=exc.length) from exc
    if reading.sort:
        raise Problem("invalid", "Sort with the parameter sort: a cursor goes by it.", field="q")
    return reading.narrow(rows)


def _behind(path: str, down: bool, value: Any, pk: int) -> Q:
    """Rows after the one with ``value`` and ``pk``: unknown values last in both directions, ties by pk."""
    if value is None:
        return Q(**{f"{path}__isnull": True, "pk__gt": pk})
    further = Q(**{f"{path}__{'lt' if down else 'gt'}": value}) | Q(**{path: value, "pk__gt": pk})
    return further | Q(**{f"{path}__isnull": True})


def _value(row: Model, path: str) -> Any:
    found: Any = row
    for name in path.split("__"):
        found = None if found is None else getattr(found, name)
    return found


def _closed(asked: list[str], value: Any, pk: Any) -> str:
    return signing.dumps([asked, _written(value), pk], salt=_SALT, compress=True)


def _opened(cursor: str, asked: list[str]) -> tuple[Any, int]:
    try:
        was, value, pk = signing.loads(cursor, salt=_SALT)
    except (signing.BadSignature, ValueError) as exc:
        raise Problem("invalid", "This cursor is none of ours.", field="cursor") from exc
    if was != asked:
        raise Problem("invalid", "This cursor belongs to another list, sort or filter.", field="cursor")
    return _unwritten(value), pk


def _written(value: Any) -> list[Any]:
    """As JSON keeps it: with its kind where JSON has none of its own."""
    if isinstance(value, datetime.datetime):
        return ["at", value.isoformat()]
    if isinstance(value, uuid.UUID | decimal.Decimal):
        return ["text", str(value)]
    return ["", value]


def _unwritten(written: list[Any]) -> Any:
    kind, value = written
    return datetime.datetime.fromisoformat(value) if kind == "at" else value
