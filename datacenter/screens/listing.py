"""One component for every list: columns are data; sort, filter and page are the database's work and stand in the URL.

A parameter that does not exist, or a value that a list does not know, is a BadParameter (400 in our frame, with a
sentence); a page past the end is a 404. Nothing is silently ignored, so that a bookmark never shows the wrong rows.
Where the noun has a vocabulary (datacenter/search) its box takes queries; a mistake in one is shown under the box.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import EmptyPage, Page, Paginator
from django.db.models import Case, CharField, Count, F, IntegerField, OrderBy, Q, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from datacenter import search
from datacenter.screens.asked import Asked, ask, refuse
from datacenter.screens.errors import BadParameter
from hosts.states import State

PER_PAGE = 50
LONGEST_VALUE = 200


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
    """A filter by one of a few values. ``options`` gives (value, label) pairs; ``lookup`` is the ORM's, or makes a Q.

    ``unset``: what it says while nothing is chosen. Without ``options`` it stands in links only, with any value that
    ``lookup`` takes (else it raises BadParameter).
    """

    key: str
    label: str
    lookup: str | Callable[[str], Q]
    options: Callable[[], list[tuple[str, str]]] | None
    unset: str = ""


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
    """What a list is: its columns, filters, row template. ``states`` gives the chips with counts.

    ``search``: where plain words are looked for, of a noun without a vocabulary of its own.
    """

    key: str
    noun: str  # the row's name in its template
    row_template: str
    columns: tuple[Column, ...]
    search: tuple[str, ...] = ()
    sort: str = "name"
    then: str = "name"  # the order within one state
    states: type[State] | None = None
    facets: tuple[Facet, ...] = ()
    empty: str = "Nothing here yet."
    topic: str = ""  # the coarse topic whose news make the page read its rows again
    per_page: int = PER_PAGE
    most: int = 0  # of a table without end no more rows than this are counted and paged through; 0: all

    @property
    def takes_queries(self) -> bool:
        return self.noun in search.VOCABULARIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A list as one request asked for it."""

    listing: Listing
    page: Page[Any]
    headers: list[Header]
    states: list[Choice]
    facets: list[tuple[Facet, list[Choice]]]
    asked: Asked
    sort: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def q(self) -> str:
        return self.asked.text

    @property
    def is_filtered(self) -> bool:
        return any(key not in ("sort", "page", "columns") for key in self.parameters)

    @property
    def columns(self) -> list[tuple[Column, bool]]:
        """Every column, and whether it is shown: as the address says, else as the list does."""
        wanted = self.parameters.get("columns", "").split()
        return [(each, each.key in wanted if wanted and each.optional else each.shown) for each in self.listing.columns]

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
    alone = "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers
    shown = arrange(request, listing, rows, alone=alone)
    if alone and shown.asked.mistake:
        return refuse(request, shown.asked)
    status = 400 if shown.asked.mistake else 200
    given = {**context, "shown": shown, "asked": shown.asked, "alone": alone}
    response = render(request, "list/_list.html" if alone else template, given, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-History-Restore-Request"])  # or Back would show the bare list
    return response


def arrange(request: HttpRequest, listing: Listing, rows: QuerySet[Any], *, alone: bool = False) -> Shown:
    """Filter, sort and page ``rows`` as the URL says. A query that makes no sense finds nothing, and says why.

    ``alone``: the page has its toolbar; only what was chosen there is looked at.
    """
    parameters = _parameters(request.GET, listing)
    asked = ask(listing.noun, listing.search, parameters.get("q", ""))
    sort = _sorted_as(listing, asked) or parameters.get("sort", listing.sort)
    wanted_facets = [each for each in listing.facets if not alone or each.key in parameters]
    facets = [(facet, _choices(facet, parameters.get(facet.key, ""))) for facet in wanted_facets]
    found = asked.narrow(_filtered(listing, rows, parameters))
    states = _states(listing, found, parameters.get("state", ""))
    if wanted := parameters.get("state"):
        found = found.filter(state=wanted)
    narrowed_down = bool(parameters.keys() - {"sort", "page", "columns"})
    order = asked.order or _order(listing, sort, rows, narrowed_down=narrowed_down)
    count = _count(states, wanted or "") if listing.states else None
    if listing.most:
        count = found.order_by()[: listing.most].count()
    shown = Shown(
        listing=listing,
        page=_page(found.order_by(*order), parameters.get("page", "1"), listing.per_page, rows=rows, count=count),
        headers=[],
        states=states,
        facets=facets,
        asked=asked,
        sort=sort,
        parameters=parameters,
    )
    shown.headers.extend(_header(shown, column) for column in listing.columns)
    return shown


def narrowed(asked: Mapping[str, str], listing: Listing, rows: QuerySet[Any]) -> QuerySet[Any]:
    """``rows`` as a list shows them with these parameters, unsorted and in one piece: for exports. BadParameter."""
    parameters = _parameters(asked, listing)
    for facet in listing.facets:
        _choices(facet, parameters.get(facet.key, ""))
    found = ask(listing.noun, listing.search, parameters.get("q", ""))
    if found.mistake:
        raise BadParameter(found.mistake.sentence)
    rows = found.narrow(_filtered(listing, rows, parameters))
    _states_known(listing, parameters.get("state", ""))
    return rows.filter(state=parameters["state"]) if parameters.get("state") else rows


def _parameters(asked: Mapping[str, str], listing: Listing) -> dict[str, str]:
    """What the URL says, empty values left out. BadParameter names one that this list does not have."""
    known = {"q", "sort", "page", "columns", *(facet.key for facet in listing.facets)}
    known |= {"state"} if listing.states else set()
    given = {key: str(value).strip() for key, value in asked.items()}
    for key, value in given.items():
        if key not in known:
            raise BadParameter(f"This list has no parameter “{key[:40]}”. It knows {', '.join(sorted(known))}.")
        most = search.LONGEST if key == "q" else LONGEST_VALUE
        if "\x00" in value or len(value) > most:
            raise BadParameter(f"The value of “{key}” is longer than {most} characters, or not text.")
    optional = {column.key for column in listing.columns if column.optional}
    if bad := next((key for key in given.get("columns", "").split() if key not in optional | {"none"}), None):
        raise BadParameter(f"This list has no column “{bad[:40]}” to choose.")
    return {key: value for key, value in given.items() if value}


def _filtered(listing: Listing, rows: QuerySet[Any], parameters: Mapping[str, str]) -> QuerySet[Any]:
    for facet in listing.facets:
        if value := parameters.get(facet.key):
            rows = rows.filter(facet.lookup(value) if callable(facet.lookup) else Q(**{facet.lookup: value}))
    return rows


def _choices(facet: Facet, chosen: str) -> list[Choice]:
    if facet.options is None:
        return [Choice(value=chosen, label=facet.label, chosen=True)] if chosen else []
    options = facet.options()
    if chosen and chosen not in {value for value, _ in options}:
        raise BadParameter(f"There is no {facet.label.lower()} “{chosen[:40]}” to filter by.")
    return [Choice(value=value, label=label, chosen=value == chosen) for value, label in options]


def _states(listing: Listing, rows: QuerySet[Any], chosen: str) -> list[Choice]:
    if listing.states is None:
        return []
    _states_known(listing, chosen)
    counted = rows.order_by()
    if rows.query.annotation_select or rows.query.distinct:  # would become part of the GROUP BY
        counted = rows.model._default_manager.filter(pk__in=counted.values("pk")).order_by()
    counts = dict(counted.values_list("state").annotate(count=Count("*")))  # of an index alone, where it may be
    return [
        Choice(value=state.value, label=state.label, chosen=state.value == chosen, count=counts.get(state.value, 0))
        for state in listing.states
        if counts.get(state.value) or state.value == chosen
    ]


def _states_known(listing: Listing, chosen: str) -> None:
    if chosen and chosen not in {state.value for state in listing.states or ()}:
        raise BadParameter(f"There is no state “{chosen[:40]}” to filter by.")


def _count(states: list[Choice], chosen: str) -> int:
    """How many rows there are, from the counts of the chips: the table is read once for both."""
    return sum(each.count or 0 for each in states if each.value == chosen or not chosen)


def _sorted_as(listing: Listing, asked: Asked) -> str:
    """The column by which the query's ``sortby`` sorts, "-" before it when downwards; "" without one."""
    if not asked.sort:
        return ""
    field, descending = asked.sort[0]
    column = next((each for each in listing.columns if each.sort and each.sort == field.sorted_by), None)
    return ("-" if descending else "") + (column.key if column else field.name)


def _order(listing: Listing, sort: str, rows: QuerySet[Any], *, narrowed_down: bool) -> list[Any]:
    """Unknown figures come last in both directions; the primary key breaks ties, so that pages never overlap."""
    key, down = sort.removeprefix("-"), sort.startswith("-")
    column = next((each for each in listing.columns if each.key == key and each.sort), None)
    if column is None:
        raise BadParameter(f"This list cannot be sorted by “{key[:40]}”.")
    if column.sort == "state" and listing.states:
        ranks = [When(state=state.value, then=Value(rank)) for rank, state in enumerate(listing.states)]
        by = Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())
        return [OrderBy(by, descending=down), listing.then, "pk"]
    if _may_be_unknown(rows, column.sort):
        return [OrderBy(F(column.sort), descending=down, nulls_last=True), "pk"]
    text = isinstance(rows.model._meta.get_field(column.sort), CharField)
    name = search.unindexed(column.sort) if narrowed_down and text else F(column.sort)
    return [OrderBy(name, descending=down), "-pk" if down else "pk"]  # one index, read from either end


def _may_be_unknown(rows: QuerySet[Any], path: str) -> bool:
    return path not in {field.name for field in rows.model._meta.fields if not field.null}


def _page(
    found: QuerySet[Any], number: str, per_page: int, *, rows: QuerySet[Any], count: int | None = None
) -> Page[Any]:
    """One page of ``found``. With a ``count``, a long list: its keys are sorted alone, and only a page of ``rows`` is
    read with all that its templates touch.
    """
    if not (number.isascii() and number.isdigit()):
        raise BadParameter(f"“{number[:40]}” is not a page number.")
    paginator = Paginator(found if count is None else found.values_list("pk", flat=True), per_page)
    if count is not None:
        paginator.count = count
    try:
        page = paginator.page(int(number[:9]))
    except EmptyPage as exc:
        raise Http404(f"This list has no page {number[:9]}.") from exc
    if count is not None:
        keys = list(page.object_list)
        whole = {row.pk: row for row in rows.filter(pk__in=keys)}
        page.object_list = [whole[key] for key in keys if key in whole]
    return page


def _header(shown: Shown, column: Column) -> Header:
    """A figure is first sorted downwards, a name upwards; a second click turns it round."""
    first, second = (f"-{column.key}", column.key) if column.end else (column.key, f"-{column.key}")
    target = second if shown.sort == first else first
    now = {column.key: "ascending", f"-{column.key}": "descending"}.get(shown.sort, "")
    url = shown.address(sort=target, page="", q=shown.asked.unsorted) if column.sort else ""
    return Header(column=column, url=url, sorted=now)
