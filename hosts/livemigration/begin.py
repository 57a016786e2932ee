"""Asking libvirt to migrate, once its row says so."""

import logging
from typing import TYPE_CHECKING

from hosts.models import Migration
from hosts.virt.errors import VirtError
from hosts.virt.records import DomainState, MigrateSpec

if TYPE_CHECKING:  # the supervisor walks: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor

log = logging.getLogger(__name__)


def begin(it: "Supervisor") -> None:
    """Ask libvirt. The row says STARTING already: a worker that dies here is followed by one that looks first."""
    row = it.row
    assert row.destination is not None
    first = row.max_downtime_ms if row.offline else it.helm.first_downtime_ms(row)
    if first != row.max_downtime_ms:
        row.max_downtime_ms = first
        Migration.objects.filter(pk=row.pk).update(max_downtime_ms=first)
    try:
        it.start(_spec(it))
    except VirtError as exc:
        log.info("The source of %s cannot be asked: %s", row, exc, extra={"action": "migrate_not_asked"})


def _spec(it: "Supervisor") -> MigrateSpec:
    """What the row says, less what a paused guest or one whose disks travel cannot have. Raises VirtError.

    Whether it is persistent is asked of its host at this moment: a transient guest arrives transient, and of a
    persistent one no definition may stay behind that could be started there.
    """
    row = it.row
    assert row.destination is not None
    if row.offline:
        return MigrateSpec(uuid=it.eyes.uuid, destination_uri=row.destination.uri, offline=True)
    guest = it.eyes.source.domain(it.eyes.uuid)
    stands = guest.status.state is DomainState.PAUSED
    if stands and row.arrives_paused:  # a person paused it: then the guardian must not let it go on there
        row.arrives_paused = False
        Migration.objects.filter(pk=row.pk).update(arrives_paused=False)
    return MigrateSpec(
        uuid=it.eyes.uuid,
        destination_uri=row.destination.uri,
        bandwidth_bytes_per_s=row.bandwidth,
        max_downtime_ms=row.max_downtime_ms,
        # libvirt refuses post-copy of a guest that stands still (code 74)
        postcopy=row.postcopy_allowed and not (row.arrives_paused or stands or row.copy_disks),
        paused=row.arrives_paused,
        auto_converge=row.auto_converge,
        parallel=row.parallel,
        xbzrle=row.xbzrle,
        tls=row.tls,
        copy_disks=row.copy_disks,
        zero_copy=row.zero_copy,
        persistent=guest.persistent,
        migrate_address=row.destination.migration_address,
    )
