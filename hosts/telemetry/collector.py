"""The collector: takes its share of the hosts, listens to each, gives them back when it ends."""

import logging
import os
import secrets
import socket
from datetime import timedelta
from functools import partial

from django.db import InterfaceError, OperationalError

from hosts.models import Host
from hosts.states import HostState
from hosts.telemetry import figures, hosting
from hosts.telemetry.desk import Desk
from hosts.telemetry.inventory import Inventory
from hosts.telemetry.leases import Leases
from hosts.telemetry.listener import Listener, Pace, Room
from hosts.telemetry.pool import Pool
from hosts.telemetry.sightings import Ask
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

CONNECTING_THREADS = 8
CALLING_THREADS = 16
PRUNE_S = 60.0


class Collector:
    """One process's share of the hosts. ``run`` is the desk's thread."""

    def __init__(self, pace: Pace | None = None, *, clock: Clock = WALL) -> None:
        self.pace = pace or Pace()
        holder = f"collector {socket.gethostname()} {os.getpid()} {secrets.token_hex(3)}"
        self.leases = Leases(holder=holder, ttl_s=self.pace.ttl_s)
        self.desk = Desk(clock, on_database_back=self._read_again)
        self.listeners: dict[int, Listener] = {}
        self._clock = clock
        self._renewed = clock.monotonic()
        self.room = Room(
            desk=self.desk,
            inventory=Inventory(holder=holder, clock=clock),
            connecting=Pool("connecting", threads=CONNECTING_THREADS),
            retrying=Pool("retrying", threads=CONNECTING_THREADS),
            calling=Pool("calling", threads=CALLING_THREADS),
            pace=self.pace,
            clock=clock,
            route=self._route,
        )

    def run(self) -> None:
        """Until ``stop``; the leases are given back at the end."""
        self.desk.post(self._poll)
        self.desk.post(self._prune)
        try:
            self.desk.run()
        finally:
            self._end()

    def stop(self) -> None:
        """From any thread or a signal handler."""
        self.desk.stop()

    def _end(self) -> None:
        for listener in self.listeners.values():
            listener.leave()
        for pool in (self.room.connecting, self.room.retrying, self.room.calling):
            pool.close()
        held, self.listeners = list(self.listeners), {}
        try:
            self.leases.give_up(held)
        except (OperationalError, InterfaceError) as exc:
            log.warning("The leases run out by themselves: %s", exc, extra={"action": "leases_not_given_back"})
            return
        log.info("The collector gave back %d hosts", len(held), extra={"action": "collector_ended"})

    # whose hosts
    def _poll(self) -> None:
        """Hold on to ours, take what is free, see what people changed."""
        try:
            if self._clock.monotonic() - self._renewed >= self.pace.ttl_s / 3:
                self._keep()
            self._watch()
            for lease in self.leases.take():
                self._listen(lease.pk)
        finally:
            self.desk.later(self.pace.poll_s, self._poll)

    def _keep(self) -> None:
        """Renew all leases, and leave to other collectors what is more than our share."""
        self._renewed = self._clock.monotonic()
        self._drop(self.leases.renew())
        if excess := self.leases.excess():
            self._drop(set(excess))
            self.leases.give_up(excess)

    def _listen(self, pk: int) -> None:
        uri, state = Host.objects.values_list("uri", "state").get(pk=pk)
        self.listeners[pk] = Listener(pk, uri, self.room)
        self.listeners[pk].start(was_silent=state == HostState.NON_RESPONSIVE)

    def _drop(self, pks: set[int]) -> None:
        for pk in pks:
            if listener := self.listeners.pop(pk, None):
                listener.leave()

    def _watch(self) -> None:
        """A changed URI, a deleted host, one out of maintenance: up if it answers, else non-responsive soon."""
        told = Host.objects.values_list("pk", "uri", "state", "state_since")
        rows = {pk: (uri, state, since) for pk, uri, state, since in told}
        patience = timedelta(seconds=self.pace.non_responsive_s)
        for pk, listener in list(self.listeners.items()):
            if pk not in rows:
                self._drop({pk})
                continue
            uri, state, since = rows[pk]
            if uri != listener.uri:
                listener.reopen(uri)
            elif listener.answering and state in (HostState.CONNECTING, HostState.NON_RESPONSIVE):
                hosting.answered(Host.objects.get(pk=pk))
            elif listener.is_silent() and state == HostState.CONNECTING and self._clock.now() - since > patience:
                hosting.silent(pk, seconds=self.pace.non_responsive_s)

    # among the listeners
    def _route(self, asks: list[Ask]) -> None:
        for ask in asks:
            if ask.after_s:
                self.desk.later(ask.after_s, partial(self._ask, ask))
            else:
                self._ask(ask)

    def _ask(self, ask: Ask) -> None:
        if listener := self.listeners.get(ask.host):
            listener.want(ask.uuid, ask.want)

    def _read_again(self) -> None:
        self._drop(self.leases.renew())
        for listener in self.listeners.values():
            listener.read_again()

    def _prune(self) -> None:
        try:
            figures.prune()
        finally:
            self.desk.later(PRUNE_S, self._prune)
