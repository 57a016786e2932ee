"""A parsed query for one noun as filters and an order of the ORM."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Case, F, Func, IntegerField, OrderBy, Q, QuerySet, TextField, Value, When

from datacenter.search.conditions import among, condition
from datacenter.search.errors import QueryError
from datacenter.search.fields import Field, Kind, Vocabulary
from datacenter.search.nouns import VOCABULARIES
from datacenter.search.parser import parse
from datacenter.search.tree import Among, And, Compare, Node, Not, Or, Query, Span, Text, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A query as it is understood of one noun."""

    query: Query
    where: Q | None
    used: tuple[Field, ...]  # those with an expression behind them
    sort: tuple[tuple[Field, bool], ...]  # field, descending

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those of ``rows`` that are wanted, in their own order."""
        rows = _with_counted(rows, self.used)
        return rows if self.where is None else rows.filter(self.where)

    def order(self) -> list[OrderBy | str]:
        """What ``sortby`` says, the primary key last; empty without one."""
        narrowed = self.where is not None
        keys = [order_by(field, descending=down, narrowed=narrowed) for field, down in self.sort]
        return [*keys, "-pk" if self.sort[0][1] else "pk"] if keys else []

    @property
    def unsorted(self) -> str:
        """The query's text without its ``sortby``."""
        return write(Query(where=self.query.where))


def read(noun: str, text: str) -> Reading:
    """What ``text`` asks of ``noun`` ("vm", "host" …). QueryError. KeyError: there is no such noun."""
    words = VOCABULARIES[noun]
    query = parse(_without_noun(noun, text))
    reader = _Reader(words)
    where = None if query.where is None else reader.condition(query.where)
    sort = tuple((reader.sortable(key.field, key.span), key.descending) for key in query.sort)
    return Reading(query=query, where=where, used=tuple(reader.used.values()), sort=sort)


def apply(noun: str, text: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    """``rows`` narrowed by ``text``, and sorted if it says ``sortby``. QueryError. KeyError: there is no such noun."""
    reading = read(noun, text)
    found = reading.narrow(rows)
    order = reading.order()
    return found.order_by(*order) if order else found


def unindexed(path: str) -> Func:
    """Text to be sorted by without its index: PostgreSQL takes "the first 50 by name" for a reason to go through the
    whole table in the order of names, row by row, looking for the few that match.
    """
    return Func(F(path), template="(%(expressions)s || '')", output_field=TextField())


def order_by(field: Field, *, descending: bool, narrowed: bool = False) -> OrderBy:
    """Unknown figures come last in both directions; states in their own order; ages the other way round."""
    by: Any = unindexed(field.sorted_by) if narrowed and field.kind is Kind.TEXT else F(field.sorted_by)
    if field.kind is Kind.WORD:
        ranks = [When(**{field.path: word}, then=Value(rank)) for rank, word in enumerate(field.words)]
        by = Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())
    down = descending is not (field.kind is Kind.AGE)
    return OrderBy(by, descending=down, nulls_last=True if field.nullable and field.kind is not Kind.WORD else None)


class _Reader:
    """Walks a tree once; remembers which expressions it needs."""

    def __init__(self, words: Vocabulary) -> None:
        self.words = words
        self.used: dict[str, Field] = {}

    def condition(self, node: Node) -> Q:
        match node:
            case Text():
                return self.words.free(node.value.text) if node.value.text else Q()
            case Compare():
                return condition(self.field(node.field, node.span), node)
            case Among():
                found = among(self.field(node.field, node.span), node.values)
                return ~found if node.negated else found
            case Not():
                return ~self.condition(node.part)
            case And():
                return reduce(and_, map(self.condition, node.parts))
            case Or():
                return reduce(or_, map(self.condition, node.parts))

    def field(self, name: str, span: Span) -> Field:
        found = self.words.find(name)
        if found is None:
            sentence = f"There is no field “{name[:40]}”: {near(name, self.words)}"
            raise QueryError(sentence, position=span.start, length=span.length)
        if found.counted:
            self.used[found.name] = found
        return found

    def sortable(self, name: str, span: Span) -> Field:
        found = self.field(name, span)
        if not found.can_sort:
            raise QueryError(f"Nothing can be sorted by {found.name}.", position=span.start, length=span.length)
        return found


def near(name: str, words: Vocabulary, *, most: int = 8) -> str:
    """The noun's fields as part of a sentence, those most like ``name`` first."""
    names = [field.name for field in words.fields]
    first = get_close_matches(name.lower()[:40], names, n=3, cutoff=0.5)
    ordered = [*first, *(each for each in names if each not in first)]
    return ", ".join(ordered[:most]) + (" …" if len(ordered) > most else ".")


def _without_noun(noun: str, text: str) -> str:
    """oVirt's "Vms: …" before a query, made blanks, so that positions stay."""
    before = text.lstrip()
    if before.lower().startswith(f"{noun}s:"):
        blank = len(text) - len(before) + len(noun) + 2
        return " " * blank + text[blank:]
    return text


def _with_counted(rows: QuerySet[Any], fields: tuple[Field, ...]) -> QuerySet[Any]:
    missing = {each.path: each.counted() for each in fields if each.counted and each.path not in rows.query.annotations}
    return rows.alias(**missing) if missing else rows


__all__ = ["Reading", "apply", "near", "order_by", "read", "unindexed"]
