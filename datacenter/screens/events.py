"""All that happened: the list over everything, one event with what followed from it, and the way to its object."""

from typing import Any

from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from datacenter.access import can
from datacenter.access.verbs import Verb
from datacenter.events import seen_by
from datacenter.models import MaintenancePolicy, Plan, PlanHost, PlanMove, PlanStep
from datacenter.screens.event_columns import COLUMNS
from datacenter.screens.event_filters import FACETS, may_export, within
from datacenter.screens.listing import Listing, show
from hosts.models import VM, Cluster, DataCenter, Doubt, Event, Host, Migration, MigrationPolicy, Operation

LISTING = Listing(
    key="events",
    noun="event",
    row_template="events/_row.html",
    search=("name", "because", "actor", "verb", "new", "old"),
    sort="-at",
    facets=FACETS,
    topic="events",
    most=10_000,
    empty="Nothing happened in the last 24 hours. Choose a longer time to see more.",
    columns=COLUMNS,
)
#: what followed from one order, as many as a page shows
MOST_FOLLOWING = 200


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """Every event that this person may see, or those that a filter leaves; at first those of the last 24 hours."""
    rows = within(seen_by(request.user), request.GET)
    return show(request, LISTING, rows, "events/list.html", {"may_export": may_export(request.user)})


@require_safe
def event(request: HttpRequest, pk: int) -> HttpResponse:
    """One event with its settings before and after, and what followed from the same order."""
    seen = seen_by(request.user)
    row = seen.filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such event. It may be older than what is kept.")
    following = list(seen.filter(correlation=row.correlation).order_by("at", "pk")[:MOST_FOLLOWING])
    context: dict[str, Any] = {"event": row, "following": following, "columns": COLUMNS}
    return render(request, "events/page.html", context)


@require_safe
def event_object(request: HttpRequest, pk: int) -> HttpResponse:
    """Leads to what the event is about, as it is now. Http404 with a sentence where it is gone."""
    row = seen_by(request.user).filter(pk=pk).first()
    there = _object(row) if row else None
    if row is None or there is None or not can(request.user, Verb.VIEW, there):
        raise Http404(f"{row.name if row else 'It'} is gone; what happened to it stays among the events.")
    return redirect(_address(there))


_MODELS: dict[str, type[Model]] = {
    "host": Host, "vm": VM, "migration": Migration, "operation": Operation, "doubt": Doubt, "cluster": Cluster,
    "datacenter": DataCenter, "plan": Plan, "plan_host": PlanHost, "plan_move": PlanMove, "plan_step": PlanStep,
    "migrationpolicy": MigrationPolicy, "policy": MigrationPolicy, "maintenance_policy": MaintenancePolicy,
}  # fmt: skip


def _object(row: Event) -> Model | None:
    model = _MODELS.get(row.noun)
    return model._default_manager.filter(pk=row.row).first() if model and row.row else None


def _address(there: Any) -> str:
    match there:
        case VM():
            return reverse("vm", args=[there.uuid])
        case Operation():
            return reverse("vm", args=[there.vm.uuid])
        case PlanHost():
            return reverse("plan", args=[there.plan_id])
        case PlanMove() | PlanStep():
            return reverse("plan", args=[there.plan_host.plan_id])
        case DataCenter():
            return reverse("clusters") + f"?datacenter={there.pk}"
        case MigrationPolicy():
            return reverse("policy", args=[there.pk])
    return reverse(there.noun if hasattr(there, "noun") else type(there).__name__.lower(), args=[there.pk])
