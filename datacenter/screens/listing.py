"""One component for every list: columns are data; sort, filter and page are the database's work and stand in the URL.

A parameter that does not exist, or a value that a list does not know, is a BadParameter (400 in our frame, with a
sentence); a page past the end is a 404. Nothing is silently ignored, so that a bookmark never shows the wrong rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import Case, Count, F, IntegerField, OrderBy, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from datacenter.screens.errors import BadParameter
from hosts.states import State

PER_PAGE = 50
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. ``sort`` is the ORM path that orders by it ("" cannot be sorted); ``classes`` are the cell's."""

    key: str
    label: str
    sort: str = ""
    end: bool = False  # figures: right-aligned
    ticks: bool = False  # changes every few seconds
    optional: bool = True  # a person may hide it
    shown: bool = True  # until a person says otherwise
    width: str = ""  # "c-wide": not at 760 px and below; "c-medium": not at 1180 px and below
    hint: str = ""

    @property
    def classes(self) -> str:
        return " ".join(each for each in (f"c-{self.key}", self.width, "end" if self.end else "") if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A filter by one of a few values. ``options`` gives (value, label) pairs; ``lookup`` is the ORM's."""

    key: str
    label: str
    lookup: str
    options: Callable[[], list[tuple[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a filter as a page shows it."""

    value: str
    label: str
    chosen: bool
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One column's head as a page shows it: where a click leads, and how it is sorted now ("" if it is not)."""

    column: Column
    url: str
    sorted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a list is: its columns, filters, row template. ``states`` gives the chips with counts."""

    key: str
    noun: str  # the row's name in its template
    row_template: str
    columns: tuple[Column, ...]
    search: tuple[str, ...]
    sort: str = "name"
    then: str = "name"  # the order within one state
    states: type[State] | None = None
    facets: tuple[Facet, ...] = ()
    empty: str = "Nothing here yet."
    topic: str = ""  # the coarse topic whose news make the page read its rows again
    per_page: int = PER_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A list as one request asked for it."""

    listing: Listing
    page: Page[Any]
    headers: list[Header]
    states: list[Choice]
    facets: list[tuple[Facet, list[Choice]]]
    q: str
    sort: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def is_filtered(self) -> bool:
        return any(key not in ("sort", "page") for key in self.parameters)

    @property
    def has_optional_columns(self) -> bool:
        return any(column.optional for column in self.listing.columns)

    @property
    def may_refresh(self) -> bool:
        """Whether reading it again moves no row under the pointer: not while it is sorted by a figure that ticks."""
        return not self.ticking_sort

    @property
    def ticking_sort(self) -> str:
        """The figure that ticks by which it is sorted, with "-" where the greatest stands first; "" if by another."""
        figures = {column.key: column.sort for column in self.listing.columns if column.ticks}
        name = figures.get(self.sort.removeprefix("-"), "")
        return f"-{name}" if name and self.sort.startswith("-") else name

    def address(self, **changed: str | int) -> str:
        """This list's query string with some parameters changed; a "" takes one away."""
        kept = {**self.parameters, **{key: str(value) for key, value in changed.items()}}
        return "?" + urlencode({key: value for key, value in kept.items() if value})

    @property
    def pages(self) -> list[tuple[int | str, str]]:
        """Numbers and gaps of the pager, with their addresses."""
        numbers = self.page.paginator.get_elided_page_range(self.page.number, on_each_side=2, on_ends=1)
        return [(n, self.address(page=n if n != 1 else "") if isinstance(n, int) else "") for n in numbers]

    @property
    def previous_url(self) -> str:
        number = self.page.number - 1
        return self.address(page=number if number > 1 else "") if number else ""

    @property
    def next_url(self) -> str:
        return self.address(page=self.page.number + 1) if self.page.has_next() else ""


def show(
    request: HttpRequest, listing: Listing, rows: QuerySet[Any], template: str, context: Mapping[str, Any]
) -> HttpResponse:
    """Answer with the page, or with its list alone where htmx asks for that. BadParameter, Http404."""
    shown = arrange(request, listing, rows)
    alone = "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers
    response = render(request, "list/_list.html" if alone else template, {**context, "shown": shown, "alone": alone})
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])  # or Back would show the bare list
    return response


def arrange(request: HttpRequest, listing: Listing, rows: QuerySet[Any]) -> Shown:
    """Filter, sort and page ``rows`` as the URL says."""
    parameters = _parameters(request, listing)
    sort = parameters.get("sort", listing.sort)
    order = _order(listing, sort)
    facets = [(facet, _choices(facet, parameters.get(facet.key, ""))) for facet in listing.facets]
    rows = _filtered(listing, rows, parameters)
    states = _states(listing, rows, parameters.get("state", ""))
    if wanted := parameters.get("state"):
        rows = rows.filter(state=wanted)
    shown = Shown(
        listing=listing,
        page=_page(rows.order_by(*order), parameters.get("page", "1"), listing.per_page),
        headers=[],
        states=states,
        facets=facets,
        q=parameters.get("q", ""),
        sort=sort,
        parameters=parameters,
    )
    shown.headers.extend(_header(shown, column) for column in listing.columns)
    return shown


def _parameters(request: HttpRequest, listing: Listing) -> dict[str, str]:
    """What the URL says, empty values left out. BadParameter names one that this list does not have."""
    known = {"q", "sort", "page", *(facet.key for facet in listing.facets)} | ({"state"} if listing.states else set())
    given = {key: str(value).strip() for key, value in request.GET.items()}
    for key, value in given.items():
        if key not in known:
            raise BadParameter(f"This list has no parameter “{key[:40]}”. It knows {', '.join(sorted(known))}.")
        if "\x00" in value or len(value) > LONGEST_SEARCH:
            raise BadParameter(f"The value of “{key}” is longer than {LONGEST_SEARCH} characters, or not text.")
    return {key: value for key, value in given.items() if value}


def _filtered(listing: Listing, rows: QuerySet[Any], parameters: Mapping[str, str]) -> QuerySet[Any]:
    for facet in listing.facets:
        if value := parameters.get(facet.key):
            rows = rows.filter(**{facet.lookup: value})
    for word in parameters.get("q", "").split():
        rows = rows.filter(reduce(or_, (Q(**{f"{path}__icontains": word}) for path in listing.search)))
    return rows


def _choices(facet: Facet, chosen: str) -> list[Choice]:
    options = facet.options()
    if chosen and chosen not in {value for value, _ in options}:
        raise BadParameter(f"There is no {facet.label.lower()} “{chosen[:40]}” to filter by.")
    return [Choice(value=value, label=label, chosen=value == chosen) for value, label in options]


def _states(listing: Listing, rows: QuerySet[Any], chosen: str) -> list[Choice]:
    if listing.states is None:
        return []
    if chosen and chosen not in {state.value for state in listing.states}:
        raise BadParameter(f"There is no state “{chosen[:40]}” to filter by.")
    # by primary key, since what a list annotates would become part of the GROUP BY
    counted = rows.model._default_manager.filter(pk__in=rows.order_by().values("pk")).order_by()
    counts = dict(counted.values_list("state").annotate(Count("pk")))
    return [
        Choice(value=state.value, label=state.label, chosen=state.value == chosen, count=counts.get(state.value, 0))
        for state in listing.states
        if counts.get(state.value) or state.value == chosen
    ]


def _order(listing: Listing, sort: str) -> list[Any]:
    """Unknown figures come last in both directions; the primary key breaks ties, so that pages never overlap."""
    key, down = sort.removeprefix("-"), sort.startswith("-")
    column = next((each for each in listing.columns if each.key == key and each.sort), None)
    if column is None:
        raise BadParameter(f"This list cannot be sorted by “{key[:40]}”.")
    by: Any = F(column.sort)
    if column.sort == "state" and listing.states:
        ranks = [When(state=state.value, then=Value(rank)) for rank, state in enumerate(listing.states)]
        by = Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())
    return [OrderBy(by, descending=down, nulls_last=True), *([listing.then] if column.sort == "state" else []), "pk"]


def _page(rows: QuerySet[Any], number: str, per_page: int) -> Page[Any]:
    if not (number.isascii() and number.isdigit()):
        raise BadParameter(f"“{number[:40]}” is not a page number.")
    try:
        return Paginator(rows, per_page).page(int(number[:9]))
    except EmptyPage as exc:
        raise Http404(f"This list has no page {number[:9]}.") from exc


def _header(shown: Shown, column: Column) -> Header:
    """A figure is first sorted downwards, a name upwards; a second click turns it round."""
    first, second = (f"-{column.key}", column.key) if column.end else (column.key, f"-{column.key}")
    target = second if shown.sort == first else first
    now = {column.key: "ascending", f"-{column.key}": "descending"}.get(shown.sort, "")
    return Header(column=column, url=shown.address(sort=target, page="") if column.sort else "", sorted=now)
