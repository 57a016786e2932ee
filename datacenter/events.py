"""Which events a person may see, and which are about an object: for pages, exports and the API alike."""

from typing import Any

from django.db.models import Model, Q, QuerySet

from datacenter.access import Verb, visible
from datacenter.models import Plan
from hosts.models import VM, Cluster, DataCenter, Event, EventKind, Host, Migration

#: who tried what they may not, and who may come in: for those who audit
GUARDED = (EventKind.REFUSED, EventKind.SECURITY)
#: a tab says how many there are up to this number
MOST_COUNTED = 1000
#: the filter of the list that means one object: "vm=12"
KEYS: dict[type[Model], str] = {
    VM: "vm", Host: "host", Cluster: "cluster", DataCenter: "datacenter", Migration: "migration", Plan: "plan",
}  # fmt: skip


def seen_by(user: Any) -> QuerySet[Event]:
    """The events of what ``user`` may see; those of GUARDED kinds only of what they may audit."""
    audited = visible(user, Event.objects.filter(kind__in=GUARDED), Verb.AUDIT)
    return visible(user, Event.objects.all()).filter(~Q(kind__in=GUARDED) | Q(pk__in=audited.order_by().values("pk")))


def about(row: Model) -> Q:
    """What happened to a data center, cluster, host, VM, migration or plan, and to what is in it."""
    match row:
        case Migration():
            return Q(noun="migration", row=row.pk) | Q(correlation=row.correlation, vm_pk=row.vm_id)
        case Plan():
            return Q(noun="plan", row=row.pk) | Q(correlation=row.correlation)
    return Q(**{f"{KEYS[type(row)]}_pk": row.pk})
