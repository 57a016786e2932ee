"""Data centers and clusters: the lists, and a cluster's page with its hosts."""

from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from datacenter import rows
from datacenter.screens import facets
from datacenter.screens.affinity import groups_of
from datacenter.screens.errors import BadParameter
from datacenter.screens.hosts import LISTING as HOSTS
from datacenter.screens.listing import Column, Listing, show
from hosts.models import DataCenter
from hosts.states import HostState

DATACENTERS = Listing(
    key="datacenters",
    noun="datacenter",
    row_template="datacenters/_row.html",
    search=("name", "description"),
    empty="There is no data center yet. The first host brings one.",
    columns=(
        Column(key="name", label="Name", sort="name", optional=False),
        Column(key="clusters", label="Clusters", sort="cluster_count", end=True, optional=False),
        Column(key="hosts", label="Hosts", sort="host_count", end=True, optional=False),
        Column(key="lost", label="Not answering", sort="lost_count", end=True, optional=False),
        Column(key="vms", label="VMs", sort="vm_count", end=True, optional=False),
    ),
)

CLUSTERS = Listing(
    key="clusters",
    noun="cluster",
    row_template="clusters/_row.html",
    search=("name", "description", "datacenter__name"),
    facets=(facets.DATACENTER,),
    empty="There is no cluster yet. The first host brings one.",
    columns=(
        Column(key="name", label="Name", sort="name", optional=False),
        Column(key="datacenter", label="Data center", sort="datacenter__name"),
        Column(key="hosts", label="Hosts", sort="host_count", end=True, optional=False),
        Column(key="vms", label="VMs", sort="vm_count", end=True),
    ),
)


@require_safe
def datacenters(request: HttpRequest) -> HttpResponse:
    """Every data center."""
    return show(request, DATACENTERS, _datacenters(), "datacenters/list.html", {})


@require_safe
def clusters(request: HttpRequest) -> HttpResponse:
    """Every cluster, or those of one data center."""
    return show(request, CLUSTERS, rows.clusters(), "clusters/list.html", {})


@require_safe
def cluster(request: HttpRequest, pk: int) -> HttpResponse:
    """One cluster with its hosts, in the same order and with the same columns as their own list."""
    row = rows.clusters().filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such cluster.")
    tab = request.GET.get("tab", "hosts")
    if tab not in ("hosts", "affinity"):
        raise BadParameter(f"A cluster has no tab “{tab[:40]}”.")
    hosts = list(rows.hosts().filter(cluster=row).order_by("name"))
    groups = list(groups_of(row))
    context: dict[str, Any] = {"cluster": row, "hosts": hosts, "columns": HOSTS.columns, "tab": tab, "groups": groups}
    context["counts"] = {"hosts": len(hosts), "affinity": len(groups)}
    return render(request, "clusters/page.html", context)


def _datacenters() -> QuerySet[DataCenter]:
    lost = Q(clusters__hosts__state=HostState.NON_RESPONSIVE.value)
    return DataCenter.objects.annotate(
        cluster_count=Count("clusters", distinct=True),
        host_count=Count("clusters__hosts", distinct=True),
        lost_count=Count("clusters__hosts", distinct=True, filter=lost),
        vm_count=Count("clusters__hosts__vms", distinct=True),
    )
