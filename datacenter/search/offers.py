"""Values of fields as the database has them, for completion: few, and only of rows that the person may see."""

from collections.abc import Callable
from typing import Any

from django.db.models import F, Func, QuerySet

from datacenter.search.fields import Field, Kind
from datacenter.search.lookups import pattern

MOST = 10
Visible = Callable[[QuerySet[Any]], QuerySet[Any]]


def offered(field: Field, typed: str, *, visible: Visible) -> list[str]:
    """At most ``MOST`` values of the field that begin with ``typed``; then those that hold it. One or two queries."""
    if field.offer is None:
        return []
    rows = visible(field.offer.model._default_manager.all()).order_by()
    if field.kind is Kind.TAGS:
        return _tags(rows, field.offer.column, typed)
    found = _names(rows, field.offer.column, f"{pattern(typed, stars=False)}%")
    if len(found) < MOST and len(typed) > 1:
        found += [
            each for each in _names(rows, field.offer.column, f"%{pattern(typed, stars=False)}%") if each not in found
        ]
    return found[:MOST]


def _names(rows: QuerySet[Any], column: str, wanted: str) -> list[str]:
    named = rows.filter(**{f"{column}__wild": wanted}).values_list(column, flat=True)
    return list(named.distinct().order_by(column)[:MOST])


def _tags(rows: QuerySet[Any], column: str, typed: str) -> list[str]:
    wanted = f"{pattern(typed, stars=False)}%"
    tagged = rows.filter(**{f"{column}__any_wild": wanted})
    every = tagged.annotate(one_tag=Func(F(column), function="unnest")).values_list("one_tag", flat=True).distinct()
    return sorted(tag for tag in every[:500] if tag.lower().startswith(typed.lower()))[:MOST]
