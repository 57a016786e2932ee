"""The one way to write down what happened: one INSERT, with the place in the tree and the order it follows from.

``advance``/``note`` and the control room's ``audit.record`` come here; nobody else makes an Event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils import timezone

from hosts.models import VM, Cluster, DataCenter, Doubt, Event, Host, Migration, Operation
from hosts.models.correlation import current_order
from hosts.models.event import ActorKind, EventKind, Severity

#: who acts when nobody asked, and when it was not we
GODWIT = "Godwit"
OUTSIDE = "outside Godwit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the tree a row stands: primary keys, as of now."""

    datacenter: int | None = None
    cluster: int | None = None
    host: int | None = None
    vm: int | None = None


#: cluster and data center of hosts that were asked for; a host stays in its cluster
_clusters: dict[int, tuple[int, int]] = {}
_MOST_KEPT = 10_000


def at_host(pk: int | None, *, vm: int | None = None) -> Place:
    """The place of a host, and of a VM on it. The first time a host is asked for costs a query."""
    if pk is None:
        return Place(vm=vm)
    if pk not in _clusters:
        if len(_clusters) > _MOST_KEPT:
            _clusters.clear()
        found = Host.objects.filter(pk=pk).values_list("cluster", "cluster__datacenter").first()
        if found is None:
            return Place(host=pk, vm=vm)
        _clusters[pk] = found
    cluster, datacenter = _clusters[pk]
    return Place(datacenter=datacenter, cluster=cluster, host=pk, vm=vm)


def at_cluster(pk: int | None) -> Place:
    """The place of a cluster."""
    if pk is None:
        return Place()
    return Place(datacenter=Cluster.objects.values_list("datacenter", flat=True).filter(pk=pk).first(), cluster=pk)


#: model -> where one of its rows stands; the control room adds its own (``stands``)
_PLACES: dict[type[Model], Callable[[Any], Place]] = {
    DataCenter: lambda row: Place(datacenter=row.pk),
    Cluster: lambda row: Place(datacenter=row.datacenter_id, cluster=row.pk),
    Host: lambda row: at_host(row.pk) if row.pk else at_cluster(row.cluster_id),
    VM: lambda row: at_host(row.host_id, vm=row.pk),
    Migration: lambda row: at_host(row.source_id, vm=row.vm_id),
    Operation: lambda row: at_host(row.vm.host_id, vm=row.vm_id),
    Doubt: lambda row: at_host(row.first_id, vm=row.vm_id),
}


def stands(model: type[Model], where: Callable[[Any], Place]) -> None:
    """Tell where rows of ``model`` stand in the tree; of others an event belongs to the whole installation."""
    _PLACES[model] = where


def kind_of_actor(name: str) -> ActorKind:
    """What kind of actor writes itself so. Names of people hold no blank."""
    if name == OUTSIDE:
        return ActorKind.OUTSIDE
    if name.startswith(GODWIT) and name[len(GODWIT) :] in ("", "'s guardian"):
        return ActorKind.GODWIT
    if name.startswith(("policy ", "plan ")):
        return ActorKind.POLICY
    return ActorKind.TOKEN if name.startswith("token ") else ActorKind.PERSON


def draft(row: Any, *, actor: str, **fields: Any) -> Event:
    """An event about ``row`` that is not saved yet: for ``bulk_create`` of many.

    ``fields`` are columns; texts are cut to what their columns hold. What is not given: ``severity`` info,
    ``correlation`` the row's own, else the order that is being carried out, else a new one; ``at`` now.
    """
    where = _PLACES.get(type(row), _nowhere)(row)
    for name, longest in (("old", 300), ("new", 300), ("because", 500), ("verb", 40)):
        if name in fields:
            fields[name] = str(fields[name])[:longest]
    kind = fields.pop("actor_kind", None) or kind_of_actor(actor)
    correlation = fields.pop("correlation", None) or getattr(row, "correlation", None) or current_order()
    return Event(
        noun=noun_of(row), row=row.pk, name=str(row)[:300], actor=actor[:150], actor_kind=kind,
        correlation=correlation, at=fields.pop("at", None) or timezone.now(),
        datacenter_pk=where.datacenter, cluster_pk=where.cluster, host_pk=where.host, vm_pk=where.vm, **fields,
    )  # fmt: skip


def write(
    row: Any,
    *,
    actor: str,
    kind: EventKind,
    severity: Severity = Severity.INFO,
    **fields: Any,
) -> Event:
    """Write one event down, in the transaction of what it tells of: one INSERT."""
    event = draft(row, actor=actor, kind=kind, severity=severity, **fields)
    event.save(force_insert=True)
    return event


def noun_of(row: Any) -> str:
    """What a row calls itself."""
    return str(getattr(row, "noun", type(row).__name__.lower()))


def _nowhere(row: Any) -> Place:
    return Place()
