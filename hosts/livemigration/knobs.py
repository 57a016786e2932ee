"""What people turned on a running migration: applied in order, each with its moment or its error."""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from hosts import feed
from hosts.models import Adjustment, Migration
from hosts.states import OPEN_MIGRATION, MigrationState
from hosts.virt.driver import Driver
from hosts.virt.errors import HostLost, JobConflict, VirtError

log = logging.getLogger(__name__)

#: how long a host that does not answer, or a job that is not there yet, is tried again
PATIENCE = timedelta(seconds=10)

#: libvirt has a job that can be turned
_RUNNING = frozenset(
    {
        MigrationState.STARTING,
        MigrationState.COPYING,
        MigrationState.SWITCHING,
        MigrationState.POSTCOPY,
        MigrationState.PROBING,
    }
)


def waiting(migration: Migration) -> list[Adjustment]:
    """What was not done yet, oldest first."""
    return list(Adjustment.objects.filter(migration=migration, applied_at=None, error="").order_by("at", "id"))


def turn(migration: Migration, adjustment: Adjustment, source: Callable[[], Driver]) -> bool:
    """Do it. True: it is settled, done or failed, and written. False: it is to be tried again at the next tick."""
    try:
        if migration.state == MigrationState.CANCELLED and adjustment.kind == Adjustment.CANCEL:
            return _settle(migration, adjustment)  # it came about, by whatever hand
        if MigrationState.of(migration.state) in _RUNNING:
            _turn(migration, adjustment, source())
        elif MigrationState.of(migration.state).is_final or adjustment.kind in (Adjustment.CANCEL, Adjustment.POSTCOPY):
            return _settle(
                migration, adjustment, error=f"Too late: {MigrationState.of(migration.state).label.lower()}."
            )
    except (HostLost, JobConflict) as exc:
        if timezone.now() - adjustment.at < PATIENCE and migration.state != MigrationState.POSTCOPY:
            return False
        return _settle(migration, adjustment, error=str(exc))
    except VirtError as exc:
        return _settle(migration, adjustment, error=str(exc))
    _remember(migration, adjustment)
    return _settle(migration, adjustment)


def _turn(migration: Migration, adjustment: Adjustment, driver: Driver) -> None:
    uuid = str(migration.vm.uuid)
    match adjustment.kind:
        case Adjustment.CANCEL:
            driver.abort_job(uuid)
        case Adjustment.BANDWIDTH:
            driver.set_bandwidth(uuid, adjustment.value)
        case Adjustment.MAX_DOWNTIME:
            assert adjustment.value is not None
            driver.set_max_downtime(uuid, adjustment.value)
        case Adjustment.POSTCOPY:
            driver.start_postcopy(uuid)


def _remember(migration: Migration, adjustment: Adjustment) -> None:
    """The row says what holds now; before the start, this is all there is to do."""
    match adjustment.kind:
        case Adjustment.BANDWIDTH:
            migration.bandwidth = adjustment.value
            Migration.objects.filter(pk=migration.pk).update(bandwidth=adjustment.value)
        case Adjustment.MAX_DOWNTIME:
            migration.max_downtime_ms = adjustment.value
            Migration.objects.filter(pk=migration.pk).update(max_downtime_ms=adjustment.value)
        case Adjustment.POSTCOPY:
            migration.used_postcopy = True
            Migration.objects.filter(pk=migration.pk).update(used_postcopy=True)


def _settle(migration: Migration, adjustment: Adjustment, *, error: str = "") -> bool:
    adjustment.error = error[:500]
    adjustment.applied_at = None if error else timezone.now()
    adjustment.save(update_fields=["applied_at", "error"])
    if error and adjustment.kind == Adjustment.CANCEL and migration.state in OPEN_MIGRATION:
        # it can be asked again
        migration.cancel_requested_at = None
        Migration.objects.filter(pk=migration.pk).update(cancel_requested_at=None)
    feed.changed("migration", migration.pk)
    log.info(
        "The adjustment %s of the migration %s %s",
        adjustment.kind,
        migration,
        f"failed: {error}" if error else "was applied.",
        extra={"action": "migration_adjusted", "row": migration.pk, "kind": adjustment.kind, "error": error},
    )
    return True
