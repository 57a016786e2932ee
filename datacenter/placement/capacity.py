"""What room there is: one snapshot of a data center's hosts, read once, then reasoned about without the database."""

from dataclasses import dataclass

from django.db.models import Sum

from hosts.models import Host, Migration
from hosts.states import OPEN_MIGRATION, HostState, MigrationState

#: open migrations whose guest does not yet stand in the destination's free memory
_STILL_TO_COME = tuple(
    state for state in OPEN_MIGRATION if state not in (MigrationState.POSTCOPY, MigrationState.CONFIRMING)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One host as placement sees it. ``free_bytes`` has the guests that are on their way already taken off."""

    host: Host
    state: HostState
    memory_bytes: int | None
    free_bytes: int | None
    cpu_percent: float | None
    incoming: int  # open migrations towards it


def snapshot(datacenter_id: int) -> list[Room]:
    """Every host of the data center, by name. Two queries, whatever its size."""
    hosts = (
        Host.objects.filter(cluster__datacenter_id=datacenter_id).select_related("cluster__datacenter").order_by("name")
    )
    coming = (
        Migration.objects.filter(state__in=_STILL_TO_COME, destination__cluster__datacenter_id=datacenter_id)
        .values("destination_id")
        .annotate(bytes=Sum("vm__memory_bytes"), count=Sum(1))
    )
    promised = {row["destination_id"]: (row["bytes"], row["count"]) for row in coming}
    return [_room(host, *promised.get(host.pk, (0, 0))) for host in hosts]


def _room(host: Host, promised_bytes: int, incoming: int) -> Room:
    free = host.memory_free_bytes
    return Room(
        host=host,
        state=HostState.of(host.state),
        memory_bytes=host.memory_bytes,
        free_bytes=None if free is None else free - promised_bytes,
        cpu_percent=host.cpu_percent,
        incoming=incoming,
    )
