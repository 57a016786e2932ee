"""The list of VMs, and what a VM's page shows under each tab."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from datacenter import rows
from datacenter.models import AffinityGroup
from datacenter.screens import facets
from datacenter.screens.errors import BadParameter
from datacenter.screens.listing import Column, Listing, show
from datacenter.screens.loads import LAST_HOUR, columns_of
from hosts.models import VM, MaintenanceRule, Migration, MigrationMode, Transition, VMLoad
from hosts.states import VMState

LISTING = Listing(
    key="vms",
    noun="vm",
    row_template="vms/_row.html",
    search=("name", "title", "host__name", "uuid"),
    states=VMState,
    facets=(facets.CLUSTER_OF_HOST, facets.HOST),
    topic="vms",
    empty="No VM was found on any host yet.",
    columns=(
        Column(key="state", label="State", sort="state", optional=False),
        Column(key="name", label="Name", sort="name", optional=False),
        Column(key="host", label="Host", sort="host__name", width="c-wide"),
        Column(key="cluster", label="Cluster", sort="host__cluster__name", width="c-wide c-medium"),
        Column(key="cpu", label="CPU", sort="cpu_percent", end=True, ticks=True, hint="Of its vCPUs together"),
        Column(key="memory", label="Memory used", sort="memory_used_bytes", end=True, ticks=True, width="c-wide"),
        Column(key="size", label="Memory", sort="memory_bytes", end=True, width="c-wide"),
        Column(key="vcpus", label="vCPU", sort="vcpus", end=True, width="c-wide"),
        Column(key="net_in", label="Net in", sort="net_rx_rate", end=True, ticks=True, width="c-wide"),
        Column(key="net_out", label="Net out", sort="net_tx_rate", end=True, ticks=True, width="c-wide"),
        Column(
            key="disk_read", label="Disk read", sort="disk_read_rate", end=True, ticks=True, width="c-wide", shown=False
        ),
        Column(
            key="disk_write",
            label="Disk write",
            sort="disk_write_rate",
            end=True,
            ticks=True,
            width="c-wide",
            shown=False,
        ),
        Column(key="machine", label="Machine", sort="machine", width="c-wide", shown=False),
        Column(key="uptime", label="Uptime", sort="up_since", end=True, width="c-wide"),
    ),
)

TABS = ("disks", "networks", "migrations", "events", "policy", "rules", "xml")


@require_safe
def vms(request: HttpRequest) -> HttpResponse:
    """Every VM, or those that a filter leaves."""
    return show(request, LISTING, rows.vms().defer(*rows.VM_FACTS), "vms/list.html", {})


@require_safe
def vm(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One VM: its summary, and one tab named by ?tab=."""
    tab = request.GET.get("tab", TABS[0])
    if tab not in TABS:
        raise BadParameter(f"A VM has no tab “{tab[:40]}”.")
    row = find(uuid)
    context: dict[str, Any] = {"vm": row, "tab": tab, "counts": _counts(row), **_TAB_READERS[tab](row)}
    return render(request, "vms/page.html", context)


@require_safe
def vm_loads(request: HttpRequest, uuid: UUID) -> JsonResponse:
    """Its figures of the last hour, as columns for the curves: seconds since the epoch, percent, bytes, bytes/s."""
    row = find(uuid)
    figures = ("cpu_percent", "memory_used_bytes", "net_rx_rate", "net_tx_rate", "disk_read_rate", "disk_write_rate")
    loads = VMLoad.objects.filter(vm=row, at__gte=timezone.now() - LAST_HOUR).order_by("at")
    return JsonResponse(columns_of(loads, *figures))


def find(uuid: UUID) -> VM:
    """The VM as fragments want it, with its XML left in the database until a tab asks for it. Http404."""
    row = rows.vms().select_related("migration_policy", "host__cluster__migration_policy").filter(uuid=uuid).first()
    if row is None:
        raise Http404("Godwit knows no VM with this UUID.")
    return row


def _counts(row: VM) -> dict[str, int]:
    return {
        "disks": len(row.disks),
        "networks": len(row.nics),
        "migrations": Migration.objects.filter(vm=row).count(),
        "events": Transition.objects.filter(noun="vm", row=row.pk).count(),
    }


def _migrations(row: VM) -> dict[str, Any]:
    return {"migrations": list(rows.migrations().filter(vm=row).order_by("-requested_at")[:200])}


def _events(row: VM) -> dict[str, Any]:
    return {"transitions": list(Transition.objects.filter(noun="vm", row=row.pk)[:200])}


def _rules(row: VM) -> dict[str, Any]:
    """What maintenance does with it, who may move it, and its affinity groups. Two queries or three."""
    groups = AffinityGroup.objects.filter(vms=row).prefetch_related("vms__host")
    return {"rules": MaintenanceRule.choices, "modes": MigrationMode.choices, "groups": list(groups)}


def _xml(row: VM) -> dict[str, Any]:
    return {"xml": VM.objects.values_list("xml", flat=True).get(pk=row.pk)}


_TAB_READERS: dict[str, Any] = {
    "disks": lambda row: {},
    "networks": lambda row: {},
    "migrations": _migrations,
    "events": _events,
    "policy": lambda row: {},
    "rules": _rules,
    "xml": _xml,
}
