"""A cluster as the planner wants it, read in a fixed number of queries, whatever its size."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from datacenter.maintenance import history
from datacenter.maintenance.kinds import Kinds
from datacenter.maintenance.planner import Action, Group, HostFact, Refusal, Snapshot, VMFact, Way
from datacenter.models import AffinityGroup, HostHold, Plan
from hosts.livemigration.policy import Method, from_json
from hosts.livemigration.preflight import Wishes as How
from hosts.livemigration.queue import Limits
from hosts.livemigration.shipped import ADAPTIVE
from hosts.models import VM, Cluster, Doubt, Host, Migration, MigrationMode, PolicyVersion
from hosts.states import OPEN_MIGRATION, HostState, MigrationState, VMState

#: VMs that are on a host, or may be
ON = (VMState.UP, VMState.PAUSED, VMState.POWERING_DOWN, VMState.SUSPENDED, VMState.UNKNOWN, VMState.DOWN,
      VMState.CRASHED)  # fmt: skip
_IDLE = (VMState.DOWN, VMState.CRASHED, VMState.POWERING_DOWN)
#: of a cluster's migrations that are done, so many of the newest tell of its lines and storage
_LAST = 400
_PAST = (
    "source_id", "destination_id", "started_at", "ended_at", "transferred_bytes", "bandwidth", "copy_disks",
    "vm__disks",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What was read beside hosts and VMs."""

    kinds: Kinds
    ways: Mapping[int | None, Way]
    policy: int | None  # the one that all go by; None: each its own
    cluster_policy: int | None
    default_policy: int | None
    shared: frozenset[str]
    doubts: Mapping[int, str]
    moving: Mapping[int, str]
    by_policy: bool
    said: frozenset[int]  # VMs that a person chose something for
    homes: Mapping[int, int] = field(default_factory=dict)  # host -> its kind


def snapshot(plan: Plan, cluster: Cluster, hosts: Iterable[int], *, policy: str, said: Iterable[int]) -> Snapshot:
    """``hosts``: those to be emptied, whose VMs are wanted; ``policy``: the name of the migration policy that all go
    by, "" for each its own; ``said``: VMs that a person chose something for. Ten queries.
    """
    rows = list(Host.objects.filter(cluster=cluster).select_related("cluster__datacenter").order_by("name", "pk"))
    held = {hold.host_id: hold.plan for hold in _holds(cluster, plan)}
    moving = list(_moving(cluster))
    past = list(_past(cluster))
    kinds = Kinds()
    versions = _versions()
    named = {version.policy.name: version.policy_id for version in versions.values()}
    seen = _Seen(
        kinds=kinds,
        ways={pk: _way(version) for pk, version in versions.items()},
        policy=named.get(policy) if policy else None,
        cluster_policy=cluster.migration_policy_id,
        default_policy=named.get(ADAPTIVE),
        shared=history.shared(row["vm__disks"] for row in past if not row["copy_disks"]),
        doubts={doubt.vm_id: doubt.forbids for doubt in _doubts()},
        moving={row.vm_id: f"It is being migrated already, to {row.destination or 'another host'}." for row in moving},
        by_policy=plan.policy_id is not None,
        said=frozenset(said),
        homes={host.pk: kinds.of_host(host) for host in rows},
    )  # fmt: skip
    promised: dict[int | None, int] = defaultdict(int)
    for row in moving:
        if row.state not in (MigrationState.POSTCOPY, MigrationState.CONFIRMING):
            promised[row.destination_id] += row.vm.memory_bytes
    lines = history.lines(history.rates(past), [host.pk for host in rows])
    groups = _groups(cluster)
    members = {vm for group in groups for vm in group.vms}
    return Snapshot(
        hosts=tuple(_host(host, seen, promised[host.pk], held.get(host.pk), lines.get(host.pk)) for host in rows),
        vms=tuple(_vm(vm, seen) for vm in _vms(cluster, list(hosts), members)),
        groups=groups,
        limits=_limits(cluster),
        fits=kinds.fits,
    )


# the queries
def _holds(cluster: Cluster, plan: Plan) -> QuerySet[HostHold]:
    return HostHold.objects.filter(host__cluster=cluster).exclude(plan=plan).select_related("plan")


def _moving(cluster: Cluster) -> QuerySet[Migration]:
    rows = Migration.objects.filter(state__in=OPEN_MIGRATION, source__cluster=cluster)
    return rows.select_related("vm", "destination").only("state", "vm__memory_bytes", "destination__name")


def _past(cluster: Cluster) -> Iterable[dict[str, Any]]:
    done = Migration.objects.filter(source__cluster=cluster, state=MigrationState.DONE, destination__isnull=False)
    rows: Iterable[dict[str, Any]] = done.order_by("-requested_at").values(*_PAST)[:_LAST]
    return rows


def _doubts() -> QuerySet[Doubt]:
    return Doubt.objects.filter(resolved_at=None).select_related("vm", "first", "second")


def _versions() -> dict[int, PolicyVersion]:
    """The newest version of each migration policy, by policy."""
    rows = PolicyVersion.objects.select_related("policy").order_by("policy_id", "-number").distinct("policy_id")
    return {row.policy_id: row for row in rows}


def _vms(cluster: Cluster, hosts: list[int], members: set[int]) -> QuerySet[VM]:
    wanted = Q(host__in=hosts) | Q(pk__in=members)
    rows = VM.objects.filter(wanted, host__cluster=cluster, state__in=ON)
    return rows.defer("xml", "description").order_by("name", "pk")


def _groups(cluster: Cluster) -> tuple[Group, ...]:
    rows = AffinityGroup.objects.filter(vms__host__cluster=cluster).distinct().prefetch_related("vms")
    return tuple(
        Group(name=row.name, together=row.together, hard=row.hard, vms=frozenset(vm.pk for vm in row.vms.all()))
        for row in rows
    )


# the facts
def _limits(cluster: Cluster) -> Limits:
    return Limits(
        out=cluster.most_out,
        into=cluster.most_in,
        cluster=cluster.most_at_once,
        network=cluster.datacenter.most_on_network,
    )


def _way(version: PolicyVersion) -> Way:
    it = from_json(version.data)
    return Way(
        bandwidth=it.bandwidth,
        max_downtime_ms=it.max_downtime_ms,
        postcopy=it.postcopy,
        auto_converge=it.throttles(postcopy=it.postcopy),
        xbzrle=it.compression,
        parallel=it.parallel,
        adaptive=it.method is Method.ADAPTIVE,
        most=it.concurrent,
    )


def _host(host: Host, seen: _Seen, promised: int, holder: Plan | None, line: float | None) -> HostFact:
    state = HostState.of(host.state)
    closed = None
    if holder is not None:
        closed = Refusal(reason=f"The maintenance plan “{holder}” holds it.", remedy="Wait for its end, or cancel it.")
    elif state is not HostState.UP:
        kept = state in (HostState.MAINTENANCE, HostState.PREPARING)
        closed = Refusal(
            reason=f"The host is {state.label.lower()}.", remedy="Activate it first." if kept else host.error
        )
    free = host.memory_free_bytes
    return HostFact(
        key=host.pk,
        name=host.name,
        kind=seen.homes[host.pk],
        memory_bytes=host.memory_bytes or 0,
        free_bytes=None if free is None else free - promised,
        closed=closed,
        line=line,
    )


def _vm(vm: VM, seen: _Seen) -> VMFact:
    policy = seen.policy or vm.migration_policy_id or seen.cluster_policy or seen.default_policy
    way = seen.ways.get(policy, Way())
    state = VMState.of(vm.state)
    kind = seen.kinds.of_vm(vm, seen.homes[vm.host_id], How(postcopy=way.postcopy, parallel=way.parallel))
    fixed, warning = seen.kinds.anywhere(kind)
    warnings = (seen.moving.get(vm.pk, ""), warning, history.by_folder(vm.disks, seen.shared))
    return VMFact(
        key=vm.pk,
        name=vm.name,
        host=vm.host_id,
        kind=kind,
        memory_bytes=vm.memory_bytes,
        rss_bytes=vm.rss_bytes,
        dirty_rate=vm.dirty_rate,
        runs=state not in _IDLE,
        known=state is not VMState.UNKNOWN,
        persistent=vm.persistent,
        rule=Action(vm.maintenance_rule),
        fixed=_fixed(vm, state, seen) or fixed,
        unsaved=_unsaved(vm),
        warning=" ".join(part for part in warnings if part),
        takes_memory=vm.huge_page_bytes is None,
        way=way,
    )


def _fixed(vm: VM, state: VMState, seen: _Seen) -> Refusal | None:
    """Why it is not to be moved, whatever host."""
    if doubt := seen.doubts.get(vm.pk):
        return Refusal(reason=doubt, remedy="Resolve the doubt on its page.")
    if vm.migration_mode == MigrationMode.PINNED:
        return Refusal(reason="It is pinned to its host.", remedy="Change its migration mode.")
    if vm.migration_mode == MigrationMode.MANUAL and seen.by_policy and vm.pk not in seen.said:
        return Refusal(
            reason="Only a person may move it, and this plan is a policy's.", remedy="Choose a host for it in the plan."
        )
    if state is VMState.SUSPENDED:
        return Refusal(reason="It sleeps: only a running VM can be migrated live.", remedy="Wake it up.")
    return None


def _unsaved(vm: VM) -> str:
    if any(str(each).split(" ", 1)[0] in ("hostdev", "redirdev") for each in vm.devices):
        return "It uses a device of its host: libvirt cannot save it to disk."
    return ""
