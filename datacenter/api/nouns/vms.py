"""VMs: read, power, measure, migrate with what would happen beforehand, rules; operations."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from datacenter import orders, rows
from datacenter.api.nouns.migrations import MigrationOut, migration_rows
from datacenter.api.nouns.places import PolicyIn, policy_named
from datacenter.api.nouns.prospects import ProspectsOut, prospects
from datacenter.api.pages import Ask, Filtered, Page, page
from datacenter.api.shared import Given, Pk, Ref, VMRef, find, seen
from hosts.models import VM, Host
from hosts.virt.records import PowerVerb

router = Router(tags=["VMs"])
SORTS = {
    "name": "name", "state": "state", "cpu": "cpu_percent", "memory": "memory_bytes",
    "memory_used": "memory_used_bytes", "host": "host__name",
}  # fmt: skip


class VMOut(Schema):
    """A VM. Its identity is its UUID, wherever it runs. Sizes are bytes, rates bytes/s; figures are the last known."""

    id: int
    uuid: UUID
    name: str
    title: str
    state: str
    state_since: datetime
    reason: str
    host: Ref = Field(description="Where it is, or was last seen.")
    cluster: Ref
    datacenter: Ref
    migration: int | None = Field(description="Of the migration under way.")
    vcpus: int
    memory_bytes: int
    machine: str
    arch: str
    persistent: bool
    up_since: datetime | None
    maintenance_rule: str
    migration_mode: str
    migration_policy: int | None = Field(description="null: its cluster's.")
    cpu_percent: float | None = Field(description="Of its vCPUs together.")
    memory_used_bytes: int | None
    net_rx_rate: float | None
    net_tx_rate: float | None
    disk_read_rate: float | None
    disk_write_rate: float | None
    figures_at: datetime | None
    dirty_rate: float | None
    dirty_rate_at: datetime | None

    @staticmethod
    def resolve_cluster(row: Any) -> Any:
        return row.host.cluster

    @staticmethod
    def resolve_datacenter(row: Any) -> Any:
        return row.host.cluster.datacenter

    @staticmethod
    def resolve_migration(row: Any) -> Any:
        return row.open_migrations[0].pk if row.open_migrations else None

    @staticmethod
    def resolve_migration_policy(row: Any) -> Any:
        return row.migration_policy_id


class VMDetail(VMOut):
    """With its hardware."""

    description: str
    disks: list[dict[str, Any]]
    nics: list[dict[str, Any]]
    devices: list[Any]
    snapshots: int


class XmlOut(Schema):
    xml: str


class OperationOut(Schema):
    """A power order, or a measurement."""

    id: int
    vm: VMRef
    verb: str
    state: str
    state_since: datetime
    because: str
    requested_by: str
    requested_at: datetime


class VMAsk(Filtered):
    sort: Literal[
        "name", "-name", "state", "-state", "cpu", "-cpu", "memory", "-memory", "memory_used", "-memory_used",
        "host", "-host",
    ] = "name"  # fmt: skip


class OperationAsk(Ask):
    sort: Literal["requested_at", "-requested_at"] = "-requested_at"


class PowerIn(Given):
    verb: PowerVerb


class Terms(Schema):
    """How it is to move; what is null is left to the policy."""

    destination: Pk | None = Field(None, description="A host's id; null: the best.")
    policy: Pk | None = None
    bandwidth: int | None = Field(None, ge=1 << 20, le=(1 << 40) - 1, description="Bytes/s.")
    max_downtime_ms: int | None = Field(None, ge=1, le=2_000_000)
    postcopy_allowed: bool | None = None
    auto_converge: bool | None = None
    parallel: int | None = Field(None, ge=0, le=255, description="Connections; 0: one stream.")
    xbzrle: bool | None = None
    tls: bool | None = None
    copy_disks: bool = False


class MigrateIn(Given, Terms):
    """Where to, and how."""


class RulesIn(Given):
    maintenance_rule: Literal["migrate", "shutdown", "suspend", "leave", "ask"]
    migration_mode: Literal["anybody", "manual", "pinned"]


@router.get("/vms", response=Page[VMOut])
def list_vms(request: HttpRequest, ask: Query[VMAsk]) -> Any:
    """Every VM."""
    return page(request, seen(request, _vms().defer(*rows.VM_FACTS)), ask, noun="vm", sorts=SORTS)


@router.get("/vms/{uuid:uuid}", response=VMDetail)
def read_vm(request: HttpRequest, uuid: UUID) -> Any:
    """One VM with its hardware."""
    return _vm(request, uuid)


@router.get("/vms/{uuid:uuid}/xml", response=XmlOut)
def read_vm_xml(request: HttpRequest, uuid: UUID) -> Any:
    """Its definition, as its host told it last."""
    return XmlOut(xml=VM.objects.values_list("xml", flat=True).get(pk=_vm(request, uuid).pk))


@router.post("/vms/{uuid:uuid}/power", response={201: OperationOut})
def power_vm(request: HttpRequest, uuid: UUID, given: PowerIn) -> Any:
    """Order a power change; the operation tells what comes of it."""
    return rows.operations().get(pk=orders.power(request.user, _vm(request, uuid), given.verb).pk)


@router.post("/vms/{uuid:uuid}/measure", response={201: OperationOut})
def measure_vm(request: HttpRequest, uuid: UUID) -> Any:
    """Order a measurement of its dirty rate, which forecasts are made of."""
    return rows.operations().get(pk=orders.measure(request.user, _vm(request, uuid)).pk)


@router.get("/vms/{uuid:uuid}/migrate", response=ProspectsOut)
def prospects_of_vm(request: HttpRequest, uuid: UUID, ask: Query[Terms]) -> Any:
    """What would happen: every host with its checks, the reason where it cannot take the VM, and the forecast."""
    asked = ask.dict()
    wanted = _destination(request, asked.pop("destination"))
    return prospects(_vm(request, uuid), wanted, asked | {"policy": policy_named(request, ask.policy)})


@router.post("/vms/{uuid:uuid}/migrate", response={201: MigrationOut})
def migrate_vm(request: HttpRequest, uuid: UUID, given: MigrateIn) -> Any:
    """Order a migration. Refused with the reason where no host, or not the one that is asked for, can take the VM."""
    asked = given.dict()
    wanted = _destination(request, asked.pop("destination"))
    options: Any = asked | {"policy": policy_named(request, given.policy)}
    return migration_rows().get(pk=orders.migrate(request.user, _vm(request, uuid), wanted, **options).pk)


@router.put("/vms/{uuid:uuid}/rules", response=VMOut)
def set_vm_rules(request: HttpRequest, uuid: UUID, given: RulesIn) -> Any:
    """What maintenance does with it, and who may move it."""
    orders.set_rules(request.user, _vm(request, uuid), **given.dict())
    return _vm(request, uuid)


@router.put("/vms/{uuid:uuid}/migration-policy", response=VMOut)
def assign_vm_policy(request: HttpRequest, uuid: UUID, given: PolicyIn) -> Any:
    """Let it migrate under a policy of its own; null: under its cluster's."""
    orders.assign_policy(request.user, _vm(request, uuid), policy_named(request, given.policy))
    return _vm(request, uuid)


@router.get("/operations", response=Page[OperationOut], tags=["Operations"])
def list_operations(request: HttpRequest, ask: Query[OperationAsk]) -> Any:
    """Power orders and measurements, newest first."""
    found = seen(request, rows.operations())
    return page(request, found, ask, noun="operation", sorts={"requested_at": "requested_at"})


@router.get("/operations/{int:pk}", response=OperationOut, tags=["Operations"])
def read_operation(request: HttpRequest, pk: int) -> Any:
    """One of them."""
    return find(request, rows.operations(), "operation", pk=pk)


def _vms() -> Any:
    return rows.vms()


def _vm(request: HttpRequest, uuid: UUID) -> VM:
    found = _vms().select_related("migration_policy", "host__cluster__migration_policy")
    row: VM = find(request, found, "VM", uuid=uuid)
    return row


def _destination(request: HttpRequest, pk: int | None) -> Host | None:
    return None if pk is None else find(request, Host.objects.all(), "host", pk=pk)
