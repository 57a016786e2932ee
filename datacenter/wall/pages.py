"""Walls, for administrators: which displays there are, which screens are alive and since when; make, arrange, end."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders
from datacenter.access import Verb, can
from datacenter.live.version import version
from datacenter.models import Display
from datacenter.wall import given
from datacenter.wall.form import DisplayForm, scopes_of, typed
from datacenter.wall.links import ended
from datacenter.wall.page import stage
from datacenter.wall.scenes import SCENES
from datacenter.wall.scope import Scope
from datacenter.wall.screens import ALIVE, ticket

_MOST_SCREENS = 50


@require_safe
def displays(request: HttpRequest) -> HttpResponse:
    """Every display that this person may see, with its screens. Three queries, and one a scope."""
    _may_at_all(request)
    now = timezone.now()
    rows = Display.objects.prefetch_related("screens").order_by("name")
    shown = [_told(display, now) for display in given.of(request.user, rows)]
    return render(request, "displays/list.html", {"displays": shown, "version": version()})


@require_safe
def display(request: HttpRequest, pk: int) -> HttpResponse:
    """One display: its screens, its rotation, what may be done with it."""
    row = _find(request, pk, "see_display")
    screens = list(row.screens.all()[:_MOST_SCREENS])
    scenes = [(SCENES[key].label, seconds) for key, seconds in row.scenes if key in SCENES]
    context = {**_told(row, timezone.now()), "screens": screens, "scenes": scenes, "version": version()}
    return render(request, "displays/page.html", context | {"alive_since": timezone.now() - ALIVE})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def display_new(request: HttpRequest) -> HttpResponse:
    """A new display. Its link is shown once, in the answer."""
    _may_at_all(request)
    return _edit(request, None)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def display_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Its name, scope, scenes and rotation."""
    return _edit(request, _find(request, pk, "change_display"))


@never_cache
@require_POST
def display_link(request: HttpRequest, pk: int) -> HttpResponse:
    """A new link; the old one opens nothing any more."""
    row = _find(request, pk, "replace_link")
    return _with_link(request, row, given.replace_link(request.user, row))


@require_POST
def display_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End it: its walls say so and stop."""
    row = _find(request, pk, "end_display")
    given.end(request.user, row)
    messages.success(request, f"{row} has ended. Its screens say so within two seconds.")
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": reverse("displays")})
    return redirect("displays")


@never_cache
@require_safe
def display_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The wall as it looks, by a ticket that is good for an hour; nobody counts it as a screen."""
    row = _find(request, pk, "preview_display")
    return HttpResponse(stage(row, link=ticket(row), preview=True))


def _edit(request: HttpRequest, row: Display | None) -> HttpResponse:
    form = DisplayForm(request.POST or None, initial=typed(row or Display()))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        fields = {name: said[name] for name in ("name", "theme", "comes_forward", "scenes")}
        fields |= {"scope": said["scope"], "expires_at": said["good_until"]}
        try:
            if row is None:
                return _with_link(request, *given.make(request.user, **fields))
            given.change(request.user, row, **fields)
        except orders.Refused as exc:
            form.add_error(exc.field if exc.field in form.fields else None, str(exc))
        else:
            messages.success(request, "Saved. Its screens follow within two seconds.")
            return redirect("display", row.pk)
    context = {"form": form, "display": row, "scopes": scopes_of(request.user)}
    return render(request, "displays/edit.html", context, status=422 if form.is_bound else 200)


def _with_link(request: HttpRequest, row: Display, link: str) -> HttpResponse:
    address = request.build_absolute_uri(reverse("wall", args=[link]))
    return render(request, "displays/link.html", {"display": row, "address": address})


def _told(row: Display, now: datetime) -> dict[str, Any]:
    """A row as the list and the page show it."""
    seen = list(row.screens.all())
    alive = [screen for screen in seen if screen.seen_at > now - ALIVE]
    why = ended(row, now)
    return {
        "display": row,
        "where": Scope.of(row).words,
        "ended": why,
        "alive": [] if why else alive,
        "since": min((screen.opened_at for screen in alive), default=None),
        "last": max((screen.seen_at for screen in seen), default=None),
        "from": sorted({screen.address for screen in alive}),
        "old": any(screen.version != version() for screen in alive),
    }


def _find(request: HttpRequest, pk: int, order: str) -> Display:
    row = get_object_or_404(Display, pk=pk)
    try:
        given.require(request.user, row, order)
    except orders.Forbidden as exc:
        raise PermissionDenied(str(exc)) from exc
    return row


def _may_at_all(request: HttpRequest) -> None:
    if not can(request.user, Verb.DISPLAY):
        raise PermissionDenied("Displays are given out by administrators. Ask one for a link, or for the role.")
