"""How each model hangs in the tree: what a role has to reach so that a row of it is reached.

A model without an entry is the system's: only a role on the system reaches it. Others add theirs with ``belongs``.
A model with columns ``datacenter_pk``, ``cluster_pk``, ``host_pk`` and ``vm_pk`` needs none: it stands where they say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q

from datacenter import models as control
from datacenter.access.reach import Reach
from datacenter.access.verbs import Verb
from datacenter.models import RoleBinding
from hosts import models as machine
from hosts.models import VM, Cluster, DataCenter, Host


class System:
    """The root of the tree, as something to ask about: users, the installation itself."""

    noun = "system"
    pk = None

    def __str__(self) -> str:
        return "the system"


SYSTEM = System()


class Rule(Protocol):
    """How rows of one model are reached. ``reach`` is neither everywhere nor nowhere."""

    def among(self, reach: Reach, verb: Verb, model: type[Model]) -> Q: ...

    def covers(self, reach: Reach, verb: Verb, row: Any) -> bool: ...


@dataclass(frozen=True, slots=True)
class Along:
    """Reached where one of the objects at the end of ``heads`` is; ``seen_by`` are more of them, for VIEW alone."""

    heads: tuple[str, ...]
    seen_by: tuple[str, ...] = ()

    def among(self, reach: Reach, verb: Verb, model: type[Model]) -> Q:
        found = Q(pk__in=())
        for head in self._heads(verb):
            found |= of_object(reach, _end(model, head), head)
        return found

    def covers(self, reach: Reach, verb: Verb, row: Any) -> bool:
        return any(_reached(reach, _follow(row, head)) for head in self._heads(verb))

    def _heads(self, verb: Verb) -> tuple[str, ...]:
        return self.heads + self.seen_by if verb is Verb.VIEW else self.heads


@dataclass(frozen=True, slots=True)
class All:
    """Reached where all of the VMs or hosts at the end of ``path`` are, and there is one: a plan, an affinity group."""

    path: str

    def among(self, reach: Reach, verb: Verb, model: type[Model]) -> Q:
        end, rows = _end(model, self.path), model._default_manager.order_by()
        inside = of_object(reach, end, "")
        outside = end._default_manager.order_by().exclude(inside)
        some = rows.filter(**{f"{self.path}__in": end._default_manager.order_by().filter(inside)}).values("pk")
        stray = rows.filter(**{f"{self.path}__in": outside}).values("pk")
        return Q(pk__in=some) & ~Q(pk__in=stray)

    def covers(self, reach: Reach, verb: Verb, row: Any) -> bool:
        ends = _ends(row, self.path)
        return bool(ends) and all(_reached(reach, end) for end in ends)


@dataclass(frozen=True, slots=True)
class Placed:
    """Reached by its columns, which say where in the tree it stood."""

    def among(self, reach: Reach, verb: Verb, model: type[Model]) -> Q:
        return (
            Q(vm_pk__in=reach.vms)
            | Q(host_pk__in=reach.hosts)
            | Q(cluster_pk__in=reach.clusters)
            | Q(datacenter_pk__in=reach.datacenters)
        )

    def covers(self, reach: Reach, verb: Verb, row: Any) -> bool:
        return (
            row.vm_pk in reach.vms
            or row.host_pk in reach.hosts
            or row.cluster_pk in reach.clusters
            or row.datacenter_pk in reach.datacenters
        )


@dataclass(frozen=True, slots=True)
class OfSystem:
    """Reached from the system only; ``seen``: whoever may see anything at all sees it too."""

    seen: bool = False

    def among(self, reach: Reach, verb: Verb, model: type[Model]) -> Q:
        return Q() if self.covers(reach, verb, None) else Q(pk__in=())

    def covers(self, reach: Reach, verb: Verb, row: Any) -> bool:
        return self.seen and verb is Verb.VIEW


@dataclass(frozen=True, slots=True)
class OfBinding:
    """A binding stands where its object does."""

    def among(self, reach: Reach, verb: Verb, model: type[Model]) -> Q:
        found = Q(pk__in=())
        for level, each in LEVELS.items():
            there = each._default_manager.order_by().filter(of_object(reach, each, "")).values("pk")
            found |= Q(level=level, row__in=there)
        return found

    def covers(self, reach: Reach, verb: Verb, row: Any) -> bool:
        there = object_of(row.level, row.row)
        return isinstance(there, Model) and _reached(reach, there)


LEVELS: dict[str, type[Model]] = {
    RoleBinding.Level.DATACENTER.value: DataCenter,
    RoleBinding.Level.CLUSTER.value: Cluster,
    RoleBinding.Level.HOST.value: Host,
    RoleBinding.Level.VM.value: VM,
}
_RULES: dict[type[Model], Rule] = {
    **dict.fromkeys((VM, Host, Cluster, DataCenter), Along(("",))),
    machine.Migration: Along(("vm",), seen_by=("source", "destination")),
    machine.Operation: Along(("vm",)),
    machine.Doubt: Along(("vm",), seen_by=("first", "second")),
    machine.Adjustment: Along(("migration__vm",)),
    machine.Sample: Along(("migration__vm",)),
    machine.VMLoad: Along(("vm",)),
    machine.HostLoad: Along(("host",)),
    machine.MigrationPolicy: OfSystem(seen=True),
    machine.PolicyVersion: OfSystem(seen=True),
    control.MaintenancePolicy: Along(("cluster",)),
    control.WindowRun: Along(("policy__cluster",)),
    control.Plan: All("hosts__host"),
    control.PlanHost: Along(("host",)),
    control.PlanMove: Along(("plan_host__host",), seen_by=("vm",)),
    control.PlanStep: Along(("plan_host__host",)),
    control.HostHold: Along(("host",)),
    control.ReportDelivery: All("plan__hosts__host"),
    control.AffinityGroup: All("vms"),
    control.RoleBinding: OfBinding(),
    control.Role: OfSystem(seen=True),
}


def belongs(model: type[Model], *heads: str, seen_by: tuple[str, ...] = ()) -> None:
    """Rows of ``model`` are reached along ``heads``: ORM paths such as "vm" or "policy__cluster"."""
    _RULES[model] = Along(heads, seen_by=seen_by)


def rule_of(model: type[Model]) -> Rule:
    """How rows of ``model`` are reached."""
    model = model._meta.concrete_model or model
    if rule := _RULES.get(model):
        return rule
    columns = {field.name for field in model._meta.concrete_fields}
    return Placed() if {"datacenter_pk", "cluster_pk", "host_pk", "vm_pk"} <= columns else OfSystem()


def object_of(level: str, row: int) -> Model | System | None:
    """What a binding is on; None if it is gone."""
    if level == RoleBinding.Level.SYSTEM:
        return SYSTEM
    return LEVELS[level]._default_manager.filter(pk=row).first()


def ancestors(target: Model | System | None) -> list[tuple[str, int]]:
    """The object and all above it, as (level, row): [("vm", 7), ("host", 2), ("cluster", 1), …, ("system", 0)]."""
    found: list[tuple[str, int]] = []
    while isinstance(target, VM | Host | Cluster):
        found.append((type(target).__name__.lower(), target.pk))
        target = _parent(target)
    if isinstance(target, DataCenter):
        found.append(("datacenter", target.pk))
    return [*found, (RoleBinding.Level.SYSTEM.value, 0)]


def _parent(row: VM | Host | Cluster) -> Model | None:
    match row:
        case VM():
            return row.host
        case Host():
            return row.cluster
    return row.datacenter


def of_object(reach: Reach, model: type[Model], path: str) -> Q:
    """Rows whose VM, host, cluster or data center at ``path`` ("": the row itself) is reached."""
    up = {VM: ("", "host", "host__cluster"), Host: ("", "cluster"), Cluster: ("",), DataCenter: ("",)}[model]
    sets = {VM: (reach.vms, reach.hosts, reach.clusters), Host: (reach.hosts, reach.clusters)}
    many = sets.get(model) or ((reach.clusters,) if model is Cluster else (reach.datacenters,))
    found = Q(pk__in=())
    for step, pks in zip(up, many, strict=True):
        if pks:
            found |= Q(**{f"{_joined(path, step)}__in": pks})
    return found


def _joined(path: str, step: str) -> str:
    return "__".join(part for part in (path, step) if part) or "pk"


def _reached(reach: Reach, row: Any) -> bool:
    match row:
        case VM():
            if row.pk in reach.vms or row.host_id in reach.hosts:
                return True
            return bool(reach.clusters) and _reached(reach, row.host)
        case Host():
            return row.pk in reach.hosts or row.cluster_id in reach.clusters
        case Cluster():
            return row.pk in reach.clusters or row.datacenter_id in reach.datacenters
        case DataCenter():
            return row.pk in reach.datacenters
    return False


def _follow(row: Any, path: str) -> Any:
    for step in path.split("__") if path else ():
        row = getattr(row, step, None)
    return row


def _ends(row: Any, path: str) -> list[Model]:
    """All objects at the end of a path over rows; kept on the row, since a page asks for several verbs. One query."""
    kept: list[Model] | None = row.__dict__.get("_ends")
    if kept is None:
        kept = row._ends = list(_read_ends(row, path))
    return kept


def _read_ends(row: Model, path: str) -> Iterable[Model]:
    if row.pk is None:
        return ()
    end = _end(type(row), path)
    back = {control.Plan: "plan_hosts__plan", control.ReportDelivery: "plan_hosts__plan__deliveries"}
    reverse = back.get(type(row), "affinity_groups")
    wide = ("host",) if end is VM else ()
    return end._default_manager.filter(**{reverse: row.pk}).select_related(*wide).distinct()


@cache
def _end(model: type[Model], path: str) -> type[Model]:
    for step in path.split("__") if path else ():
        try:
            related = model._meta.get_field(step).related_model
        except FieldDoesNotExist as exc:
            raise LookupError(f"{model.__name__} has no {step}: a path of access leads nowhere.") from exc
        assert isinstance(related, type)
        model = related
    return model
