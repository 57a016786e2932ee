"""One box for everything: objects by their words, pages and actions by their names; only what one may see or do.

"migrate web" and "maintenance h1" are an action and what it is done to: such lines lead to the action's own page, where
it is looked at before it is ordered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, Model, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from datacenter import access, search
from datacenter.access import Verb
from datacenter.models import MaintenancePolicy, Plan, User
from datacenter.screens.errors import BadParameter
from datacenter.screens.palette_actions import ACTIONS, PAGES, VERBS, Named
from hosts.models import VM, Cluster, DataCenter, Host, Migration, MigrationPolicy

LONGEST = 200
MOST_WORDS = 6
MOST_EACH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One result: where it leads, or which theme it sets."""

    label: str
    icon: str
    detail: str = ""
    url: str = ""
    theme: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Results of one kind."""

    label: str
    lines: list[Line]

    def rank(self, text: str) -> bool:
        """Groups in which something is called so come before those found by something else."""
        first = (text.lower().split() or [""])[0]
        return self.label != "Actions" and not any(first in line.label.lower() for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A noun that is found: its rows, by which column they are named, and how one is shown."""

    label: str
    icon: str
    noun: str  # "" where it has no vocabulary: then ``named`` alone is searched
    named: str
    rows: Callable[[], QuerySet[Any]]
    url: Callable[[Any], str]
    detail: Callable[[Any], str] = lambda row: ""
    newest: bool = False  # not by name: the newest first


SOURCES = (
    Source(
        label="VMs",
        icon="vm",
        noun="vm",
        named="name",
        rows=lambda: VM.objects.select_related("host").only("uuid", "name", "state", "host__name"),
        url=lambda vm: reverse("vm", args=[vm.uuid]),
        detail=lambda vm: f"{vm.get_state_display().lower()} on {vm.host.name}",
    ),
    Source(
        label="Hosts",
        icon="host",
        noun="host",
        named="name",
        rows=lambda: Host.objects.select_related("cluster").only("name", "state", "cluster__name"),
        url=lambda host: reverse("host", args=[host.pk]),
        detail=lambda host: f"{host.get_state_display().lower()} in {host.cluster.name}",
    ),
    Source(
        label="Clusters",
        icon="cluster",
        noun="cluster",
        named="name",
        rows=lambda: Cluster.objects.select_related("datacenter"),
        url=lambda cluster: reverse("cluster", args=[cluster.pk]),
        detail=lambda cluster: f"in {cluster.datacenter.name}",
    ),
    Source(
        label="Data centers",
        icon="datacenter",
        noun="datacenter",
        named="name",
        rows=lambda: DataCenter.objects.all(),
        url=lambda place: f"{reverse('clusters')}?datacenter={place.pk}",
    ),
    Source(
        label="Migrations",
        icon="migrate",
        noun="migration",
        named="vm__name",
        rows=lambda: Migration.objects.select_related("vm", "source", "destination").only(
            "state", "requested_at", "vm__name", "source__name", "destination__name"
        ),
        url=lambda moved: reverse("migration", args=[moved.pk]),
        detail=lambda moved: moved.get_state_display().lower(),
        newest=True,
    ),
    Source(
        label="Maintenance plans",
        icon="tool",
        noun="plan",
        named="title",
        rows=lambda: Plan.objects.only("title", "state"),
        url=lambda plan: reverse("plan", args=[plan.pk]),
        detail=lambda plan: plan.get_state_display().lower(),
        newest=True,
    ),
    Source(
        label="Maintenance policies",
        icon="tool",
        noun="",
        named="name",
        rows=lambda: MaintenancePolicy.objects.all(),
        url=lambda policy: reverse("maintenance_policy", args=[policy.pk]),
    ),
    Source(
        label="Migration policies",
        icon="tag",
        noun="",
        named="name",
        rows=lambda: MigrationPolicy.objects.all(),
        url=lambda policy: reverse("policy", args=[policy.pk]),
    ),
)


@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    """What ``?q=`` finds: a fragment for the dialog, a page without JavaScript. BadParameter."""
    text = request.GET.get("q", "").strip()
    if len(text) > LONGEST or "\x00" in text:
        raise BadParameter(f"At most {LONGEST} characters can be searched for.")
    groups = sorted((group for group in find(request.user, text) if group.lines), key=lambda group: group.rank(text))
    template = "palette/_results.html" if "HX-Request" in request.headers else "palette/page.html"
    response = render(request, template, {"groups": groups, "q": text})
    response["Vary"] = "HX-Request, Cookie"
    return response


def find(user: Any, text: str) -> Iterator[Group]:
    """Groups of results, the likeliest first; without words, where one can go."""
    words = text.lower().split()[:MOST_WORDS]
    if not words:
        yield Group(label="Pages", lines=_named(user, PAGES, []))
        yield Group(label="Actions", lines=_named(user, ACTIONS, []))
        return
    yield Group(label="Actions", lines=[*_deeds(user, words), *_named(user, ACTIONS, words)])
    yield Group(label="Pages", lines=_named(user, PAGES, words))
    for source in SOURCES:
        yield Group(label=source.label, lines=_objects(user, source, words))
    yield Group(label="Users", lines=_people(user, words))


def _objects(user: Any, source: Source, words: list[str]) -> list[Line]:
    rows = _fitting(access.visible(user, source.rows()), source, words)
    return [
        Line(label=_name(row, source), icon=source.icon, detail=source.detail(row), url=source.url(row)) for row in rows
    ]


def _fitting(rows: QuerySet[Any], source: Source, words: list[str]) -> QuerySet[Any]:
    """The few that fit best: whose name begins with the first word, then by name; or the newest."""
    for word in words:
        free = search.VOCABULARIES[source.noun].free if source.noun else None
        rows = rows.filter(free(word)) if free else rows.filter(**{f"{source.named}__icontains": word})
    if source.newest:
        return rows.order_by("-pk")[:MOST_EACH]
    first = When(**{f"{source.named}__istartswith": words[0]}, then=Value(0))
    return rows.order_by(Case(first, default=Value(1), output_field=IntegerField()), source.named, "pk")[:MOST_EACH]


def _name(row: Model, source: Source) -> str:
    return str(row.vm) if isinstance(row, Migration) else str(row)


def _named(user: Any, entries: tuple[Named, ...], words: list[str]) -> list[Line]:
    """Pages or actions whose name or other words hold every word."""
    wanted = (each for each in entries if all(word in f"{each.label} {each.words}".lower() for word in words))
    return [
        Line(label=each.label, icon=each.icon, detail=each.detail, url=url, theme=each.theme)
        for each in wanted
        if ((url := _address(each)) or each.theme) and (each.verb is None or access.can(user, each.verb))
    ]


def _address(entry: Named) -> str:
    """ "" where this installation has no such page."""
    try:
        return reverse(entry.address) if entry.address else ""
    except NoReverseMatch:
        return ""


def _deeds(user: Any, words: list[str]) -> list[Line]:
    """ "migrate web": an action, and the rest finds what it is done to."""
    found = []
    for deed in VERBS:
        if len(words) < 2 or len(words[0]) < 3 or not deed.word.startswith(words[0]):
            continue
        source = next(each for each in SOURCES if each.noun == deed.noun)
        rows = _fitting(access.visible(user, source.rows(), deed.verb), source, words[1:])
        found += [
            Line(label=f"{deed.label} {row}…", icon=deed.icon, detail=source.detail(row), url=deed.url(row))
            for row in rows
        ]
    return found


def _people(user: Any, words: list[str]) -> list[Line]:
    """Users, for who administers them."""
    if not access.can(user, Verb.ADMINISTER):
        return []
    rows = User.objects.all()
    for word in words:
        rows = rows.filter(username__icontains=word)
    return [
        Line(label=each.username, icon="user", url=reverse("user", args=[each.pk]))
        for each in rows.order_by("username")[:MOST_EACH]
    ]
