"""Hosts and VMs. Bounded: a line a cluster and state, and a few a host, never one a VM."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from datacenter.api.metrics.text import Family, Sample, gauge
from hosts.models import VM, Cluster, Host
from hosts.states import HostState, State, VMState

_AWAY = (VMState.DOWN.value, VMState.MISSING.value)


def families() -> Iterator[Family]:
    """Three queries."""
    clusters = dict(Cluster.objects.order_by().values_list("pk", "name"))
    places = dict(Cluster.objects.order_by().values_list("pk", "datacenter__name"))
    hosts = Host.objects.order_by().values_list("cluster", "state").annotate(n=Count("pk"))
    vms = VM.objects.order_by().values_list("host__cluster", "state").annotate(n=Count("pk"))
    yield gauge("godwit_hosts", "Hosts by cluster and state.", _by_state(hosts, HostState, clusters, places))
    yield gauge("godwit_vms", "VMs by cluster and state.", _by_state(vms, VMState, clusters, places))
    yield from _of_hosts(list(_rows()), clusters)


def _by_state(
    counted: Iterable[tuple[int, str, int]], states: type[State], clusters: dict[int, str], places: dict[int, str]
) -> list[Sample]:
    """Every state of every cluster, 0 too: a line that vanishes is no alarm in Prometheus."""
    known = {(cluster, state): n for cluster, state, n in counted}
    return [
        ({"datacenter": places[pk], "cluster": name, "state": state.value}, known.get((pk, state.value), 0))
        for pk, name in clusters.items()
        for state in states
    ]


def _rows() -> QuerySet[Host]:
    few = ("name", "cluster", "state", "cpu_percent", "memory_bytes", "memory_free_bytes", "answered_at")
    return Host.objects.order_by("pk").only(*few).annotate(running=Count("vms", filter=~Q(vms__state__in=_AWAY)))


def _of_hosts(rows: list[Any], clusters: dict[int, str]) -> Iterator[Family]:
    now = timezone.now()

    def each(name: str, words: str, value: Callable[[Any], float | int | None]) -> Family:
        return gauge(name, words, [(_labels(row, clusters), value(row)) for row in rows])

    yield each("godwit_host_up", "1: it answers, and may take VMs.", lambda row: int(row.state == HostState.UP))
    yield each("godwit_host_cpu_ratio", "CPU used, of all its logical CPUs.", lambda row: _ratio(row.cpu_percent))
    yield each("godwit_host_memory_bytes", "Memory.", lambda row: row.memory_bytes)
    yield each("godwit_host_memory_free_bytes", "Memory that is free.", lambda row: row.memory_free_bytes)
    yield each("godwit_host_vms", "VMs on it that are not down.", lambda row: row.running)
    yield each(
        "godwit_host_silent_seconds",
        "Since its last answer.",
        lambda row: (now - row.answered_at).total_seconds() if row.answered_at else None,
    )


def _labels(row: Host, clusters: dict[int, str]) -> dict[str, str]:
    return {"host": row.name, "cluster": clusters.get(row.cluster_id, ""), "id": str(row.pk)}


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
