"""Which hosts this collector listens to: leased in the database, shared between all collectors that live.

A collector that lives holds a shared advisory lock; so that each can count the others without a table, and a dead
one is not counted, for the lock ends with its session.
"""

import logging
import math
from datetime import timedelta

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from hosts.claim import Lease, claim
from hosts.models import Host

log = logging.getLogger(__name__)

_LOCK = 0x60D317  # any number, the same in all collectors


class Leases:
    """This collector's hosts."""

    def __init__(self, *, holder: str, ttl_s: float) -> None:
        self.holder = holder
        self.ttl_s = ttl_s
        self.held: dict[int, Lease] = {}
        self._session: int | None = None

    def renew(self) -> set[int]:
        """Hold on to all; the hosts that somebody else took (or that were deleted) are returned, and held no more."""
        mine = Host.objects.filter(lease_holder=self.holder)
        mine.update(lease_until=Now() + timedelta(seconds=self.ttl_s))
        epochs = dict(mine.values_list("pk", "lease_epoch"))
        lost = {pk for pk, lease in self.held.items() if epochs.get(pk) != lease.epoch}
        for pk in lost:
            del self.held[pk]
        return lost

    def take(self) -> list[Lease]:
        """Lease free hosts, up to this collector's share of all."""
        free = Host.objects.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=Now())).exclude(pk__in=self.held)
        pks = list(free.order_by("pk").values_list("pk", flat=True))
        room = max(0, self.share() - len(self.held)) if pks else 0
        taken = []
        for pk in pks[:room]:
            if lease := claim(Host, pk, holder=self.holder, ttl_s=self.ttl_s):
                self.held[pk] = lease
                taken.append(lease)
        return taken

    def excess(self) -> list[int]:
        """Hosts to give up so that another collector gets its share; the newest first."""
        over = len(self.held) - self.share()
        return sorted(self.held, reverse=True)[:over] if over > 0 else []

    def share(self) -> int:
        """How many hosts are ours where all collectors take the same number."""
        self._count_me()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), (SELECT count(*) FROM hosts_host) FROM pg_locks l JOIN pg_database d"
                " ON d.oid = l.database AND d.datname = current_database()"
                " WHERE l.locktype = 'advisory' AND l.objid = %s AND l.mode = 'ShareLock'",
                [_LOCK],
            )
            collectors, hosts = cursor.fetchone()
        return math.ceil(int(hosts) / max(1, int(collectors)))

    def give_up(self, pks: list[int]) -> None:
        """Release these hosts, so that the next collector need not wait for the leases to run out."""
        for pk in pks:
            self.held.pop(pk, None)
        Host.objects.filter(pk__in=pks, lease_holder=self.holder).update(lease_holder="", lease_until=None)

    def _count_me(self) -> None:
        """Take the lock once a session: Django opens a new one after the database was away."""
        with connection.cursor() as cursor:
            session = connection.connection.info.backend_pid
            if session != self._session:
                cursor.execute("SELECT pg_advisory_lock_shared(%s)", [_LOCK])
                self._session = session
