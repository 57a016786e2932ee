"""Alerts in templates: how grave, where the subject is, which are open on what a page is about."""

from typing import Any

from django import template
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datacenter.access import SYSTEM, Verb, can, visible
from datacenter.models import Alert, AlertKind, Plan
from datacenter.rows import alerts as alert_rows
from datacenter.templatetags.godwit import icon
from hosts.models import VM, Cluster, Host
from hosts.models.event import Severity
from hosts.states import AlertState

register = template.Library()

#: severity -> colour token and icon
_LOOKS = {
    Severity.CRITICAL: ("failed", "alert"),
    Severity.ERROR: ("failed", "alert"),
    Severity.WARNING: ("warning", "alert"),
    Severity.NOTICE: ("busy", "info"),
    Severity.INFO: ("off", "info"),
}
#: what pages say already, in a notice of their own
_TOLD_ON_OVERVIEW = (AlertKind.TWO_COPIES, AlertKind.COLLECTOR_SILENT)
_TOLD_ON_OBJECT = (AlertKind.HOST_SILENT, AlertKind.TWO_COPIES)
MOST_ON_OVERVIEW, MOST_ON_OBJECT = 6, 5


@register.filter
def gravity(severity: str) -> SafeString:
    """A severity as icon and word."""
    colour, name = _LOOKS[Severity(severity)]
    label = Severity(severity).label
    return format_html('<span class="state state-{}{}">{}{}</span>', colour, _grave(severity), icon(name), label)


def _grave(severity: str) -> str:
    return " grave" if severity == Severity.CRITICAL else ""


@register.simple_tag(takes_context=True)
def open_alerts(context: dict[str, Any]) -> dict[str, Any]:
    """``count`` of those that nobody has taken up, ``grave``: whether one is critical, ``whole``. One query."""
    whole, rows = _mine(context)
    ranks = list(rows.filter(state=AlertState.OPEN.value).values_list("rank", flat=True).order_by("rank")[:1000])
    return {"count": len(ranks), "grave": bool(ranks) and ranks[0] == 0, "whole": whole}


@register.simple_tag(takes_context=True)
def worst_alerts(context: dict[str, Any]) -> dict[str, Any]:
    """The gravest that are open, and how many more there are."""
    whole, rows = _mine(context)
    rows = rows.filter(state=AlertState.OPEN.value).exclude(kind__in=_TOLD_ON_OVERVIEW)
    found = list(rows.order_by("rank", "-raised_at", "-pk")[: MOST_ON_OVERVIEW + 1])
    more = rows.count() - MOST_ON_OVERVIEW if len(found) > MOST_ON_OVERVIEW else 0
    return {"rows": found[:MOST_ON_OVERVIEW], "more": more, "whole": whole}


@register.simple_tag
def alerts_of(row: VM | Host | Cluster | Plan) -> list[Alert]:
    """Those about this object that are not resolved, the gravest first; what its page tells anyway is left out."""
    rows = alert_rows().exclude(state=AlertState.RESOLVED.value).exclude(kind__in=_TOLD_ON_OBJECT)
    match row:
        case VM():
            rows = rows.filter(vm_pk=row.pk)
        case Host():
            rows = rows.filter(host_pk=row.pk, vm_pk=None)
        case Cluster():
            rows = rows.filter(cluster_pk=row.pk, host_pk=None, vm_pk=None, cause=None)
        case _:
            rows = rows.filter(subject_noun="plan", subject_pk=row.pk)
    return list(rows.order_by("rank", "-raised_at")[:MOST_ON_OBJECT])


@register.filter
def leads_to_subject(alert: Alert) -> str:
    """The page of what it is about; "" if there is none any more, or it is Godwit itself."""
    if alert.subject_noun == "vm":
        uuid = VM.objects.filter(pk=alert.subject_pk).values_list("uuid", flat=True).first()
        return reverse("vm", args=[uuid]) if uuid else ""
    if alert.subject_noun in ("host", "migration", "plan", "cluster"):
        return reverse(alert.subject_noun, args=[alert.subject_pk])
    return ""


def roots(rows: QuerySet[Alert], among: QuerySet[Alert]) -> QuerySet[Alert]:
    """Without those that another alert explains which is shown too."""
    return rows.filter(Q(cause=None) | ~Q(cause__in=among.order_by().values("pk")))


def _mine(context: dict[str, Any]) -> tuple[bool, QuerySet[Alert]]:
    """Whether it is for somebody who may see all there is (the live path paints for them), and the rows."""
    user = context.get("user")
    if user is None or can(user, Verb.VIEW, SYSTEM):
        return True, alert_rows().filter(cause=None)
    rows = visible(user, alert_rows())
    return False, roots(rows, visible(user, Alert.objects.all()))
