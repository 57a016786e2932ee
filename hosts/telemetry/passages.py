"""What events tell of migrations: the exact moments of the standstill, the passes, and those that others started.

Our own migrations are driven by hosts/livemigration, which reads the moments written here. One that somebody else
started gets a row too, and a worker follows it; nobody touches it.
"""

import logging

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from procrastinate.contrib.django import app

from hosts import feed
from hosts.advance import note
from hosts.models import VM, Host, Migration
from hosts.states import OPEN_MIGRATION, MigrationState
from hosts.virt.clock import WALL
from hosts.virt.records import DomainEvent, JobStats, JobType

log = logging.getLogger(__name__)

OUTSIDE = "outside Godwit"
#: deferred by name: siblings of one floor do not import each other
FOLLOW = "hosts.livemigration.tasks.drive"


def of_lifecycle(host: int, event: DomainEvent) -> None:
    """Keep the moment when the guest stopped on the source, or went on on the destination."""
    happening, _, detail = event.detail.partition("/")
    if happening == "suspended" and detail in ("migrated", "postcopy"):
        _open(event.uuid).filter(source=host, suspended_at=None).update(suspended_at=event.at)
    elif happening == "resumed" and detail in ("migrated", "postcopy"):
        arrived = _open(event.uuid).exclude(source=host).filter(Q(destination=host) | Q(destination=None))
        arrived.filter(resumed_at=None).update(resumed_at=event.at, destination=host)
    elif happening == "resumed":
        # back on the source: that standstill was not the hand-over, another may follow
        _open(event.uuid).filter(source=host, resumed_at=None).update(suspended_at=None)


def of_iteration(host: int, event: DomainEvent) -> bool:
    """Keep the number of passes. False: no open migration of this VM leaves this host, so somebody else's does."""
    return bool(_open(event.uuid).filter(source=host).update(iterations=event.number))


def of_completion(host: int, event: DomainEvent) -> None:
    """libvirt's own figure of the pause: after post-copy no call gives it any more, only this event."""
    if event.job and event.job.downtime_ms is not None:
        ended = Migration.objects.filter(vm__uuid=event.uuid, source=host).order_by("-requested_at")[:1]
        Migration.objects.filter(pk__in=list(ended.values_list("pk", flat=True)), libvirt_downtime_ms=None).update(
            libvirt_downtime_ms=event.job.downtime_ms
        )


def arriving(host: int, uuid: str) -> None:
    """A copy of the guest arrives on this host: where a migration that is not ours goes to."""
    unknown = _open(uuid).filter(ours=False, destination=None).exclude(source=host)
    for migration in unknown:
        Migration.objects.filter(pk=migration.pk, destination=None).update(destination=host)
        feed.changed("migration", migration.pk)


def of_job(host: int, uuid: str, job: JobStats, *, elsewhere: set[int]) -> Migration | None:
    """Open a row for a migration that leaves ``host`` and is none of ours; ``elsewhere``: hosts with a copy of it.

    None where no such job runs, or where a row is open already.
    """
    if job.type is not JobType.RUNNING or job.operation != "migration_out":
        return None
    vm = VM.objects.filter(uuid=uuid).first()
    if vm is None or _open(uuid).exists():
        return None
    destination = Host.objects.filter(pk__in=elsewhere - {host}).first() if len(elsewhere - {host}) == 1 else None
    try:
        with transaction.atomic():
            return _follow(vm, Host.objects.get(pk=host), destination)
    except IntegrityError:  # one was opened this very moment
        return None


def _follow(vm: VM, source: Host, destination: Host | None) -> Migration:
    because = f"Somebody else migrates it; seen on {source}."
    migration = Migration.objects.create(
        vm=vm, source=source, destination=destination, ours=False, requested_by=OUTSIDE,
        state=MigrationState.COPYING, because=because, started_at=WALL.now(),
    )  # fmt: skip
    note(migration, field="state", old="", new=MigrationState.COPYING, because=because, actor=OUTSIDE)
    app.configure_task(FOLLOW, lock=f"vm:{vm.pk}").defer(migration_id=migration.pk)
    feed.changed("migration", migration.pk)
    feed.changed("vm", vm.pk)
    return migration


def _open(uuid: str) -> QuerySet[Migration]:
    return Migration.objects.filter(vm__uuid=uuid, state__in=OPEN_MIGRATION)
