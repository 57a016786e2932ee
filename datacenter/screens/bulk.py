"""Many VMs at once: the preview, the order, and the page that shows how far it has come."""

from typing import Any
from urllib.parse import parse_qsl

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from datacenter import access, orders
from datacenter.models import BulkItem, BulkOrder
from datacenter.orders import bulk
from datacenter.screens.errors import BadParameter
from datacenter.screens.listing import narrowed
from datacenter.screens.vms import LISTING
from hosts.models import VM
from hosts.states import OPEN_MIGRATION, OperationState

#: of each reason, and of each outcome, no more VMs than these are named
MOST_NAMED = 12
MOST_SHOWN = 200
Action = BulkOrder.Action


@require_POST
def vms_bulk(request: HttpRequest) -> HttpResponse:
    """What would become of the chosen VMs; with ``sure``, the order for them, which leads to its page."""
    given = request.POST.get("action", "")
    if given not in Action.values:
        raise BadParameter(f"There is no action “{given[:40]}” for many VMs.")
    action, query = Action(given), request.POST.get("query", "") if request.POST.get("all") == "1" else ""
    tags = request.POST.get("tags", "").replace(",", " ").split()
    context: dict[str, Any] = {"action": action, "query": query, "tags": " ".join(tags), "all": request.POST.get("all")}
    context["picked"] = [] if context["all"] == "1" else request.POST.getlist("vm")
    asks_tags = action in (Action.TAG, Action.UNTAG) and not tags
    try:
        chosen = _chosen(request, query)
        if asks_tags:
            return render(request, _template(request), {**context, "asks_tags": True, "count": chosen.count()})
        judged = bulk.preview(request.user, action, chosen, tags=tags)
        if request.POST.get("sure") == "1":
            return _ordered(request, bulk.order(request.user, judged, query=query, tags=tags))
    except orders.Refused as exc:
        return render(request, _template(request), {**context, "refused": str(exc), "asks_tags": asks_tags}, status=409)
    left = [(each.reason, len(each.vms), each.vms[:MOST_NAMED]) for each in judged.left]
    return render(
        request, _template(request), {**context, "judged": judged, "left": left, "named": judged.will[:MOST_NAMED]}
    )


def _template(request: HttpRequest) -> str:
    return "bulk/_preview.html" if "HX-Request" in request.headers else "bulk/preview.html"


def _chosen(request: HttpRequest, query: str) -> QuerySet[VM]:
    """The VMs that were picked, or all that the list's parameters find; only those that one may see."""
    seen = access.visible(request.user, VM.objects.all())
    if request.POST.get("all") == "1":
        asked = {key: value for key, value in parse_qsl(query.removeprefix("?")) if key not in ("page", "sort")}
        return narrowed(asked, LISTING, seen).order_by("name", "pk")
    picked = request.POST.getlist("vm")
    if len(picked) > bulk.MOST or not all(each.isascii() and each.isdigit() and len(each) < 16 for each in picked):
        raise BadParameter("This is no choice of VMs.")
    return seen.filter(pk__in=[int(each) for each in picked]).order_by("name", "pk")


def _ordered(request: HttpRequest, row: BulkOrder) -> HttpResponse:
    address = reverse("bulk_order", args=[row.pk])
    if "HX-Request" not in request.headers:
        return redirect(address)
    return HttpResponse(status=204, headers={"HX-Redirect": address})


@require_safe
def bulk_orders(request: HttpRequest) -> HttpResponse:
    """The newest bulk orders: one's own, or all for who may look into what others did."""
    found = [(row, bulk.progress(row)) for row in bulk.seen_by(request.user)[:50]]
    return render(request, "bulk/list.html", {"found": found})


@require_safe
def bulk_order(request: HttpRequest, pk: int) -> HttpResponse:
    """How far one order has come, and what became of each VM. Read again every two seconds while anything goes on."""
    row = get_object_or_404(bulk.seen_by(request.user).select_related("destination"), pk=pk)
    items = row.items.select_related("vm", "operation", "migration")
    unsettled = items.filter(state=BulkItem.State.ORDERED)
    moving = unsettled.filter(migration__state__in=OPEN_MIGRATION).count()
    working = unsettled.filter(operation__state__in=(OperationState.QUEUED, OperationState.RUNNING)).count()
    done = bulk.progress(row)
    groups = [
        (label, items.filter(state=state)[:MOST_SHOWN], number)
        for label, state, number in _by_outcome(row, done)
        if number
    ]
    context = {"order": row, "progress": done, "under_way": moving + working, "groups": groups}
    alone = "HX-Request" in request.headers
    return render(request, "bulk/_progress.html" if alone else "bulk/page.html", context)


def _by_outcome(row: BulkOrder, done: bulk.Progress) -> list[tuple[str, str, int]]:
    """Tags are given at once; what is ordered of power and migrations is told by their own rows."""
    state = BulkItem.State
    return [
        ("Refused or left alone", state.REFUSED, done.refused),
        ("Done" if row.action in (Action.TAG, Action.UNTAG) else "Ordered", state.ORDERED, done.ordered),
        ("Waiting", state.WAITING, done.waiting),
        ("Not begun: cancelled", state.CANCELLED, done.cancelled),
    ]


@require_POST
def bulk_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """What has not begun does not begin; then back to its page."""
    row = get_object_or_404(bulk.seen_by(request.user), pk=pk)
    try:
        bulk.cancel(request.user, row)
    except orders.Refused as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, "Cancelled: what had not begun does not begin. What was ordered goes on.")
    return redirect("bulk_order", pk)
