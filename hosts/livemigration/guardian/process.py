"""The guardian: one of all that run is active, by lease; the others stand by and take over within the lease's time."""

import logging
import os
import secrets
import socket
import threading

from django.db import Error as DatabaseError
from django.db import close_old_connections

from hosts.claim import Lease, claim, release, renew, still_held
from hosts.livemigration.guardian.reconcile import Reconcile
from hosts.livemigration.guardian.sight import Sights
from hosts.livemigration.guardian.watch import Watch
from hosts.models import Duty, Migration
from hosts.states import OPEN_MIGRATION, MigrationState
from hosts.virt.clock import WALL, Clock
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.pool import Pool

log = logging.getLogger(__name__)

DUTY = "guardian"
TTL_S = 6.0
#: between two steps where nothing wakes it, and between two readings of the rows, in seconds
STEP_S, ROWS_S = 0.2, 0.5
#: a call that takes longer is no answer, in seconds: less than what a guest may stand still
DEADLINE_S = 2.5
_BEFORE = (MigrationState.QUEUED, MigrationState.CHECKING, MigrationState.MEASURING)


def _open(uri: str) -> Driver:
    return connect(uri, deadline_s=DEADLINE_S)


class Guardian:
    """Everything that touches the database runs in ``step``, on one thread; hosts are asked on threads of their own.

    For tests and fault benches: ``watches`` (by migration), ``step()``, ``reconcile``; each act is a Transition with
    the field "guardian" (notes.py).
    """

    def __init__(self, *, pool: Pool | None = None, holder: str = "", clock: Clock = WALL) -> None:
        self.pool = pool or Pool(opener=_open)
        self.holder = holder or f"guardian {socket.gethostname()} {os.getpid()} {secrets.token_hex(3)}"
        self.watches: dict[int, Watch] = {}
        self._clock = clock
        self._wake = threading.Event()
        self._stopping = False
        self.sights = Sights(self.pool, when_seen=self._wake.set)
        self.reconcile = Reconcile(self.pool, may=self.active, wake=self._wake.set, clock=clock)
        self._lease: Lease | None = None
        self._rows_at = self._lease_at = 0.0

    def run(self) -> None:
        """Until ``stop``; the duty is given back at the end."""
        while not self._stopping:
            try:
                close_old_connections()
                self.step()
            except DatabaseError as exc:
                log.warning("The guardian waits for the database: %s", exc, extra={"action": "database_lost"})
                self._clock.sleep(1.0)
            except Exception:  # a fault of ours must not leave every guest alone
                log.exception("A step of the guardian broke.", extra={"action": "guardian_broke"})
                self._clock.sleep(1.0)
            self._wake.wait(timeout=STEP_S if self._lease else 1.0)
            self._wake.clear()
        self.close()

    def stop(self) -> None:
        """From any thread or a signal handler."""
        self._stopping = True
        self._wake.set()

    def active(self) -> bool:
        """Whether the duty is ours at this moment, by the database's clock."""
        return self._lease is not None and still_held(self._lease)

    def step(self) -> None:
        """Keep the duty, read the rows, look at every open migration, compare hosts with rows."""
        if not self._keep_duty():
            return
        now = self._clock.monotonic()
        if now - self._rows_at >= ROWS_S:
            self._rows_at = now
            self._read_rows()
        for pk, watch in list(self.watches.items()):
            self._step_one(pk, watch)
        self.reconcile.step()

    def _step_one(self, pk: int, watch: Watch) -> None:
        try:
            decision = watch.step()
            if decision.doubt:
                self.reconcile.doubt(watch.row, watch.truth, decision.because)
        except DatabaseError:
            raise
        except Exception:  # one migration's fault must not leave the others alone
            log.exception("Watching the migration %s broke.", pk, extra={"action": "watch_broke", "row": pk})

    def close(self) -> None:
        """Give the duty back; what is under way at a host ends by itself."""
        for pk in list(self.watches):
            self.watches.pop(pk).close()
        if self._lease is not None:
            release(self._lease)
            self._lease = None
        self.pool.close()

    def _keep_duty(self) -> bool:
        now = self._clock.monotonic()
        if self._lease is not None and now - self._lease_at < TTL_S / 3:
            return True
        self._lease_at = now
        if self._lease is not None and renew(self._lease):
            return True
        if self._lease is not None:
            log.warning("Another guardian took over.", extra={"action": "guardian_replaced"})
            self._lease = None
            for pk in list(self.watches):
                self.watches.pop(pk).close()
        duty, _ = Duty.objects.get_or_create(name=DUTY)
        self._lease = claim(Duty, duty.pk, holder=self.holder, ttl_s=TTL_S)
        if self._lease is not None:
            log.info("This guardian is on duty.", extra={"action": "guardian_on_duty", "holder": self.holder})
        return self._lease is not None

    def _read_rows(self) -> None:
        """Every open migration of ours that was asked of libvirt, newly read; the ended ones are let go."""
        found = Migration.objects.filter(state__in=OPEN_MIGRATION, ours=True, destination__isnull=False)
        rows = {row.pk: row for row in found.exclude(state__in=_BEFORE).select_related("vm", "source", "destination")}
        for pk in [pk for pk in self.watches if pk not in rows]:
            self.watches.pop(pk).close()
        for pk, row in rows.items():
            if pk in self.watches:
                self.watches[pk].row = row
            else:
                self.watches[pk] = Watch(
                    row, self.pool, self.sights, may=self.active, wake=self._wake.set, clock=self._clock
                )
