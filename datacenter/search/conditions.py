"""One comparison as a condition on the database: by the kind of its field. QueryError where the value is none."""

from collections.abc import Callable
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import F, Func, Q
from django.utils import timezone

from datacenter.search import values
from datacenter.search.errors import QueryError
from datacenter.search.fields import Field, Kind
from datacenter.search.lookups import pattern
from datacenter.search.tree import Compare, Value

MOST_STARS = 4
_NEGATED = {"!=": "=", "!~": "~"}
_LOOKUPS = {"=": "exact", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def condition(field: Field, compare: Compare) -> Q:
    """``compare`` as a condition on rows of the field's noun."""
    about_nothing = compare.value.is_none and compare.operator in ("=", "!=")
    if compare.operator not in field.kind.operators and not about_nothing:
        known = " ".join(field.kind.operators)
        where = compare.operator_span
        raise QueryError(
            f"“{compare.operator}” does not go with {field.name}, which has {known}.",
            position=where.start,
            length=where.length,
        )
    if positive := _NEGATED.get(compare.operator):
        return ~_one(field, positive, compare.value)
    return _one(field, compare.operator, compare.value)


def among(field: Field, given: tuple[Value, ...]) -> Q:
    """Any of the values."""
    return reduce(or_, (_one(field, "=", value) for value in given))


def _one(field: Field, operator: str, value: Value) -> Q:
    if value.text.count("*") > MOST_STARS and not value.quoted:
        raise _no(value, f"A value has at most {MOST_STARS} of “*”.")
    made = _nothing(field, value) if value.is_none and operator == "=" else _KINDS[field.kind](field, operator, value)
    return field.within(made) if field.within else made


def _nothing(field: Field, value: Value) -> Q:
    """``= none``: not set, not known."""
    if field.kind is Kind.TAGS:
        return Q(**{field.path: []})
    missing = Q(**{f"{field.path}__isnull": True})
    return missing | Q(**{field.path: ""}) if field.kind is Kind.TEXT else missing


def _text(field: Field, operator: str, value: Value) -> Q:
    wanted = pattern(value.text, stars=not value.quoted)
    return Q(**{f"{field.path}__wild": f"%{wanted}%" if operator == "~" else wanted})


def _uuid(field: Field, operator: str, value: Value) -> Q:
    """Whole, or its beginning: both are found by the index; ``~`` reads every row."""
    given = value.text.strip("*") if not value.quoted else value.text
    if operator == "~":
        return Q(**{f"{field.path}__icontains": given})
    if (bounds := uuid_range(given)) is None or (len(bounds) == 2 and not value.text.endswith("*")):
        raise _no(value, f"“{value.text[:40]}” is no UUID, nor the beginning of one with “*”.")
    return Q(**{f"{field.path}__range": bounds}) if len(bounds) == 2 else Q(**{field.path: bounds[0]})


def uuid_range(text: str) -> tuple[UUID, ...] | None:
    """The UUID itself, or the first and last that begin with ``text``; None: it is no beginning of one."""
    digits = text.replace("-", "").lower()
    if not digits or len(digits) > 32 or any(each not in "0123456789abcdef" for each in digits):
        return None
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    return (first,) if first == last else (first, last)


def _word(field: Field, operator: str, value: Value) -> Q:
    wanted = values.plain(value.text)
    if not value.quoted and wanted in field.special:
        return field.special[wanted]()
    found = [
        each
        for each, label in field.words.items()
        if values.like(values.plain(each), wanted) or values.like(values.plain(label), wanted)
    ]
    if not found:
        known = ", ".join([*field.words, *field.special])
        raise _no(value, f"There is no {field.name} “{value.text[:40]}”: {known}.")
    return Q(**{f"{field.path}__in": found})


def _tags(field: Field, operator: str, value: Value) -> Q:
    """A whole tag, as it is written, by the array's index. With stars or ``~``, in any case, the tags that there are
    are looked up first: one query.
    """
    if operator == "=" and (value.quoted or "*" not in value.text):
        return Q(**{f"{field.path}__contains": [value.text]})
    assert field.offer, "tags are offered"
    rows = field.offer.model._default_manager.order_by().annotate(one_tag=Func(F(field.path), function="unnest"))
    every = rows.values_list("one_tag", flat=True).distinct()
    part = value.text.lower()
    if value.quoted:  # of "~": literally
        found = [tag for tag in every if part in tag.lower()]
    else:
        found = [tag for tag in every if values.like(tag.lower(), f"*{part}*" if operator == "~" else part)]
    return Q(**{f"{field.path}__overlap": found}) if found else Q(pk__in=[])


def _flag(field: Field, operator: str, value: Value) -> Q:
    wanted = values.flag(value.text)
    if wanted is None:
        raise _no(value, f"{field.name} is yes or no.")
    return Q(**{field.path: wanted})


def _figure(read: Callable[[str], float | int | None], what: str) -> Callable[[Field, str, Value], Q]:
    def build(field: Field, operator: str, value: Value) -> Q:
        wanted = read(value.text)
        if wanted is None:
            raise _no(value, f"“{value.text[:40]}” is no {what}, such as {field.kind.example}.")
        return Q(**{f"{field.path}__{_LOOKUPS[operator]}": wanted})

    return build


def _milliseconds(text: str) -> float | None:
    seconds = values.span(text)
    return None if seconds is None else seconds * 1000


def _age(field: Field, operator: str, value: Value) -> Q:
    seconds = values.span(value.text)
    if seconds is None:
        raise _no(value, f"“{value.text[:40]}” is no length of time, such as 3d, 12h, 1d12h.")
    turned = {"<": "gt", "<=": "gte", ">": "lt", ">=": "lte"}[operator]
    return Q(**{f"{field.path}__{turned}": timezone.now() - timedelta(seconds=seconds)})


def _time(field: Field, operator: str, value: Value) -> Q:
    when = values.moment(value.text, now=timezone.now(), zone=timezone.get_current_timezone())
    if when is None:
        said = f"“{value.text[:40]}” is no time: 2026-11-23, “2026-11-23 14:30”, today, yesterday, -2h."
        raise _no(value, said)
    path = field.path
    bounds: dict[str, dict[str, Any]] = {
        "=": {f"{path}__gte": when.start, f"{path}__lt": when.end},
        "<": {f"{path}__lt": when.start},
        "<=": {f"{path}__lt": when.end},
        ">": {f"{path}__gte": when.end},
        ">=": {f"{path}__gte": when.start},
    }
    return Q(**bounds[operator])


def _no(value: Value, sentence: str) -> QueryError:
    return QueryError(sentence, position=value.span.start, length=value.span.length)


_KINDS: dict[Kind, Callable[[Field, str, Value], Q]] = {
    Kind.TEXT: _text,
    Kind.UUID: _uuid,
    Kind.WORD: _word,
    Kind.TAGS: _tags,
    Kind.FLAG: _flag,
    Kind.NUMBER: _figure(values.whole, "whole number"),
    Kind.PERCENT: _figure(values.percent, "number"),
    Kind.SIZE: _figure(values.size, "size"),
    Kind.RATE: _figure(values.size, "rate"),
    Kind.PAUSE: _figure(_milliseconds, "length of time"),
    Kind.SPAN: _figure(values.span, "length of time"),
    Kind.AGE: _age,
    Kind.TIME: _time,
}
