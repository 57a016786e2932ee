"""The list of alerts, an alert's page, what people do with it; and the runbooks."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from datacenter import orders, rows
from datacenter.access import visible
from datacenter.alerts import runbooks
from datacenter.alerts.limits import STANDARD
from datacenter.models import Alert, AlertKind
from datacenter.orders import alerts as alert_orders
from datacenter.screens.errors import BadParameter
from datacenter.screens.listing import Column, Facet, Listing, show
from datacenter.templatetags.alerts import roots
from hosts.models import Event, Severity
from hosts.states import AlertState

LISTING = Listing(
    key="alerts",
    noun="alert",
    row_template="alerts/_row.html",
    search=("name", "sentence", "note", "acknowledged_by"),
    sort="state",
    then="rank",
    states=AlertState,
    facets=(
        Facet(key="severity", label="Severity", lookup="severity", options=lambda: list(Severity.choices)[:0:-1]),
        Facet(key="kind", label="Kind", lookup="kind", options=lambda: list(AlertKind.choices)),
    ),
    topic="alerts",
    empty="Nothing is wrong, as far as Godwit can tell. It looks every five seconds.",
    columns=(
        Column(key="severity", label="Severity", sort="rank", optional=False),
        Column(key="what", label="Alert", sort="kind", optional=False),
        Column(key="state", label="State", sort="state", optional=False, width="c-wide"),
        Column(key="by", label="Taken up by", sort="acknowledged_by", width="c-wide c-medium"),
        Column(key="raised", label="Raised", sort="raised_at", optional=False, end=True),
    ),
)
#: how long an alert is put aside, in hours
SNOOZES = ((1, "1 hour"), (4, "4 hours"), (24, "1 day"), (72, "3 days"), (168, "1 week"))
MOST_WITH_IT = 100
MOST_EVENTS = 100


@require_safe
def alerts(request: HttpRequest) -> HttpResponse:
    """Every alert that is not explained by another one; what is open first, the gravest first."""
    mine = visible(request.user, rows.alerts())
    return show(
        request, LISTING, roots(mine, visible(request.user, Alert.objects.all())), "alerts/list.html", {"tab": "alerts"}
    )


@require_safe
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    """One alert: evidence, what it explains, its runbook, its history, and what can be done with it."""
    row = _find(request, pk)
    with_it = visible(request.user, Alert.objects.filter(cause=row)).order_by("name")
    context: dict[str, Any] = {
        "alert": row,
        "with_it": with_it[:MOST_WITH_IT],
        "with_it_count": with_it.count(),
        "snoozes": SNOOZES,
        "runbook": _runbook(row.kind),
        "events": Event.changes.filter(noun="alert", row=row.pk)[:MOST_EVENTS],
        "earlier": _earlier(request, row)[:10],
    }
    return render(request, "alerts/page.html", context)


@require_POST
def alert_order(request: HttpRequest, pk: int) -> HttpResponse:
    """Acknowledge, snooze or open again, by the form’s ``verb``; leads back to the alert."""
    row = _find(request, pk)
    note = request.POST.get("note", "")
    try:
        match request.POST.get("verb"):
            case "acknowledge":
                alert_orders.acknowledge_alert(request.user, row, note=note)
                messages.success(request, "It is yours now. It ends by itself when it is over.")
            case "snooze":
                until = timezone.now() + timedelta(hours=_hours(request.POST.get("hours", "")))
                alert_orders.snooze_alert(request.user, row, until=until, note=note)
                messages.success(request, f"Put aside until {until:%Y-%m-%d %H:%M} UTC.")
            case "reopen":
                alert_orders.reopen_alert(request.user, row)
                messages.success(request, "It is open again.")
            case _:
                raise BadParameter("An alert is acknowledged, snoozed or opened again.")
    except orders.Refused as exc:
        messages.error(request, str(exc))
    return redirect("alert", pk)


@require_safe
def all_runbooks(request: HttpRequest) -> HttpResponse:
    """What there are runbooks for."""
    return render(request, "alerts/runbooks.html", {"kinds": AlertKind, "tab": "runbooks"})


@require_safe
def runbook(request: HttpRequest, kind: str) -> HttpResponse:
    """What a kind means, what Godwit does by itself, what to look at, what to do."""
    if kind not in AlertKind.values:
        raise Http404("There is no such runbook.")
    context = {
        "kind": AlertKind(kind),
        "runbook": _runbook(kind),
        "standard": STANDARD[AlertKind(kind)],
        "tab": "runbooks",
    }
    return render(request, "alerts/runbook.html", context)


def _find(request: HttpRequest, pk: int) -> Alert:
    row = visible(request.user, rows.alerts()).filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such alert.")
    return row


def _earlier(request: HttpRequest, row: Alert) -> QuerySet[Alert]:
    """The same, before."""
    same = Alert.objects.filter(kind=row.kind, subject_noun=row.subject_noun, subject_pk=row.subject_pk)
    return visible(request.user, same.exclude(pk=row.pk)).order_by("-raised_at")


def _runbook(kind: str) -> str:
    return runbooks.read(AlertKind(kind)) if kind in AlertKind.values else ""


def _hours(text: str) -> int:
    if text not in {str(hours) for hours, _ in SNOOZES}:
        raise BadParameter("It is put aside for one of the times in the list.")
    return int(text)
