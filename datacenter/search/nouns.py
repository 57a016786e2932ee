"""The fields of each noun, as data. Names are oVirt's where it has one; the first of a field's names is ours."""

from typing import Any

from django.db.models import Count, Exists, F, FloatField, Model, OuterRef, Q, Subquery
from django.db.models.functions import Cast, Coalesce

from datacenter.models import Plan, PlanHost
from datacenter.search.fields import Field, Kind, Offer, Vocabulary
from datacenter.search.free import either, keys_of
from hosts.models import VM, Cluster, DataCenter, Host, MaintenanceRule, Migration, MigrationMode
from hosts.models.event import ActorKind, EventKind, Severity
from hosts.states import OPEN_MIGRATION, HostState, MigrationState, PlanState, State, VMState


def _labels(states: type[State]) -> dict[str, str]:
    return {state.value: state.label for state in states}


def _status(states: type[State], **more: Any) -> Field:
    return Field(
        name="status", kind=Kind.WORD, path="state", about="State", aliases=("state",), words=_labels(states), **more
    )


def _count(rows: Any, by: str) -> Any:
    """How many of ``rows`` belong to a row, as a subquery: it multiplies nothing."""
    counted = rows.filter(**{by: OuterRef("pk")}).order_by().values(by).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted), 0)


def _migrating() -> Q:
    return Q(Exists(Migration.objects.filter(vm=OuterRef("pk"), state__in=OPEN_MIGRATION)))


def _share(part: str, whole: str) -> Any:
    return 100.0 * Cast(F(part), FloatField()) / F(whole)


def _of_plan(inner: Q) -> Q:
    return Q(pk__in=PlanHost.objects.filter(inner).values("plan_id"))


def _of_host(inner: Q) -> Q:
    return keys_of("host_id", Host, inner)


_HOSTS, _VMS = Offer(model=Host, column="name"), Offer(model=VM, column="name")
_CLUSTERS, _DATACENTERS = Offer(model=Cluster, column="name"), Offer(model=DataCenter, column="name")
_NOT_HERE = (VMState.DOWN.value, VMState.MISSING.value)

VMS = Vocabulary(
    noun="vm",
    free=either("name", "title", uuid="uuid", tags="tags", related={"host_id": (Host, "name")}),
    fields=(
        Field(name="name", kind=Kind.TEXT, path="name", about="Name", offer=_VMS, nullable=False),
        _status(VMState, special={"migrating": _migrating}),
        Field(
            name="host",
            kind=Kind.TEXT,
            path="name",
            order="host__name",
            about="Host it is on",
            offer=_HOSTS,
            within=_of_host,
        ),
        Field(
            name="cluster",
            kind=Kind.TEXT,
            path="cluster__name",
            order="host__cluster__name",
            about="Cluster",
            offer=_CLUSTERS,
            within=_of_host,
        ),
        Field(
            name="datacenter",
            kind=Kind.TEXT,
            path="cluster__datacenter__name",
            order="host__cluster__datacenter__name",
            within=_of_host,
            about="Data center",
            aliases=("dc",),
            offer=_DATACENTERS,
        ),
        Field(
            name="tag",
            kind=Kind.TAGS,
            path="tags",
            about="Tag",
            aliases=("tags",),
            offer=Offer(model=VM, column="tags"),
        ),
        Field(
            name="cpu", kind=Kind.PERCENT, path="cpu_percent", about="CPU used, % of its vCPUs", aliases=("cpu_usage",)
        ),
        Field(name="memory", kind=Kind.SIZE, path="memory_bytes", about="Memory", aliases=("size",), nullable=False),
        Field(name="memory_used", kind=Kind.SIZE, path="memory_used_bytes", about="Memory used"),
        Field(
            name="mem_usage",
            kind=Kind.PERCENT,
            path="memory_share",
            about="Memory used, %",
            counted=lambda: _share("memory_used_bytes", "memory_bytes"),
        ),
        Field(name="vcpus", kind=Kind.NUMBER, path="vcpus", about="vCPUs", aliases=("cpus", "vcpu"), nullable=False),
        Field(name="uptime", kind=Kind.AGE, path="up_since", about="Time since it was started"),
        Field(name="net_in", kind=Kind.RATE, path="net_rx_rate", about="Network in, bytes/s"),
        Field(name="net_out", kind=Kind.RATE, path="net_tx_rate", about="Network out, bytes/s"),
        Field(name="disk_read", kind=Kind.RATE, path="disk_read_rate", about="Disk read, bytes/s"),
        Field(name="disk_write", kind=Kind.RATE, path="disk_write_rate", about="Disk written, bytes/s"),
        Field(name="dirty_rate", kind=Kind.RATE, path="dirty_rate", about="Memory it writes, bytes/s"),
        Field(name="title", kind=Kind.TEXT, path="title", about="Title"),
        Field(name="description", kind=Kind.TEXT, path="description", about="Description", aliases=("comment",)),
        Field(name="uuid", kind=Kind.UUID, path="uuid", about="UUID", aliases=("id",), nullable=False),
        Field(name="machine", kind=Kind.TEXT, path="machine", about="Machine type"),
        Field(name="arch", kind=Kind.TEXT, path="arch", about="Architecture", aliases=("architecture",)),
        Field(name="cpu_model", kind=Kind.TEXT, path="cpu_model", about="CPU model"),
        Field(name="autostart", kind=Kind.FLAG, path="autostart", about="Starts with its host", nullable=False),
        Field(name="persistent", kind=Kind.FLAG, path="persistent", about="Kept by its host", nullable=False),
        Field(name="snapshots", kind=Kind.NUMBER, path="snapshots", about="Snapshots", nullable=False),
        Field(
            name="rule",
            kind=Kind.WORD,
            path="maintenance_rule",
            about="When its host is emptied",
            words=dict(MaintenanceRule.choices),
        ),
        Field(
            name="mode",
            kind=Kind.WORD,
            path="migration_mode",
            about="Who may move it",
            words=dict(MigrationMode.choices),
        ),
        Field(name="policy", kind=Kind.TEXT, path="migration_policy__name", about="Migration policy of its own"),
        Field(name="since", kind=Kind.TIME, path="state_since", about="In this state since", nullable=False),
        Field(name="seen", kind=Kind.TIME, path="seen_at", about="Last told of by its host", nullable=False),
    ),
)

HOSTS = Vocabulary(
    noun="host",
    free=either("name", "hostname", "uri", "cluster__name", tags="tags"),
    fields=(
        Field(name="name", kind=Kind.TEXT, path="name", about="Name", offer=_HOSTS, nullable=False),
        _status(HostState),
        Field(name="cluster", kind=Kind.TEXT, path="cluster__name", about="Cluster", offer=_CLUSTERS),
        Field(
            name="datacenter",
            kind=Kind.TEXT,
            path="cluster__datacenter__name",
            about="Data center",
            aliases=("dc",),
            offer=_DATACENTERS,
        ),
        Field(
            name="tag",
            kind=Kind.TAGS,
            path="tags",
            about="Tag",
            aliases=("tags",),
            offer=Offer(model=Host, column="tags"),
        ),
        Field(
            name="vms",
            kind=Kind.NUMBER,
            path="vms_here",
            about="VMs not down",
            aliases=("active_vms",),
            counted=lambda: _count(VM.objects.exclude(state__in=_NOT_HERE), "host"),
        ),
        Field(name="cpu", kind=Kind.PERCENT, path="cpu_percent", about="CPU used, %", aliases=("cpu_usage",)),
        Field(name="memory", kind=Kind.SIZE, path="memory_bytes", about="Memory", aliases=("size",)),
        Field(name="memory_free", kind=Kind.SIZE, path="memory_free_bytes", about="Memory free"),
        Field(
            name="mem_usage",
            kind=Kind.PERCENT,
            path="memory_share",
            about="Memory used, %",
            counted=lambda: 100.0 - _share("memory_free_bytes", "memory_bytes"),
        ),
        Field(name="cpus", kind=Kind.NUMBER, path="cpus", about="Logical CPUs"),
        Field(name="cpu_model", kind=Kind.TEXT, path="cpu_model", about="CPU model"),
        Field(name="net_in", kind=Kind.RATE, path="net_rx_rate", about="Network in, bytes/s"),
        Field(name="net_out", kind=Kind.RATE, path="net_tx_rate", about="Network out, bytes/s"),
        Field(name="hostname", kind=Kind.TEXT, path="hostname", about="Its own name", aliases=("hostaddress",)),
        Field(name="uri", kind=Kind.TEXT, path="uri", about="libvirt URI"),
        Field(name="uuid", kind=Kind.UUID, path="uuid", about="UUID", aliases=("id",)),
        Field(name="libvirt", kind=Kind.TEXT, path="libvirt_version", about="Version of libvirt"),
        Field(name="qemu", kind=Kind.TEXT, path="qemu_version", about="Version of QEMU", aliases=("version",)),
        Field(name="reason", kind=Kind.TEXT, path="maintenance_reason", about="Reason of its maintenance"),
        Field(name="error", kind=Kind.TEXT, path="error", about="Last error"),
        Field(name="answered", kind=Kind.TIME, path="answered_at", about="Last answer"),
        Field(name="added", kind=Kind.TIME, path="added_at", about="Added", nullable=False),
    ),
)

CLUSTERS = Vocabulary(
    noun="cluster",
    free=either("name", "description", "datacenter__name"),
    fields=(
        Field(name="name", kind=Kind.TEXT, path="name", about="Name", offer=_CLUSTERS, nullable=False),
        Field(name="description", kind=Kind.TEXT, path="description", about="Description", aliases=("comment",)),
        Field(
            name="datacenter",
            kind=Kind.TEXT,
            path="datacenter__name",
            about="Data center",
            aliases=("dc",),
            offer=_DATACENTERS,
        ),
        Field(
            name="hosts",
            kind=Kind.NUMBER,
            path="hosts_here",
            about="Hosts",
            counted=lambda: _count(Host.objects, "cluster"),
        ),
        Field(
            name="vms",
            kind=Kind.NUMBER,
            path="vms_here",
            about="VMs",
            counted=lambda: _count(VM.objects, "host__cluster"),
        ),
        Field(name="policy", kind=Kind.TEXT, path="migration_policy__name", about="Migration policy"),
    ),
)

DATACENTERS = Vocabulary(
    noun="datacenter",
    free=either("name", "description"),
    fields=(
        Field(name="name", kind=Kind.TEXT, path="name", about="Name", offer=_DATACENTERS, nullable=False),
        Field(name="description", kind=Kind.TEXT, path="description", about="Description", aliases=("comment",)),
    ),
)

MIGRATIONS = Vocabulary(
    noun="migration",
    free=either(
        "requested_by", related={"vm_id": (VM, "name"), "source_id": (Host, "name"), "destination_id": (Host, "name")}
    ),
    fields=(
        Field(name="vm", kind=Kind.TEXT, path="vm__name", about="VM", aliases=("name",), offer=_VMS),
        _status(MigrationState),
        Field(name="from", kind=Kind.TEXT, path="source__name", about="Source", aliases=("source",), offer=_HOSTS),
        Field(
            name="to",
            kind=Kind.TEXT,
            path="destination__name",
            about="Destination",
            aliases=("destination",),
            offer=_HOSTS,
        ),
        Field(name="cluster", kind=Kind.TEXT, path="source__cluster__name", about="Cluster", offer=_CLUSTERS),
        Field(name="by", kind=Kind.TEXT, path="requested_by", about="Who asked for it", aliases=("user",)),
        Field(name="because", kind=Kind.TEXT, path="because", about="Why it is in its state", aliases=("reason",)),
        Field(name="pause", kind=Kind.PAUSE, path="pause_ms", about="How long the guest stood still"),
        Field(name="memory", kind=Kind.SIZE, path="vm__memory_bytes", about="Memory of the VM"),
        Field(
            name="requested", kind=Kind.TIME, path="requested_at", about="Asked for", aliases=("time",), nullable=False
        ),
        Field(name="started", kind=Kind.TIME, path="started_at", about="Started"),
        Field(name="ended", kind=Kind.TIME, path="ended_at", about="Ended"),
    ),
)

PLANS = Vocabulary(
    noun="plan",
    free=either("title", "reason", "made_by", within={_of_plan: "host__name"}),
    fields=(
        Field(
            name="title",
            kind=Kind.TEXT,
            path="title",
            about="Plan",
            aliases=("name",),
            offer=Offer(model=Plan, column="title"),
        ),
        _status(PlanState),
        Field(name="host", kind=Kind.TEXT, path="host__name", about="One of its hosts", offer=_HOSTS, within=_of_plan),
        Field(
            name="cluster",
            kind=Kind.TEXT,
            path="host__cluster__name",
            about="Cluster of its hosts",
            offer=_CLUSTERS,
            within=_of_plan,
        ),
        Field(name="policy", kind=Kind.TEXT, path="policy__name", about="Maintenance policy"),
        Field(name="reason", kind=Kind.TEXT, path="reason", about="Reason"),
        Field(name="by", kind=Kind.TEXT, path="made_by", about="Who made it", aliases=("user",)),
        Field(name="approved_by", kind=Kind.TEXT, path="approved_by", about="Who approved it"),
        Field(name="forecast", kind=Kind.SPAN, path="expected_s", about="How long it takes"),
        Field(name="made", kind=Kind.TIME, path="made_at", about="Made", aliases=("time",), nullable=False),
        Field(name="starts", kind=Kind.TIME, path="starts_at", about="Starts"),
        Field(name="ended", kind=Kind.TIME, path="ended_at", about="Ended"),
    ),
)


def _at(column: str) -> Any:
    """A condition on the names of rows as one on an event's bare number: events outlive what they tell of."""
    models: dict[str, type[Model]] = {
        "vm_pk": VM, "host_pk": Host, "cluster_pk": Cluster, "datacenter_pk": DataCenter,
    }  # fmt: skip
    rows = models[column]._default_manager
    return lambda inner: Q(**{f"{column}__in": rows.filter(inner).values("pk")})


EVENTS = Vocabulary(
    noun="event",
    free=either("name", "because", "actor", "verb"),
    fields=(
        Field(name="name", kind=Kind.TEXT, path="name", about="Of the object, as it was then", aliases=("object",)),
        Field(name="noun", kind=Kind.TEXT, path="noun", about="Kind of object: vm, host, migration …"),
        Field(
            name="severity",
            kind=Kind.WORD,
            path="severity",
            about="Severity",
            words=dict(Severity.choices),
            nullable=False,
        ),
        Field(
            name="kind",
            kind=Kind.WORD,
            path="kind",
            about="What it is",
            words=dict(EventKind.choices),
            aliases=("type",),
        ),
        Field(name="verb", kind=Kind.TEXT, path="verb", about="What was ordered", aliases=("order",)),
        Field(name="by", kind=Kind.TEXT, path="actor", about="Who or what did it", aliases=("user", "actor")),
        Field(
            name="actor_kind", kind=Kind.WORD, path="actor_kind", about="Kind of actor", words=dict(ActorKind.choices)
        ),
        Field(name="message", kind=Kind.TEXT, path="because", about="Why, in words", aliases=("because", "reason")),
        Field(name="old", kind=Kind.TEXT, path="old", about="Value before"),
        Field(name="new", kind=Kind.TEXT, path="new", about="Value after"),
        Field(name="time", kind=Kind.TIME, path="at", about="When", aliases=("at",), nullable=False),
        Field(
            name="correlation_id",
            kind=Kind.UUID,
            path="correlation",
            about="One order and all that follows from it",
            aliases=("correlation",),
        ),
        Field(name="vm", kind=Kind.TEXT, path="name", about="VM it is about", offer=_VMS, within=_at("vm_pk")),
        Field(
            name="host",
            kind=Kind.TEXT,
            path="name",
            about="Host where it happened",
            offer=_HOSTS,
            within=_at("host_pk"),
        ),
        Field(
            name="cluster",
            kind=Kind.TEXT,
            path="name",
            about="Cluster where it happened",
            offer=_CLUSTERS,
            within=_at("cluster_pk"),
        ),
        Field(
            name="datacenter",
            kind=Kind.TEXT,
            path="name",
            about="Data center where it happened",
            aliases=("dc",),
            offer=_DATACENTERS,
            within=_at("datacenter_pk"),
        ),
    ),
)

VOCABULARIES = {each.noun: each for each in (VMS, HOSTS, CLUSTERS, DATACENTERS, MIGRATIONS, PLANS, EVENTS)}
