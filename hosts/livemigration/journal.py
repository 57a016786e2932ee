"""What a migration leaves behind: its samples, its moments, its totals, and the VM's new host.

Everything here may be written by two processes (the collector hears the same events): the first writer wins.
"""

import logging
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction

from hosts import feed
from hosts.advance import note
from hosts.livemigration.ledger import Page, store
from hosts.livemigration.outlook import outlook
from hosts.livemigration.readings import DirtyMeter, Point, as_dict, point, progress
from hosts.models import VM, Migration, Sample
from hosts.virt.clock import Clock
from hosts.virt.records import JobStats

log = logging.getLogger(__name__)

#: samples are written together, this often, in seconds
WRITE_S = 1.0
#: a journal that nobody stores with the others is stored by itself, so many times less often
OWN_PACE = 2
#: what the forecast is made of: this much of the newest past, and a new one no more often than that
RECENT = timedelta(minutes=1)
OUTLOOK_EVERY = timedelta(seconds=0.4)
#: one costs up to 20 ms past the first pass, so with many at once each gets its own less often: at most 50 a second
#: in a process. 20 migrations: every 0.4 s as one alone, 50: 1 s, 200: 4 s
OUTLOOK_EACH = timedelta(seconds=0.02)


class Journal:
    """Samples of one migration on their way to the browsers (at once) and to the database (each second)."""

    def __init__(self, migration: Migration, clock: Clock) -> None:
        self._migration = migration
        self._clock = clock
        self._meter = DirtyMeter()
        self._unwritten: deque[Point] = deque()
        self._write_at = clock.monotonic() + WRITE_S
        self._last_at: datetime | None = None
        self._recent: deque[Point] = deque()
        # an adopted one goes on from where the eye saw it last
        self._done_so_far = progress(list(Sample.objects.filter(migration=migration).order_by("at")))
        self._outlook_at: datetime | None = None
        self._disks_at = 0.0
        self.highest_pass = migration.iterations
        self.company = 1  # migrations driven by this process, itself among them; whoever drives them keeps it true

    def add(self, stats: JobStats) -> None:
        """Take a reading of the running job: shown at once, written with the next batch."""
        reading = point(stats, dirty_rate=self._meter.feed(stats))
        if self._last_at is not None and reading.at <= self._last_at:
            return
        self._last_at = reading.at
        self.highest_pass = max(self.highest_pass, reading.iteration)
        self._unwritten.append(reading)
        shown: dict[str, Any] = as_dict(reading)
        shown["at"] = reading.at.isoformat()
        shown["state"] = str(self._migration.state)
        shown |= self._outlook(reading)
        feed.figures("migration", self._migration.pk, shown)

    def _outlook(self, reading: Point) -> dict[str, Any]:
        self._recent.append(reading)
        while self._recent[0].at < reading.at - RECENT:
            self._recent.popleft()
        every = max(OUTLOOK_EVERY, self.company * OUTLOOK_EACH)
        if self._outlook_at is not None and reading.at - self._outlook_at < every:
            return {}
        self._outlook_at = reading.at
        self._done_so_far = max(self._done_so_far, progress(self._recent))
        return outlook(self._migration, self._recent, done_so_far=self._done_so_far)

    def announce(self, migration: Migration) -> None:
        """The row's state changed: the words that tick say so at once, and not what the last reading said."""
        self._migration = migration
        shown = outlook(migration, self._recent, done_so_far=self._done_so_far)
        feed.figures("migration", migration.pk, shown | {"state": str(migration.state)})

    @property
    def recent(self) -> list[Point]:
        """The readings of the last minute, oldest first."""
        return list(self._recent)

    def write_if_due(self) -> None:
        if self._clock.monotonic() >= self._write_at:
            self.write()

    def write(self) -> None:
        """Store what is not stored yet. What fails to be written is kept for the next time."""
        write_together([self])

    def take(self) -> Page:
        """What is not stored yet, for somebody who stores it with that of others. Any thread may call it."""
        self._write_at = self._clock.monotonic() + OWN_PACE * WRITE_S
        points = []
        while self._unwritten:
            points.append(self._unwritten.popleft())  # one at a time: a step may add to them meanwhile
        return Page(migration=self._migration.pk, points=points, highest_pass=self.highest_pass)

    def give_back(self, page: Page) -> None:
        """It could not be stored: kept for the next time."""
        self._unwritten.extendleft(reversed(page.points))

    def keep_disks(self, job: JobStats) -> None:
        """How far the disks have come, each second; they travel before memory does, and go on beside it."""
        now = self._clock.monotonic()
        if now < self._disks_at and job.disk_processed_bytes < job.disk_total_bytes:
            return
        self._disks_at = now + WRITE_S
        changed = {"disk_total_bytes": job.disk_total_bytes, "disk_processed_bytes": job.disk_processed_bytes}
        if Migration.objects.filter(pk=self._migration.pk).exclude(**changed).update(**changed):
            feed.changed("migration", self._migration.pk)

    def keep_final(self, job: JobStats) -> None:
        """The figures of the completed job: what was sent in all, in how many passes, libvirt's own downtime."""
        self.highest_pass = max(self.highest_pass, job.iteration)
        totals: dict[str, Any] = {"iterations": self.highest_pass}
        if job.processed_bytes:
            totals["transferred_bytes"] = job.processed_bytes
        if job.total_bytes:
            totals["total_bytes"] = job.total_bytes
        if job.disk_total_bytes:
            totals |= {"disk_total_bytes": job.disk_total_bytes, "disk_processed_bytes": job.disk_processed_bytes}
        if job.downtime_ms is not None:
            totals["libvirt_downtime_ms"] = float(job.downtime_ms)
        Migration.objects.filter(pk=self._migration.pk).update(**totals)


def write_together(journals: Iterable[Journal]) -> None:
    """Store what is not stored yet of all of them. What fails to be written is kept for the next time."""
    pages = [(journal, journal.take()) for journal in journals]
    try:
        store([page for _, page in pages])
    except DatabaseError:
        for journal, page in pages:
            journal.give_back(page)
        raise


def keep_moment(migration: Migration, field: str, at: datetime) -> None:
    """Keep when the guest stopped ("suspended_at") or went on ("resumed_at"); the first to say it is believed.

    The pause follows from both, in ms: what the guest stood still as both hosts' events tell it. libvirt's own
    ``downtime`` said 5 ms where it stood still for 1.6 s.
    """
    Migration.objects.filter(pk=migration.pk, **{field: None}).update(**{field: at})
    keep_pause(migration)


def keep_pause(migration: Migration) -> None:
    """Take the pause from both moments, whoever wrote them, once they are known."""
    with transaction.atomic():
        row = Migration.objects.select_for_update(of=("self",)).get(pk=migration.pk)
        if row.pause_ms is None and row.suspended_at and row.resumed_at:
            row.pause_ms = max(0.0, (row.resumed_at - row.suspended_at).total_seconds() * 1000)
            row.save(update_fields=["pause_ms"])
            feed.changed("migration", row.pk)
    migration.suspended_at, migration.resumed_at, migration.pause_ms = row.suspended_at, row.resumed_at, row.pause_ms


def keep_landing(migration: Migration) -> None:
    """The VM is on the destination: its row's host, and nothing else of it, changes. Once, whoever sees it first."""
    destination = migration.destination
    if destination is None:
        return
    with transaction.atomic():
        moved = VM.objects.filter(pk=migration.vm_id, host=migration.source_id).update(host=destination)
        if not moved:
            return
        note(
            migration.vm,
            field="host",
            old=str(migration.source),
            new=str(destination),
            because="Migrated.",
            actor=migration.requested_by,
        )
        for noun, pk in (("vm", migration.vm_id), ("host", migration.source_id), ("host", destination.pk)):
            feed.changed(noun, pk)
