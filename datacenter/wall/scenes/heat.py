"""Hosts as cells: coloured by CPU load, as high as memory is used, outlined in maintenance."""

from datetime import datetime
from itertools import groupby
from typing import Any

from datacenter import rows
from datacenter.wall.scope import Scope
from hosts.models import Host

#: cells sent; no screen shows more of them so that they can be read
MOST = 400


def read(scope: Scope, now: datetime) -> dict[str, Any]:
    """``groups``: (cluster, its hosts), the clusters in order. One query."""
    found = scope.only(Host.objects.select_related("cluster")).defer(*rows.HOST_FACTS)
    hosts = list(found.order_by("cluster__name", "cluster_id", "name"))
    groups = [(cluster, list(its)) for cluster, its in groupby(hosts[:MOST], key=lambda host: host.cluster)]
    return {"groups": groups, "total": len(hosts)}
