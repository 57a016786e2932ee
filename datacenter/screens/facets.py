"""Filters that several lists share. Each costs one query a page."""

from datacenter.screens.listing import Facet
from hosts.models import Cluster, DataCenter, Host


def _clusters() -> list[tuple[str, str]]:
    rows = Cluster.objects.select_related("datacenter").order_by("datacenter__name", "name")
    return [(str(row.pk), f"{row.datacenter.name} › {row.name}") for row in rows]


def _hosts() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Host.objects.order_by("name").values_list("pk", "name")]


def _datacenters() -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in DataCenter.objects.order_by("name").values_list("pk", "name")]


CLUSTER = Facet(key="cluster", label="Cluster", lookup="cluster", options=_clusters)
CLUSTER_OF_HOST = Facet(key="cluster", label="Cluster", lookup="host__cluster", options=_clusters)
HOST = Facet(key="host", label="Host", lookup="host", options=_hosts)
DATACENTER = Facet(key="datacenter", label="Data center", lookup="datacenter", options=_datacenters)
SOURCE = Facet(key="source", label="From", lookup="source", options=_hosts)
DESTINATION = Facet(key="destination", label="To", lookup="destination", options=_hosts)
