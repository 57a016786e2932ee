"""A plan's page: the draft, the plan that runs, and the report; and the orders a person gives there."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datacenter import orders, rows
from datacenter.maintenance import orders as ordered
from datacenter.maintenance.terms import Terms
from datacenter.models import Plan, PlanMove
from datacenter.screens.errors import BadParameter
from datacenter.screens.plan_view import moves_of, shown
from datacenter.templatetags.plans import count_lights
from hosts.states import PlanMoveState

_SAID = {
    "start": "Started.",
    "unapprove": "It is a draft again; its hosts are free.",
    "pause": "Paused: what has begun is finished, nothing new begins.",
    "resume": "It goes on.",
    "cancel": "Cancelled.",
}


@require_safe
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """One plan, whatever its state; ``?part=body`` is what htmx reads again."""
    row = find(pk)
    part = request.GET.get("part", "")
    if part not in ("", "body"):
        raise BadParameter(f"A plan has no part “{part[:40]}”.")
    return render(request, "plans/_body.html" if part else "plans/page.html", shown(row))


@require_POST
def plan_order(request: HttpRequest, pk: int) -> HttpResponse:
    """``verb``: start, unapprove, pause, resume, cancel. Answers with a line; the page follows live."""
    row, verb = find(pk), request.POST.get("verb", "")
    if verb not in _SAID:
        raise BadParameter(f"There is no order “{verb[:40]}” for a plan.")
    try:
        if verb == "cancel":
            ordered.cancel(request.user, row, stop_running=bool(request.POST.get("stop_running")))
        else:
            getattr(ordered, verb)(request.user, row)
    except orders.Refused as exc:
        return said(request, row, str(exc), refused=exc)
    return said(request, row, _SAID[verb], leads=verb in ("start", "unapprove", "resume", "cancel"))


@require_http_methods(["GET", "HEAD", "POST"])
def plan_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog: now, at a time, or when somebody starts it."""
    row = find(pk)
    if request.method != "POST":
        return _approve_dialog(request, row)
    try:
        when = request.POST.get("when", "")
        starts_at = _moment(request.POST.get("starts_at", "")) if when == "at" else None
        ordered.approve(request.user, row, version=version_of(request), starts_at=starts_at)
        if when == "now":
            ordered.start(request.user, find(pk))
    except orders.Refused as exc:
        return _approve_dialog(request, find(pk), refused=str(exc), status=403 if forbidden(exc) else 409)
    return lead_to(request, reverse("plan", args=[pk]))


@require_safe
def plan_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """The dialog that asks what becomes of what runs."""
    running = PlanMove.objects.filter(plan_host__plan=pk, state=PlanMoveState.RUNNING.value).count()
    return render(request, "plans/_cancel.html", {"plan": find(pk), "running": running})


@require_POST
def plan_skip(request: HttpRequest, pk: int, host: int) -> HttpResponse:
    """Leave a host out of a plan that runs."""
    row = find(pk)
    seat = row.hosts.select_related("host", "plan").filter(pk=host).first()
    if seat is None:
        raise Http404("This plan has no such host.")
    try:
        ordered.skip_host(request.user, seat)
    except orders.Refused as exc:
        return said(request, row, str(exc), refused=exc)
    return said(request, row, f"{seat.host.name} is skipped.")


def find(pk: int) -> Plan:
    """The plan as its fragments want it. Http404."""
    row = rows.plans().filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such plan.")
    return row


def version_of(request: HttpRequest) -> int:
    """The version of the plan that the person looked at. BadParameter."""
    text = request.POST.get("version", "")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadParameter("The form does not say for which version of the plan it was. Reload the page.")
    return int(text)


def forbidden(exc: orders.Refused) -> bool:
    return isinstance(exc, orders.Forbidden)


def said(
    request: HttpRequest, row: Plan, words: str, *, refused: orders.Refused | None = None, leads: bool = False
) -> HttpResponse:
    """A line for the toasts; ``leads``: the page is another one now, so it is opened anew."""
    status = 200 if refused is None else 403 if forbidden(refused) else 409
    messages.add_message(request, messages.ERROR if refused else messages.SUCCESS, words)
    if "HX-Request" not in request.headers:
        return redirect("plan", row.pk)
    if leads and refused is None:
        return lead_to(request, reverse("plan", args=[row.pk]))
    return render(request, "_messages.html", status=status)


def lead_to(request: HttpRequest, url: str) -> HttpResponse:
    if "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _approve_dialog(request: HttpRequest, row: Plan, *, refused: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "plan": row,
        "lights": count_lights(moves_of(row)),
        "terms": Terms.from_json(row.terms),
        "refused": refused,
        "starts_at": request.POST.get("starts_at") or timezone.now().strftime("%Y-%m-%dT%H:%M"),
    }
    return render(request, "plans/_approve.html", context, status=status)


def _moment(text: str) -> datetime:
    """ "2026-11-23T22:00", UTC. Refused with the field where it is none, or past."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as exc:
        raise orders.Refused(f"“{text[:40]}” is not a time, such as 2026-11-23T22:00.", field="starts_at") from exc
    if moment < timezone.now():
        raise orders.Refused("That time is past. Choose one to come, or “Now”.", field="starts_at")
    return moment
