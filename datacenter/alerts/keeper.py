"""The round: one process of all that could looks, by the duty "alerts"; the others stand by.

Workers look, and the guardian stands by too, so that somebody is there to say that no worker is.
"""

import asyncio
import logging
import os
import secrets
import socket
import threading
from datetime import datetime, timedelta

from django.db import Error as DatabaseError
from django.db import close_old_connections

from datacenter.access import Verb, can
from datacenter.alerts import certificates, events, facts, ledger, limits
from datacenter.alerts.find import find
from datacenter.alerts.foresight import Foresight
from datacenter.models import Alert, AlertKind, Delivery
from datacenter.notify import announce, outbox
from hosts.claim import Lease, claim, release, renew
from hosts.models import Duty
from hosts.states import AlertState
from hosts.threads import blocking
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

DUTY = "alerts"
EVERY_S = 5.0
TTL_S = 20.0
#: how long what is over stays
KEEP_ALERTS, KEEP_DELIVERIES = timedelta(days=365), timedelta(days=90)
_PRUNE_EVERY = timedelta(hours=1)
#: the guardian has other work: it begins to stand by when a worker had time to take the duty
_STAND_BY_AFTER_S = 20.0


class Keeper:
    """One process's part. Everything in ``step`` touches the database; one thread at a time."""

    def __init__(self, *, clock: Clock = WALL, holder: str = "") -> None:
        self.holder = holder or f"alerts {socket.gethostname()} {os.getpid()} {secrets.token_hex(3)}"
        self._clock = clock
        self._lease: Lease | None = None
        self._since: datetime | None = None
        self._foresight = Foresight()
        self._pruned_at: datetime | None = None

    @property
    def on_duty(self) -> bool:
        return self._lease is not None

    def step(self) -> ledger.Changes | None:
        """Look once, where the duty is ours. None: it is another's."""
        if not self._keep_duty():
            return None
        now = self._clock.now()
        self._since = self._since or now
        said = limits.read()
        told = facts.read(now, said, watching_since=self._since, foresight=self._foresight)
        found, broken = find(told, said)
        if not self._foresight.knows_all():
            broken |= {AlertKind.MOVE_BLOCKED.value}
        changes = ledger.apply(found, now, unsaid=broken, then=lambda changes: _announce(changes, now))
        events.look(now)
        self._prune(now)
        return changes

    def close(self) -> None:
        """Give the duty back."""
        if self._lease is not None:
            release(self._lease)
            self._lease = None

    def _keep_duty(self) -> bool:
        if self._lease is not None and renew(self._lease):
            return True
        if self._lease is not None:
            log.warning("Another process looks after the alerts now.", extra={"action": "alerts_replaced"})
            self._lease, self._since = None, None
        duty, _ = Duty.objects.get_or_create(name=DUTY)
        self._lease = claim(Duty, duty.pk, holder=self.holder, ttl_s=TTL_S)
        if self._lease is not None:
            log.info("This process looks after the alerts.", extra={"action": "alerts_on_duty", "holder": self.holder})
        return self._lease is not None

    def _prune(self, now: datetime) -> None:
        if self._pruned_at is not None and now - self._pruned_at < _PRUNE_EVERY:
            return
        self._pruned_at = now
        Alert.objects.filter(state=AlertState.RESOLVED.value, resolved_at__lt=now - KEEP_ALERTS).delete()
        Delivery.objects.filter(made_at__lt=now - KEEP_DELIVERIES).delete()


def _announce(changes: ledger.Changes, now: datetime) -> None:
    announce.alerts(changes.raised, changes.resolved, may=lambda user, alert: can(user, Verb.VIEW, alert), now=now)


async def keep() -> None:
    """The rounds of ``manage.py work``; until cancelled."""
    keeper = Keeper()
    try:
        await asyncio.gather(_look(keeper), _deliver(), _certificates())
    finally:
        await blocking(keeper.close)


async def _look(keeper: Keeper) -> None:
    while True:
        try:
            await blocking(keeper.step)
        except DatabaseError as exc:
            log.warning("Alerts could not be looked for: %s", exc, extra={"action": "alerts_unread"})
        except Exception:  # a fault of ours must not end the rounds for good
            log.exception("A round of the alerts broke.", extra={"action": "alerts_broke"})
        await asyncio.sleep(EVERY_S)


async def _deliver() -> None:
    while True:
        try:
            await blocking(outbox.deliver_due)
        except DatabaseError as exc:
            log.warning("Messages could not be looked for: %s", exc, extra={"action": "messages_unread"})
        await asyncio.sleep(outbox.EVERY_S)


async def _certificates() -> None:
    while True:
        try:
            await blocking(certificates.look_at_one)
        except DatabaseError as exc:
            log.warning("Certificates could not be looked for: %s", exc, extra={"action": "certificates_unread"})
        await asyncio.sleep(certificates.EVERY_S)


class StandBy:
    """A thread of the guardian's process: it looks, and delivers, while no worker does."""

    def __init__(self, *, clock: Clock = WALL) -> None:
        self._keeper = Keeper(clock=clock)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends within a round; the duty is given back."""
        self._ending.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        wait = _STAND_BY_AFTER_S
        while not self._ending.wait(wait):
            wait = EVERY_S
            try:
                close_old_connections()
                if self._keeper.step() is not None:
                    outbox.deliver_due()
            except DatabaseError as exc:
                log.warning("Alerts could not be looked for: %s", exc, extra={"action": "alerts_unread"})
            except Exception:  # the guardian's own work must not be touched by a fault of ours
                log.exception("A round of the alerts broke.", extra={"action": "alerts_broke"})
        try:
            self._keeper.close()
        except DatabaseError as exc:
            log.warning("The duty runs out by itself: %s", exc, extra={"action": "alerts_not_given_back"})
