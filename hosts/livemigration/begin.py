"""Asking libvirt to migrate, once its row says so."""

import logging
from typing import TYPE_CHECKING

from hosts.models import Migration
from hosts.virt.errors import VirtError
from hosts.virt.records import MigrateSpec

if TYPE_CHECKING:  # the supervisor walks: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor

log = logging.getLogger(__name__)


def begin(it: "Supervisor") -> None:
    """Ask libvirt. The row says STARTING already: a worker that dies here is followed by one that looks first."""
    row = it.row
    assert row.destination is not None
    first = it.helm.first_downtime_ms(row)
    if first != row.max_downtime_ms:
        row.max_downtime_ms = first
        Migration.objects.filter(pk=row.pk).update(max_downtime_ms=first)
    spec = MigrateSpec(
        uuid=it.eyes.uuid,
        destination_uri=row.destination.uri,
        bandwidth_bytes_per_s=row.bandwidth,
        max_downtime_ms=row.max_downtime_ms,
        postcopy=row.postcopy_allowed and not row.arrives_paused,
        paused=row.arrives_paused,
        auto_converge=row.auto_converge,
        persistent=row.vm.persistent,
    )
    try:
        it.start(spec)
    except VirtError as exc:
        log.info("The source of %s cannot be asked: %s", row, exc, extra={"action": "migrate_not_asked"})
