"""Hosts: read, add and remove, tags, what an administrator states, maintenance."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from datacenter import orders, rows
from datacenter.api.nouns.plans import PlanOut, plan_rows
from datacenter.api.pages import Filtered, Page, page
from datacenter.api.shared import Given, Line, Pk, Ref, find, find_all, seen
from datacenter.maintenance import orders as ordered
from datacenter.orders.hosts import state_host, state_off
from hosts.models import Cluster, Host

router = Router(tags=["Hosts"])
SORTS = {
    "name": "name", "state": "state", "cpu": "cpu_percent", "memory": "memory_bytes",
    "memory_free": "memory_free_bytes",
}  # fmt: skip


class HostOut(Schema):
    """A machine with a libvirt daemon. Sizes are bytes, rates bytes/s; figures are the last known ones."""

    id: int
    uuid: UUID | None
    name: str
    uri: str
    cluster: Ref
    datacenter: Ref
    state: str
    state_since: datetime
    answered_at: datetime | None
    error: str
    tags: list[str]
    maintenance_reason: str
    maintenance_by: str
    hostname: str
    libvirt_version: str
    qemu_version: str
    cpu_model: str
    cpu_arch: str
    cpus: int | None
    memory_bytes: int | None
    memory_free_bytes: int | None
    cpu_percent: float | None = Field(description="Of all its logical CPUs together.")
    net_rx_rate: float | None
    net_tx_rate: float | None
    figures_at: datetime | None
    vm_count: int = Field(description="VMs on it that are not down.")
    migration_address: str
    locks: str
    keepalive_tuned: bool | None
    migration_tls: bool | None
    off_stated_at: datetime | None
    off_stated_by: str

    @staticmethod
    def resolve_datacenter(row: Any) -> Any:
        return row.cluster.datacenter


class HostAsk(Filtered):
    sort: Literal[
        "name", "-name", "state", "-state", "cpu", "-cpu", "memory", "-memory", "memory_free", "-memory_free"
    ] = "name"


class HostIn(Given):
    """A host to be put into the inventory. Nothing is changed on it."""

    uri: str = Field(min_length=1, max_length=300, examples=["qemu+tls://h7.example.com/system"])
    name: str = Field("", max_length=253, description="Empty: as in the URI.")
    cluster: Pk


class TagsIn(Given):
    tags: list[str] = Field(max_length=20)


class StatedIn(Given):
    """What libvirt cannot be asked; null: not known."""

    migration_address: str = Field("", max_length=253)
    locks: Literal["", "none", "storage", "virtlockd", "sanlock"] = ""
    keepalive_tuned: bool | None = None
    migration_tls: bool | None = None


class OffIn(Given):
    """A person's word that a silent host is switched off."""

    looked: Literal[True] = Field(description="You looked: a VM could come to run twice.")


class MaintenanceIn(Given):
    """Hosts to be emptied now. They stay in maintenance until somebody activates them."""

    hosts: list[Pk] = Field(min_length=1, max_length=200)
    reason: Line = ""
    force: bool = Field(False, description="Also where VMs block: these wait for a person's word.")


@router.get("/hosts", response=Page[HostOut])
def list_hosts(request: HttpRequest, ask: Query[HostAsk]) -> Any:
    """Every host."""
    return page(request, seen(request, _hosts()), ask, noun="host", sorts=SORTS)


@router.post("/hosts", response={201: HostOut})
def add_host(request: HttpRequest, given: HostIn) -> Any:
    """Put a host into the inventory; a collector connects to it within a second."""
    cluster = find(request, Cluster.objects.all(), "cluster", pk=given.cluster)
    host = orders.add_host(request.user, given.uri, name=given.name.strip(), cluster=cluster)
    return _hosts().get(pk=host.pk)


@router.post("/hosts/maintenance", response={201: PlanOut})
def hosts_to_maintenance(request: HttpRequest, given: MaintenanceIn) -> Any:
    """Empty these hosts now: a plan, approved and started. What would happen: make a plan and look at its moves."""
    found = find_all(request, Host.objects.select_related("cluster__datacenter"), given.hosts, field="hosts")
    plan = ordered.to_maintenance(request.user, found, given.reason, force=given.force)
    return plan_rows().get(pk=plan.pk)


@router.get("/hosts/{int:pk}", response=HostOut)
def read_host(request: HttpRequest, pk: int) -> Any:
    """One host."""
    return find(request, _hosts(), "host", pk=pk)


@router.delete("/hosts/{int:pk}", response={204: None})
def remove_host(request: HttpRequest, pk: int) -> Any:
    """Take a host out of the inventory. Refused while VMs or migrations are known of it."""
    orders.remove_host(request.user, find(request, _hosts(), "host", pk=pk))


@router.put("/hosts/{int:pk}/tags", response=HostOut)
def tag_host(request: HttpRequest, pk: int, given: TagsIn) -> Any:
    """Give it exactly these tags. Maintenance policies choose hosts by them."""
    orders.tag_host(request.user, find(request, _hosts(), "host", pk=pk), given.tags)
    return _hosts().get(pk=pk)


@router.put("/hosts/{int:pk}/stated", response=HostOut)
def set_stated(request: HttpRequest, pk: int, given: StatedIn) -> Any:
    """Keep what an administrator states of it; every check goes by it from now on."""
    said: Any = given.dict()
    state_host(request.user, find(request, _hosts(), "host", pk=pk), said)
    return _hosts().get(pk=pk)


@router.post("/hosts/{int:pk}/off", response=HostOut)
def host_is_off(request: HttpRequest, pk: int, given: OffIn) -> Any:
    """A person's word that this silent host is switched off: its VMs are down from then on."""
    state_off(request.user, find(request, _hosts(), "host", pk=pk))
    return _hosts().get(pk=pk)


@router.post("/hosts/{int:pk}/activate", response=HostOut)
def activate_host(request: HttpRequest, pk: int) -> Any:
    """Out of maintenance once it answers; at once where it is still being emptied."""
    ordered.activate(request.user, find(request, Host.objects.all(), "host", pk=pk))
    return _hosts().get(pk=pk)


def _hosts() -> Any:
    return rows.hosts().defer(*rows.HOST_FACTS)
