"""Hosts as cells: coloured by CPU load, as high as memory is used, outlined in maintenance."""

from datetime import datetime
from itertools import groupby
from typing import Any

from datacenter.wall.scope import Scope
from hosts.models import Host

#: cells sent; no screen shows more of them so that they can be read
MOST = 400
#: what a cell is drawn of: at one frame a second a whole row is too much
SHOWN = ("name", "state", "cpu_percent", "memory_bytes", "memory_free_bytes")


def read(scope: Scope, now: datetime) -> dict[str, Any]:
    """``groups``: (cluster, its hosts), the clusters in order. One query."""
    found = scope.only(Host.objects.select_related("cluster")).only(*SHOWN, "cluster__name")
    hosts = list(found.order_by("cluster__name", "cluster_id", "name"))
    groups = [(cluster, list(its)) for cluster, its in groupby(hosts[:MOST], key=lambda host: host.cluster)]
    return {"groups": groups, "total": len(hosts)}
