"""How a row is read to be shown: one query set a noun, for the page's first paint and for every live one alike.

What a fragment's template touches beyond its own row is fetched here, so that 50 rows cost a handful of queries.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet

from datacenter.models import Plan, PlanHost, PlanMove, PlanStep
from hosts.models import VM, Cluster, Host, Migration, Operation
from hosts.states import OPEN_MIGRATION, PlanMoveState, VMState

#: long lists that few fragments show: PostgreSQL's arrays and JSON cost more to read than all the rest of a row
HOST_FACTS = ("machine_types", "virt_types", "networks", "bridges", "cpu_features", "cpu_models", "huge_pages")
VM_FACTS = ("xml", "description", "devices", "disks", "nics", "cpu_features")
_HERE = ~Q(vms__state__in=[VMState.DOWN.value, VMState.MISSING.value])


def without(path: str, facts: tuple[str, ...] = HOST_FACTS) -> list[str]:
    """For ``defer``: these facts of the row at ``path``."""
    return [f"{path}__{fact}" for fact in facts]


_OPEN = (
    Migration.objects.filter(state__in=[state.value for state in OPEN_MIGRATION])
    .select_related("source", "destination")
    .defer("checks", "expected", *without("source"), *without("destination"))
)


def vms() -> QuerySet[VM]:
    """VMs with host, cluster, data center, and ``open_migrations`` (a list of none or one)."""
    under_way = Prefetch("migrations", queryset=_OPEN.all(), to_attr="open_migrations")
    found = VM.objects.select_related("host__cluster__datacenter").defer("xml", *without("host"))
    return found.prefetch_related(under_way)


def hosts() -> QuerySet[Host]:
    """Hosts with cluster, data center, and ``vm_count`` (those not down)."""
    return Host.objects.select_related("cluster__datacenter").annotate(vm_count=Count("vms", filter=_HERE))


def migrations() -> QuerySet[Migration]:
    """Migrations with their VM and both hosts."""
    found = Migration.objects.select_related("vm", "source__cluster", "destination__cluster", "policy__policy")
    return found.defer(*without("vm", VM_FACTS), *without("source"), *without("destination"))


def operations() -> QuerySet[Operation]:
    """Operations with their VM."""
    return Operation.objects.select_related("vm__host").defer("vm__xml")


def clusters() -> QuerySet[Cluster]:
    """Clusters with data center, ``host_count`` and ``vm_count``."""
    return Cluster.objects.select_related("datacenter").annotate(
        host_count=Count("hosts", distinct=True), vm_count=Count("hosts__vms", distinct=True)
    )


_AWAY = Q(hosts__moves__leg=PlanMove.Leg.OUT) & ~Q(hosts__moves__action=PlanMove.Action.LEAVE)
_OUT = Q(moves__leg=PlanMove.Leg.OUT) & ~Q(moves__action=PlanMove.Action.LEAVE)


def plans() -> QuerySet[Plan]:
    """Plans with ``vm_count``, ``left_count`` (gone already), ``red_count``, and their hosts in order with clusters."""
    hosts = Prefetch("hosts", queryset=PlanHost.objects.select_related("host__cluster__datacenter"), to_attr="in_order")
    return (
        Plan.objects.select_related("policy")
        .annotate(
            vm_count=Count("hosts__moves", filter=_AWAY),
            left_count=Count("hosts__moves", filter=_AWAY & Q(hosts__moves__state=PlanMoveState.DONE.value)),
            red_count=Count("hosts__moves", filter=_AWAY & Q(hosts__moves__light=PlanMove.Light.RED)),
        )
        .prefetch_related(hosts)
    )


def plan_hosts() -> QuerySet[PlanHost]:
    """Hosts of plans with ``vm_count`` and ``left_count``."""
    done = _OUT & Q(moves__state=PlanMoveState.DONE.value)
    return PlanHost.objects.select_related("plan", "host__cluster").annotate(
        vm_count=Count("moves", filter=_OUT), left_count=Count("moves", filter=done)
    )


def plan_moves() -> QuerySet[PlanMove]:
    """Moves with their VM and where it is, their host, target, migration and operation."""
    found = PlanMove.objects.select_related("vm__host", "plan_host__host", "target", "migration", "operation")
    return found.defer("vm__xml")


def plan_steps() -> QuerySet[PlanStep]:
    """Steps with their host and plan."""
    return PlanStep.objects.select_related("plan_host__host", "plan_host__plan")


ROWS: dict[str, Callable[[], QuerySet[Any]]] = {
    "vm": vms,
    "host": hosts,
    "migration": migrations,
    "operation": operations,
    "cluster": clusters,
    "plan": plans,
    "plan_host": plan_hosts,
    "plan_move": plan_moves,
    "plan_step": plan_steps,
}
