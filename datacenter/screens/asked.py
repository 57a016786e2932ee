"""What a person typed into a list's box: a query, or plain words where the noun has no vocabulary."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from datacenter import search


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with a query, cut so that a template can mark the part at fault."""

    before: str
    marked: str
    after: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A box's text as a list understands it."""

    text: str
    narrow: Callable[[QuerySet[Any]], QuerySet[Any]]
    order: tuple[Any, ...] = ()  # of ``sortby``
    sort: tuple[tuple[Any, bool], ...] = ()  # its fields, and whether downwards
    unsorted: str = ""  # the text without ``sortby``
    mistake: Mistake | None = None


def ask(noun: str, paths: tuple[str, ...], text: str) -> Asked:
    """Understand ``text``; one that makes no sense finds nothing and has a ``mistake``."""
    if noun not in search.VOCABULARIES:
        return Asked(text=text, narrow=lambda rows: _plain(rows, paths, text), unsorted=text)
    try:
        reading = search.read(noun, text)
    except search.QueryError as exc:
        return Asked(text=text, narrow=lambda rows: rows.none(), unsorted=text, mistake=mark(text, exc))
    return Asked(
        text=text,
        narrow=reading.narrow,
        order=tuple(reading.order()),
        sort=reading.sort,
        unsorted=reading.unsorted if reading.sort else text,
    )


def mark(text: str, wrong: search.QueryError) -> Mistake:
    """The text around the part at fault; without a length, its end."""
    end = wrong.position + wrong.length
    return Mistake(
        before=text[: wrong.position], marked=text[wrong.position : end], after=text[end:], sentence=wrong.sentence
    )


def refuse(request: HttpRequest, asked: Asked) -> HttpResponse:
    """For htmx: the mistake under the box; the list on the page stays as it is."""
    response = render(request, "list/_mistake.html", {"asked": asked}, status=400)
    response["HX-Retarget"] = "#filter-mistake"
    response["HX-Reswap"] = "outerHTML"
    response["HX-Push-Url"] = "false"
    return response


def _plain(rows: QuerySet[Any], paths: tuple[str, ...], text: str) -> QuerySet[Any]:
    for word in text.split() if paths else ():
        rows = rows.filter(reduce(or_, (Q(**{f"{path}__icontains": word}) for path in paths)))
    return rows
