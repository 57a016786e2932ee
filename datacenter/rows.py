"""How a row is read to be shown: one query set a noun, for the page's first paint and for every live one alike.

What a fragment's template touches beyond its own row is fetched here, so that 50 rows cost a handful of queries.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from hosts.models import VM, Cluster, Host, Migration, Operation
from hosts.states import OPEN_MIGRATION, VMState

_HERE = ~Q(vms__state__in=[VMState.DOWN.value, VMState.MISSING.value])
_OPEN = Migration.objects.filter(state__in=[state.value for state in OPEN_MIGRATION]).select_related(
    "source", "destination"
)


def vms() -> QuerySet[VM]:
    """VMs with host, cluster, data center, and ``open_migrations`` (a list of none or one)."""
    under_way = Prefetch("migrations", queryset=_OPEN.all(), to_attr="open_migrations")
    return VM.objects.select_related("host__cluster__datacenter").defer("xml").prefetch_related(under_way)


def hosts() -> QuerySet[Host]:
    """Hosts with cluster, data center, and ``vm_count`` (those not down)."""
    return Host.objects.select_related("cluster__datacenter").annotate(vm_count=Count("vms", filter=_HERE))


def migrations() -> QuerySet[Migration]:
    """Migrations with their VM and both hosts."""
    return Migration.objects.select_related("vm", "source__cluster", "destination__cluster", "policy__policy").defer(
        "vm__xml"
    )


def operations() -> QuerySet[Operation]:
    """Operations with their VM."""
    return Operation.objects.select_related("vm__host").defer("vm__xml")


def clusters() -> QuerySet[Cluster]:
    """Clusters with data center, ``host_count`` and ``vm_count``."""
    return Cluster.objects.select_related("datacenter").annotate(
        host_count=Count("hosts", distinct=True), vm_count=Count("hosts__vms", distinct=True)
    )


ROWS: dict[str, Callable[[], QuerySet[Any]]] = {
    "vm": vms,
    "host": hosts,
    "migration": migrations,
    "operation": operations,
    "cluster": clusters,
}
