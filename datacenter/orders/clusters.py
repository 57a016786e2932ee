"""What may be ordered of a cluster: how many migrations run at once."""

from typing import Any

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


def set_limits(
    user: Any, cluster: Cluster, *, most_out: int, most_in: int, most_at_once: int, most_on_network: int
) -> None:
    """Let so many migrations run at once: sent by a host, received by one, in the cluster, and on the migration
    network, which its whole data center shares. What runs goes on. Forbidden, or Refused outside 1 to 1000.
    """
    require(user, Verb.ADMINISTER, cluster, order="set_limits")
    limits = {"most_out": most_out, "most_in": most_in, "most_at_once": most_at_once}
    for field, value in (limits | {"most_on_network": most_on_network}).items():
        if not 1 <= value <= GREATEST_LIMIT:
            raise Refused(f"A limit is 1 to {GREATEST_LIMIT}.", field=field)
    with transaction.atomic():
        Cluster.objects.filter(pk=cluster.pk).update(**limits)
        DataCenter.objects.filter(pk=cluster.datacenter_id).update(most_on_network=most_on_network)
        words = f"{most_out} out and {most_in} in per host, {most_at_once} in all, {most_on_network} on the network"
        audit.record(user, "set_limits", cluster, detail=words)
        feed.changed("cluster", cluster.pk)
        nudge()  # there may be room for more now
