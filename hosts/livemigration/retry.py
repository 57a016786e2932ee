"""A further try on another host, where the guest stayed safe on its source and nobody picked the host.

Which hosts come into question was ranked when it was ordered and stands on the row; that the next of them can take the
guest now is asked of that host itself, in CHECKING. Why so: docs/decisions/0011-queue-and-retries.md.
"""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from hosts import feed
from hosts.advance import note
from hosts.livemigration.queue import ordinal
from hosts.models import Host, Migration
from hosts.states import HostState, MigrationState
from hosts.virt.clock import WALL

log = logging.getLogger(__name__)

MOST_RETRIES = 3
FIRST_S = 20.0

#: what was asked for, and is asked for again; tests/livemigration/test_retry.py holds that no field is forgotten
SAME = (
    "vm",
    "requested_by",
    "priority",
    "bandwidth",
    "max_downtime_ms",
    "postcopy_allowed",
    "auto_converge",
    "arrives_paused",
    "copy_disks",
    "parallel",
    "xbzrle",
    "tls",
    "zero_copy",
    "offline",
    "policy",
    "pause_budget_ms",
)


def delay_s(attempt: int) -> float:
    """Seconds between the end of this attempt (1: the first) and the next: 20, 40, 80."""
    return FIRST_S * 2.0 ** (attempt - 1)


def try_elsewhere(failed: Migration) -> Migration | None:
    """Write the next try of a migration that just failed safely, in the caller's transaction; None: there is none.

    None after a person's cancel, after three retries, and where no other host is left, or a person picked this one.
    """
    cancelled = Migration.objects.values_list("cancel_requested_at", flat=True).get(pk=failed.pk)
    if cancelled is not None or not failed.ours or failed.attempt > MOST_RETRIES or not failed.alternatives:
        return None
    host = _next_host(failed)
    if host is None:
        log.info("No other host is left for %s.", failed.vm, extra={"action": "retry_none_left", "row": failed.pk})
        return None
    try:
        with transaction.atomic():
            return _write(failed, host, WALL.now() + timedelta(seconds=delay_s(failed.attempt)))
    except IntegrityError as exc:  # somebody asked for a migration of this VM, or another worker wrote the try
        log.info("%s is tried no more: %s", failed.vm, exc, extra={"action": "retry_overtaken", "row": failed.pk})
        return None


def _next_host(failed: Migration) -> Host | None:
    """The best of those that are left and up now."""
    ruled_out = {failed.source_id, failed.destination_id}
    up = Host.objects.filter(pk__in=failed.alternatives, state=HostState.UP, cluster=failed.source.cluster_id)
    hosts = {host.pk: host for host in up if host.pk not in ruled_out}
    return next((hosts[pk] for pk in failed.alternatives if pk in hosts), None)


def _write(failed: Migration, host: Host, not_before: datetime) -> Migration:
    attempt = failed.attempt + 1
    because = f"{ordinal(attempt)} try, on {host}. {failed.because}"[:500]
    migration = Migration.objects.create(
        **{field: getattr(failed, field) for field in SAME},
        source=failed.source,
        destination=host,
        alternatives=[pk for pk in failed.alternatives if pk != host.pk],
        retry_of=failed,
        attempt=attempt,
        not_before=not_before,
        because=because,
    )
    note(migration, field="state", old="", new=str(MigrationState.QUEUED), because=because)
    feed.changed("migration", migration.pk)
    feed.changed("vm", migration.vm_id)
    return migration
