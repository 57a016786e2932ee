"""The overview: is all well, what moves, what is full. And the tree, which the frame loads when somebody opens it."""

from collections import defaultdict

from django.db.models import Case, Count, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datacenter import rows
from hosts.models import Cluster, DataCenter, Host, Transition
from hosts.states import OPEN_MIGRATION, HostState, MigrationState, VMState

#: changes that an operator wants to hear of; the rest is a click away
_WORTH_A_LOOK = (
    Q(noun="host", new__in=[HostState.NON_RESPONSIVE.value, HostState.UP.value, HostState.MAINTENANCE.value])
    | Q(noun="vm", new__in=[VMState.CRASHED.value, VMState.MISSING.value, VMState.PAUSED.value], field="state")
    | Q(noun="migration", new__in=[state.value for state in MigrationState if state.is_final])
    | Q(noun="operation", new="failed")
)


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Eight queries or fewer, whatever the size of the place."""
    moving = rows.migrations().filter(state__in=[state.value for state in OPEN_MIGRATION])
    waits = Case(When(state=MigrationState.QUEUED.value, then=1), default=0)
    migrations = list(moving.order_by(waits.asc(), "started_at", "requested_at", "pk")[:12])
    if "HX-Request" in request.headers:  # a migration came or went: that part alone
        return render(request, "overview/_moving.html", {"migrations": migrations})
    context = {
        "clusters": _with_hosts(),
        "migrations": migrations,
        "transitions": list(Transition.objects.filter(_WORTH_A_LOOK)[:12]),
    }
    return render(request, "overview/page.html", context)


@require_safe
def tree(request: HttpRequest) -> HttpResponse:
    """Data center › cluster › host, with the number of VMs on each host. Three queries."""
    clusters: dict[int, list[Cluster]] = defaultdict(list)
    for cluster in _with_hosts():
        clusters[cluster.datacenter_id].append(cluster)
    places = [(place, clusters[place.pk]) for place in DataCenter.objects.order_by("name")]
    return render(request, "frame/_tree.html", {"places": places})


def _with_hosts() -> list[Cluster]:
    """Every cluster by data center and name, each with ``shown_hosts``."""
    here = Count("vms", filter=~Q(vms__state__in=[VMState.DOWN.value, VMState.MISSING.value]))
    hosts: dict[int, list[Host]] = defaultdict(list)
    for host in Host.objects.annotate(vm_count=here).defer(*rows.HOST_FACTS).order_by("name"):
        hosts[host.cluster_id].append(host)
    clusters = list(Cluster.objects.select_related("datacenter").order_by("datacenter__name", "name"))
    for cluster in clusters:
        cluster.shown_hosts = hosts[cluster.pk]  # type: ignore[attr-defined]
    return clusters
