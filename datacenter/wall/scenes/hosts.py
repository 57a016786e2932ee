"""Hosts as a list, those that are not well first, then the busiest."""

from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Q, Value, When

from datacenter.wall.scenes.heat import SHOWN
from datacenter.wall.scope import Scope
from hosts.models import Host
from hosts.states import HostState, VMState

MOST = 100
HERE = Count("vms", filter=~Q(vms__state__in=[VMState.DOWN.value, VMState.MISSING.value]))
#: in this order; the rest after
_FIRST = (HostState.NON_RESPONSIVE, HostState.CONNECTING, HostState.PREPARING, HostState.MAINTENANCE)


def read(scope: Scope, now: datetime) -> dict[str, Any]:
    """``hosts`` and ``states``: how many in each, worst first. One query."""
    ranks = [When(state=state.value, then=Value(rank)) for rank, state in enumerate(_FIRST)]
    order = Case(*ranks, default=Value(len(ranks)), output_field=IntegerField())
    found = scope.only(Host.objects.annotate(vm_count=HERE)).only(*SHOWN)
    hosts = list(found.order_by(order, F("cpu_percent").desc(nulls_last=True), "name"))
    counts = {state: sum(host.state == state for host in hosts) for state in HostState}
    return {
        "hosts": hosts[:MOST],
        "total": len(hosts),
        "states": [(state, count) for state, count in counts.items() if count],
    }
