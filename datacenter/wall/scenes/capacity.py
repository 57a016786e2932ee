"""How full the clusters are, and whether each could bear the loss of any one of its hosts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, Sum

from datacenter.wall.scope import Scope
from hosts.models import Cluster, Host
from hosts.states import HostState, VMState

MOST = 40
_GONE = Q(vms__state__in=[VMState.DOWN.value, VMState.MISSING.value])


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One cluster; bytes, percent. Of hosts that are up: the others hold memory that nobody can have."""

    cluster: Cluster
    hosts: int
    memory_bytes: int
    free_bytes: int
    promised_bytes: int  # to VMs that are not down
    cpu_percent: float | None
    bears_loss: bool | None  # None: nothing is known, or there is one host alone

    @property
    def used_percent(self) -> float:
        return 100 * (1 - self.free_bytes / self.memory_bytes) if self.memory_bytes else 0.0

    @property
    def promised_percent(self) -> float:
        return 100 * self.promised_bytes / self.memory_bytes if self.memory_bytes else 0.0


def read(scope: Scope, now: datetime) -> dict[str, Any]:
    """``fills``, the fullest first. One query."""
    found = scope.only(Host.objects.select_related("cluster__datacenter")).annotate(
        promised=Sum("vms__memory_bytes", filter=~_GONE)
    )
    facts = ("cluster", "name", "state", "memory_bytes", "memory_free_bytes", "cpus", "cpu_percent")
    by_cluster: dict[Cluster, list[Any]] = defaultdict(list)
    for host in found.only(*facts, "cluster__name", "cluster__datacenter__name"):
        by_cluster[host.cluster].append(host)
    fills = sorted(
        (_fill(cluster, hosts) for cluster, hosts in by_cluster.items()), key=lambda each: -each.used_percent
    )
    return {"fills": fills[:MOST], "total": len(fills)}


def _fill(cluster: Cluster, hosts: Sequence[Any]) -> Fill:
    up = [host for host in hosts if host.state == HostState.UP and host.memory_bytes]
    cpus = sum(host.cpus or 0 for host in up if host.cpu_percent is not None)
    busy = sum((host.cpu_percent or 0.0) * (host.cpus or 0) for host in up)
    return Fill(
        cluster=cluster,
        hosts=len(up),
        memory_bytes=sum(host.memory_bytes for host in up),
        free_bytes=sum(_free(host) for host in up),
        promised_bytes=sum(host.promised or 0 for host in up),
        cpu_percent=busy / cpus if cpus else None,
        bears_loss=bears_loss([(host.memory_bytes, _free(host)) for host in up]),
    )


def _free(host: Any) -> int:
    return int(host.memory_free_bytes or 0)


def bears_loss(hosts: Sequence[tuple[int, int]]) -> bool | None:
    """Whether what any one host uses fits into what the others have free. ``hosts``: (memory, free), bytes.

    Three of 64 GiB with 30, 30 and 10 free: the last uses 54, the others have 60 free: it fits. By sums alone: one VM
    larger than each gap would still not fit, which the planner finds out when it is asked.
    """
    if len(hosts) < 2:
        return None
    free = sum(each for _, each in hosts)
    return all(memory - own <= free - own for memory, own in hosts)
