"""The list of hosts, and a host's page."""

from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from datacenter import rows
from datacenter.screens import facets, host_checks, vms
from datacenter.screens.errors import BadParameter
from datacenter.screens.listing import Column, Listing, show
from datacenter.screens.loads import LAST_HOUR, columns_of
from hosts.models import VM, Host, HostLoad, Migration, Transition
from hosts.states import HostState

LISTING = Listing(
    key="hosts",
    noun="host",
    row_template="hosts/_row.html",
    search=("name", "hostname", "uri", "cluster__name"),
    states=HostState,
    facets=(facets.CLUSTER,),
    topic="hosts",
    empty="No host was added yet.",
    columns=(
        Column(key="pick", label="", optional=False),
        Column(key="state", label="State", sort="state", optional=False),
        Column(key="name", label="Name", sort="name", optional=False),
        Column(key="cluster", label="Cluster", sort="cluster__name", width="c-wide"),
        Column(key="vms", label="VMs", sort="vm_count", end=True, width="c-wide", hint="Those not down"),
        Column(
            key="cpu", label="CPU", sort="cpu_percent", end=True, ticks=True, hint="Of all its logical CPUs together"
        ),
        Column(key="memory", label="Memory free", sort="memory_free_bytes", end=True, ticks=True, width="c-wide"),
        Column(key="size", label="Memory", sort="memory_bytes", end=True, width="c-wide"),
        Column(key="net_in", label="Net in", sort="net_rx_rate", end=True, ticks=True, width="c-wide c-medium"),
        Column(key="net_out", label="Net out", sort="net_tx_rate", end=True, ticks=True, width="c-wide c-medium"),
        Column(key="version", label="libvirt · QEMU", sort="qemu_version", width="c-wide c-medium"),
        Column(key="answered", label="Answered", sort="answered_at", end=True, ticks=True, width="c-wide"),
    ),
)

TABS = ("vms", "migrations", "maintenance", "checks", "events")


@require_safe
def hosts(request: HttpRequest) -> HttpResponse:
    """Every host, or those that a filter leaves."""
    return show(request, LISTING, rows.hosts().defer(*rows.HOST_FACTS), "hosts/list.html", {})


@require_safe
def host(request: HttpRequest, pk: int) -> HttpResponse:
    """One host: its summary, and one tab named by ?tab=."""
    tab = request.GET.get("tab", TABS[0])
    if tab not in TABS:
        raise BadParameter(f"A host has no tab “{tab[:40]}”.")
    row = _find(pk)
    read = {"vms": _vms, "migrations": _migrations, "maintenance": _nothing, "checks": host_checks.read}.get(
        tab, _events
    )
    return render(request, "hosts/page.html", {"host": row, "tab": tab, "counts": _counts(row), **read(row)})


@require_safe
def host_loads(request: HttpRequest, pk: int) -> JsonResponse:
    """Its figures of the last hour, as columns for the curves."""
    loads = HostLoad.objects.filter(host=_find(pk), at__gte=timezone.now() - LAST_HOUR).order_by("at")
    return JsonResponse(columns_of(loads, "cpu_percent", "memory_free_bytes"))


def _find(pk: int) -> Host:
    row = rows.hosts().filter(pk=pk).first()
    if row is None:
        raise Http404("There is no such host.")
    return row


def _either(row: Host) -> Q:
    return Q(source=row) | Q(destination=row)


def _counts(row: Host) -> dict[str, Any]:
    return {
        "vms": VM.objects.filter(host=row).count(),
        "migrations": Migration.objects.filter(_either(row)).count(),
        "events": Transition.objects.filter(noun="host", row=row.pk).count(),
    }


def _vms(row: Host) -> dict[str, Any]:
    return {"vms": list(rows.vms().filter(host=row).order_by("name", "pk")[:500]), "columns": vms.LISTING.columns}


def _migrations(row: Host) -> dict[str, Any]:
    return {"migrations": list(rows.migrations().filter(_either(row)).order_by("-requested_at")[:200])}


def _nothing(row: Host) -> dict[str, Any]:
    """The card reads what it shows."""
    return {}


def _events(row: Host) -> dict[str, Any]:
    return {"transitions": list(Transition.objects.filter(noun="host", row=row.pk)[:200])}
