"""What may be ordered of a cluster: how many migrations run at once."""

import ipaddress
from typing import Any, NotRequired, TypedDict, Unpack

from django.db import transaction

from datacenter import audit
from datacenter.access import Verb
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.livemigration.admission import nudge
from hosts.models import Cluster, DataCenter

#: one worker drives a few hundred
GREATEST_LIMIT = 1000


class Limits(TypedDict):
    """Of a cluster: sent by a host, received by one, in all; of its data center: on its migration network, which may
    have a name and a subnet ("10.78.0.0/24")."""

    most_out: int
    most_in: int
    most_at_once: int
    most_on_network: int
    migration_network: NotRequired[str]
    migration_subnet: NotRequired[str]


def set_limits(user: Any, cluster: Cluster, **given: Unpack[Limits]) -> None:
    """Let so many migrations run at once: sent by a host, received by one, in the cluster, and on the migration
    network, which its whole data center shares. What runs goes on. Forbidden, or Refused outside 1 to 1000.
    """
    require(user, Verb.ADMINISTER, cluster, order="set_limits")
    of_cluster = {name: given[name] for name in ("most_out", "most_in", "most_at_once")}
    of_network: dict[str, Any] = {"most_on_network": given["most_on_network"]}
    for field, value in (of_cluster | of_network).items():
        if not 1 <= value <= GREATEST_LIMIT:
            raise Refused(f"A limit is 1 to {GREATEST_LIMIT}.", field=field)
    if "migration_network" in given:
        of_network["migration_network"] = given["migration_network"].strip()[:80]
    if "migration_subnet" in given:
        of_network["migration_subnet"] = _subnet(given["migration_subnet"].strip())
    with transaction.atomic():
        Cluster.objects.filter(pk=cluster.pk).update(**of_cluster)
        DataCenter.objects.filter(pk=cluster.datacenter_id).update(**of_network)
        words = (
            f"{given['most_out']} out and {given['most_in']} in per host, {given['most_at_once']} in all, "
            f"{given['most_on_network']} on the network {given.get('migration_network', '')}"
        ).strip()
        audit.record(user, "set_limits", cluster, detail=words)
        feed.changed("cluster", cluster.pk)
        nudge()  # there may be room for more now


def _subnet(text: str) -> str:
    """ "10.78.0.7/24" -> "10.78.0.0/24"; "" stays so. Refused where it is no subnet."""
    if not text:
        return ""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as exc:
        raise Refused(f"“{text[:43]}” is no subnet, such as 10.78.0.0/24.", field="migration_subnet") from exc
