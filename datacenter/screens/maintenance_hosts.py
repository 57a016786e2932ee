"""Maintenance and Activate for one host or many: what would happen, then a plan to look at, or the start."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from datacenter import orders
from datacenter.maintenance import orders as ordered
from datacenter.maintenance import plans
from datacenter.maintenance.terms import After, Terms
from datacenter.models import Plan, PlanHost, PlanMove
from datacenter.screens.errors import BadParameter
from datacenter.screens.maintenance_plan import lead_to
from datacenter.templatetags.plans import Lights, count_lights
from hosts.models import Host

MOST_HOSTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would happen to one host. Seconds from the start; ``blocks``: the first VMs that block."""

    host: Host
    lights: Lights
    empty_s: float | None
    blocks: list[PlanMove]


@require_http_methods(["GET", "HEAD", "POST"])
def hosts_maintenance(request: HttpRequest) -> HttpResponse:
    """The dialog for ``?host=1&host=2``; POST with ``verb``: plan (a draft to look at) or start (at once)."""
    given = request.POST if request.method == "POST" else request.GET
    hosts = _hosts(given)
    if request.method != "POST":
        return _dialog(request, hosts)
    reason, verb = given.get("reason", "").strip()[:500], given.get("verb", "")
    if verb not in ("plan", "start"):
        raise BadParameter(f"There is no order “{verb[:40]}” here.")
    try:
        if verb == "start":
            made = ordered.to_maintenance(request.user, hosts, reason, force=bool(given.get("force")))
        else:
            made = plans.make_plan(request.user, hosts, title=_title(hosts), reason=reason, terms=_terms(hosts))
    except orders.Refused as exc:
        status = 403 if isinstance(exc, orders.Forbidden) else 409
        return _dialog(request, hosts, refused=str(exc), reason=reason, status=status)
    return lead_to(request, reverse("plan", args=[made.pk]))


@require_POST
def hosts_activate(request: HttpRequest) -> HttpResponse:
    """Activate each; what is refused is said host by host, and keeps the others from nothing."""
    hosts = _hosts(request.POST)
    status, done = 200, []
    for host in hosts:
        try:
            ordered.activate(request.user, host)
            done.append(host.name)
        except orders.Refused as exc:
            status = 403 if isinstance(exc, orders.Forbidden) else 409
            messages.error(request, f"{host.name}: {exc}")
    if done:
        messages.success(request, f"Activated: {', '.join(done)}.")
    if "HX-Request" in request.headers:
        return render(request, "_messages.html", status=200 if done else status)
    return redirect("host", hosts[0].pk) if len(hosts) == 1 else redirect("hosts")


@require_POST
def host_tags(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the host the tags of the form: words with spaces or commas between."""
    host = get_object_or_404(Host, pk=pk)
    try:
        orders.tag_host(request.user, host, request.POST.get("tags", "").replace(",", " ").split())
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, "Kept. Policies that choose by tag go by it from their next window on.")
    return redirect(reverse("host", args=[pk]) + "?tab=maintenance")


def _hosts(given: QueryDict) -> list[Host]:
    """Those that were named, by name. BadParameter, Http404."""
    named = given.getlist("host")
    if not named or len(named) > MOST_HOSTS:
        raise BadParameter(f"Choose 1 to {MOST_HOSTS} hosts.")
    if not all(each.isascii() and each.isdigit() and len(each) < 10 for each in named):
        raise BadParameter("There is no such host.")
    found = list(Host.objects.select_related("cluster__datacenter").filter(pk__in=map(int, named)).order_by("name"))
    if not found:
        raise Http404("There is no such host.")
    return found


def _title(hosts: Sequence[Host]) -> str:
    return f"Maintenance of {', '.join(host.name for host in hosts)}"[:120]


def _terms(hosts: Sequence[Host]) -> Terms:
    """As Start now would do it: the hosts are emptied together and stay in maintenance."""
    return Terms(at_once=max(1, len(hosts)), skip_blocked=False, follow=After.STAY)


def _dialog(
    request: HttpRequest, hosts: Sequence[Host], *, refused: str = "", reason: str = "", status: int = 200
) -> HttpResponse:
    seen, why = foresee(request.user, hosts)
    red = sum(each.lights.red for each in seen)
    context: dict[str, Any] = {
        "hosts": hosts,
        "foreseen": seen,
        "red": red,
        "impossible": why,
        "refused": refused if refused != why else "",
        "reason": reason,
        "empty_s": max((each.empty_s for each in seen if each.empty_s is not None), default=None),
    }
    htmx = "HX-Request" in request.headers
    return render(request, "maintenance/_dialog.html" if htmx else "maintenance/dialog.html", context, status=status)


def foresee(user: Any, hosts: Sequence[Host]) -> tuple[list[Foreseen], str]:
    """A plan that is made, read and never kept; and why there can be none ("" if there can)."""
    with transaction.atomic():
        try:
            made = plans.make_plan(user, hosts, title=_title(hosts), reason="", terms=_terms(hosts))
            return _read(made), ""
        except orders.Refused as exc:
            return [], str(exc)
        finally:
            transaction.set_rollback(True)


def _read(made: Plan) -> list[Foreseen]:
    moves = PlanMove.objects.filter(plan_host__plan=made, leg=PlanMove.Leg.OUT).select_related("vm", "target")
    found = list(moves)
    return [_foreseen(row, [move for move in found if move.plan_host_id == row.pk]) for row in _seats(made)]


def _seats(made: Plan) -> list[PlanHost]:
    return list(made.hosts.select_related("host").order_by("position"))


def _foreseen(row: PlanHost, moves: list[PlanMove]) -> Foreseen:
    red = [move for move in moves if move.light == PlanMove.Light.RED]
    return Foreseen(host=row.host, lights=count_lights(moves), empty_s=row.expected_empty_s, blocks=red[:3])
