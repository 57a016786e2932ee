"""Drives one migration, step by step: whoever holds its lease, from whatever state it is in.

A fresh row and an adopted one are the same: each step asks libvirt what is true and goes on from there. ``step`` never
waits for long, so that a few threads hold hundreds of migrations; between steps nothing runs but the daemons' own work.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import partial

from django.db import transaction

from hosts import feed
from hosts.advance import GODWIT, advance
from hosts.claim import Lease, release, renew
from hosts.livemigration import knobs, walk
from hosts.livemigration.admission import nudge
from hosts.livemigration.aside import Aside
from hosts.livemigration.eyes import Eyes, Heard
from hosts.livemigration.helm import Helm
from hosts.livemigration.journal import Journal, keep_moment
from hosts.livemigration.pairs import remember
from hosts.livemigration.recovery import NEEDS_SECOND_LOOK, Truth, Verdict, verdict
from hosts.livemigration.retry import try_elsewhere
from hosts.models import Migration
from hosts.states import MigrationState
from hosts.virt.clock import WALL, Clock
from hosts.virt.pool import POOL, Pool
from hosts.virt.records import DirtyRate, EventKind, JobStats, JobType, MigrateSpec

log = logging.getLogger(__name__)

#: between two looks that must agree before an end or an alarm is believed, in seconds
SECOND_LOOK_S = 0.4
#: orders are read when somebody nudges, and at least this often, in seconds
ORDERS_S = 3.0


class LeaseLost(Exception):
    """Another worker has this migration now; this one must not touch anything any more."""


def load(pk: int) -> Migration:
    """The row with all that driving it needs."""
    return Migration.objects.select_related("vm", "source", "destination", "policy__policy").get(pk=pk)


def nothing() -> None:
    """Wakes nobody."""


class Supervisor:
    """One migration and the lease on it. ``wake`` is called from foreign threads when a step is due at once."""

    def __init__(
        self,
        row: Migration,
        lease: Lease,
        *,
        pool: Pool = POOL,
        clock: Clock = WALL,
        wake: Callable[[], None] = nothing,
    ) -> None:
        self.row = row
        self.clock = clock
        self.wake = wake
        self.eyes = Eyes(row, pool, when_heard=wake)
        self.journal = Journal(row, clock)
        self.helm = Helm(row)
        self.attempt: Aside[None] | None = None
        self.measurement: Aside[DirtyRate] | None = None
        self.attempts = 0
        self.totals_known = False
        self.aborted = False  # the job was seen to be cancelled, by us or by another
        self.left_source = False  # the source said so by an event
        self._lease = lease
        self._renew_at = clock.monotonic() + lease.ttl_s / 3
        self._look_at = clock.monotonic()
        self._orders_at = clock.monotonic()
        self._since: tuple[StrEnum, float] | None = None  # the last verdict, and when it was first given

    @property
    def state(self) -> MigrationState:
        return MigrationState.of(self.row.state)

    def step(self) -> float | None:
        """Do what is due; seconds until the next step, or None: it has ended, or is somebody else's now."""
        try:
            self._keep_lease()
            self._hear()
            self._obey()
            delay = 0.0 if self.state.is_final else walk.WALK[self.state](self)
        except LeaseLost:
            log.warning("Another worker took the migration %s.", self.row.pk, extra={"action": "lease_lost"})
            return None
        if self.state.is_final:
            self.journal.write()
            remember(load(self.row.pk))
            self._orders_at = 0.0
            self._obey()  # none is left without an answer
            return None
        self.journal.write_if_due()
        return delay

    def close(self) -> None:
        """Leave it to the next one: what was measured is written, the lease is free."""
        self.eyes.close()
        if renew(self._lease):
            self.journal.write()
            release(self._lease)

    def nudge(self) -> None:
        """There are orders: read them at the next step, which is due at once. Any thread may call it."""
        self._orders_at = 0.0
        self.wake()

    # what whoever drives many does for all of them at once; a step does it by itself where that fails to come
    @property
    def lease(self) -> Lease:
        return self._lease

    def renewed(self) -> None:
        """Its lease was renewed."""
        self._renew_at = self.clock.monotonic() + self._lease.ttl_s / 3

    def no_orders(self) -> None:
        """There are none, as of now."""
        self._orders_at = self.clock.monotonic() + ORDERS_S

    # what the walk uses
    def guard(self) -> None:
        """Before every side effect on a hypervisor: raise LeaseLost unless the lease is ours still.

        One that ran out while this process was starved, and that nobody took, is ours: the epoch tells.
        """
        if not renew(self._lease):
            raise LeaseLost

    def move(self, to: MigrationState, *, because: str, actor: str = GODWIT, **also: bool | datetime) -> bool:
        """Advance the row. False if somebody else changed it meanwhile: it was read again."""
        self.guard()
        if to.is_final:
            self.journal.write()
            also["ended_at"] = self.clock.now()
        if advance(self.row, to, because=because, actor=actor, **also):
            feed.changed("vm", self.row.vm_id)
            self.journal.announce(self.row)
            if to.is_final:
                nudge()  # its places are free
            return True
        self.row = load(self.row.pk)
        self.journal.announce(self.row)
        return False

    def fail_safely(self, because: str) -> None:
        """The guest runs on its source: end it, and in the same transaction write its next try, if it has one."""
        with transaction.atomic():
            if self.move(MigrationState.FAILED, because=because):
                try_elsewhere(self.row)

    def reload(self) -> None:
        """Somebody else moves this row: read it again."""
        self.row = load(self.row.pk)

    def say(self, because: str) -> None:
        """Other words for the state it stays in."""
        if self.row.because != because[:500]:
            self.row.because = because[:500]
            Migration.objects.filter(pk=self.row.pk).update(because=self.row.because)
            feed.changed("migration", self.row.pk)

    def start(self, spec: MigrateSpec) -> None:
        """Ask the source's daemon, on a thread of its own. Raises VirtError where the source cannot be reached."""
        driver = self.eyes.source
        self.guard()
        self.attempts += 1
        self.attempt = Aside(f"migrate {spec.uuid}", lambda: driver.migrate(spec), when_over=self.wake)
        self.attempt.start()
        log.info(
            "The migration %s was asked of libvirt.", self.row, extra={"action": "migrate_asked", "row": self.row.pk}
        )

    def measure(self, seconds: int) -> None:
        """Measure the guest's dirty rate, which lasts ``seconds``. Raises VirtError where the source is silent."""
        driver = self.eyes.source
        call = partial(driver.measure_dirty_rate, self.eyes.uuid, seconds)
        self.measurement = Aside(f"measure {self.eyes.uuid}", call, when_over=self.wake)
        self.measurement.start()

    def look_due(self, every_s: float) -> bool:
        """Whether both hosts are to be asked now: something was heard, the call came back, or it is time."""
        now = self.clock.monotonic()
        if now < self._look_at and not (self.attempt is not None and self.attempt.over):
            return False
        self._look_at = now + every_s
        return True

    def look_soon(self) -> None:
        self._look_at = 0.0

    def look(self) -> Truth:
        """Ask both hosts, keep the job's figures."""
        truth = self.eyes.look()
        if truth.job is not None:
            self.keep(truth.job)
        return truth

    def keep(self, job: JobStats) -> None:
        """Take a reading of the source's job."""
        if job.type is JobType.CANCELLED:
            self.aborted = True
        if job.disk_total_bytes:
            self.journal.keep_disks(job)
        if job.type is JobType.RUNNING and job.total_bytes and self.state is not MigrationState.CONFIRMING:
            self.journal.add(job)  # while the source clears up, the job says for 2 s that nothing is left

    def judge(self, truth: Truth) -> tuple[Verdict, float] | None:
        """The verdict and for how many seconds it has stood; None where it has to be seen a second time."""
        seen = verdict(truth.source, truth.destination, truth.job)
        stood = self.stood_s(seen)
        return None if seen in NEEDS_SECOND_LOOK and stood < SECOND_LOOK_S else (seen, stood)

    def stood_s(self, seen: StrEnum) -> float:
        """For how many seconds the looks have shown this and nothing else."""
        now = self.clock.monotonic()
        if self._since is None or self._since[0] is not seen:
            self._since = (seen, now)
        return now - self._since[1]

    # parts of a step
    def _keep_lease(self) -> None:
        now = self.clock.monotonic()
        if now < self._renew_at:
            return
        if not renew(self._lease):
            raise LeaseLost
        self._renew_at = now + self._lease.ttl_s / 3

    def _obey(self) -> None:
        now = self.clock.monotonic()
        if now < self._orders_at or not self.row.ours:
            return
        self._orders_at = now + ORDERS_S
        for adjustment in knobs.waiting(self.row):
            self.guard()
            self.helm.heard(adjustment)
            if not knobs.turn(self.row, adjustment, lambda: self.eyes.source):
                self._orders_at = now + 0.1
                return  # the next ones wait for their turn

    def _hear(self) -> None:
        for heard in self.eyes.heard():
            match heard.event.kind:
                case EventKind.LIFECYCLE:
                    self._hear_lifecycle(heard)
                case EventKind.ITERATION if heard.on_source:
                    self.journal.highest_pass = max(self.journal.highest_pass, heard.event.number)
                case EventKind.JOB_COMPLETED if heard.on_source and heard.event.job is not None:
                    if heard.event.job.type is not JobType.FAILED:
                        self.journal.keep_final(heard.event.job)
                        self.totals_known = True
                case EventKind.CONNECTION_LOST:
                    self.look_soon()

    def _hear_lifecycle(self, heard: Heard) -> None:
        self.look_soon()
        word, _, reason = heard.event.detail.partition("/")
        if heard.on_source:
            if word == "suspended" and reason in ("migrated", "postcopy"):
                keep_moment(self.row, "suspended_at", heard.event.at)
            elif word == "resumed" and self.row.pause_ms is None:  # it goes on where it was: that was no switch-over
                self.row.suspended_at = None
                Migration.objects.filter(pk=self.row.pk, pause_ms=None).update(suspended_at=None)
            elif heard.event.detail == "stopped/migrated":
                self.left_source = True
        elif word == "resumed" and (reason in ("migrated", "postcopy") or self.row.arrives_paused):
            keep_moment(self.row, "resumed_at", heard.event.at)
