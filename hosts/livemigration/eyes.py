"""What both hosts of a migration say: their status of the guest, the job, and the events that tell by themselves."""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hosts.livemigration.recovery import ABSENT, UNKNOWN, Seen, Truth
from hosts.models import Host, Migration
from hosts.states import HostState
from hosts.virt.driver import Driver
from hosts.virt.errors import NoSuchDomain, VirtError
from hosts.virt.pool import Pool
from hosts.virt.records import DomainEvent, JobStats

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An event, and on which side it happened."""

    on_source: bool
    event: DomainEvent


class Eyes:
    """One migration's view of its two hosts. ``when_heard`` is called on a foreign thread and must only wake."""

    def __init__(self, migration: Migration, pool: Pool, *, when_heard: Callable[[], None]) -> None:
        self.uuid = str(migration.vm.uuid)
        self._source = migration.source
        self._destination = migration.destination
        self._pool = pool
        self._when_heard = when_heard
        self._heard: deque[Heard] = deque()
        self.silence: dict[int, str] = {}  # host -> why it could not be asked, at the last look
        pool.listen(self._source.uri, self.uuid, self._hear_source)
        if self._destination is not None:
            pool.listen(self._destination.uri, self.uuid, self._hear_destination)

    def close(self) -> None:
        """Listen no longer."""
        self._pool.unlisten(self._source.uri, self.uuid, self._hear_source)
        if self._destination is not None:
            self._pool.unlisten(self._destination.uri, self.uuid, self._hear_destination)

    @property
    def source(self) -> Driver:
        """The source's connection. Raises VirtError where it cannot be opened."""
        return self._pool.get(self._source.uri)

    @property
    def destination(self) -> Driver:
        """The destination's connection. Raises VirtError where it cannot be opened, or nobody knows the destination."""
        if self._destination is None:
            raise VirtError("The destination is not known to Godwit.")
        return self._pool.get(self._destination.uri)

    def heard(self) -> list[Heard]:
        """The events since the last call, in order of arrival."""
        events = []
        while self._heard:
            events.append(self._heard.popleft())
        return events

    def look(self, *, of_definitions: bool = False) -> Truth:
        """Ask both hosts now; the job of the source as well, where it has the guest.

        A silent host that a person states to be switched off runs nothing: ABSENT. What it has defined outlives that,
        so ``of_definitions`` it stays UNKNOWN.
        """
        source = self._status(self._source, off_counts=not of_definitions)
        there = self._destination
        destination = UNKNOWN if there is None else self._status(there, off_counts=not of_definitions)
        job = None if source in (ABSENT, UNKNOWN) else self._job()
        return Truth(source=source, destination=destination, job=job)

    def find_destination(self) -> Host | None:
        """Which host of the source's cluster holds another copy: for a migration that another tool started."""
        others = Host.objects.filter(cluster=self._source.cluster_id, state=HostState.UP).exclude(pk=self._source.pk)
        for host in others:
            if self._status(host) not in (ABSENT, UNKNOWN):
                return self.use_destination(host)
        return None

    def use_destination(self, host: Host) -> Host:
        """From now on this is the destination."""
        self._destination = host
        self._pool.listen(host.uri, self.uuid, self._hear_destination)
        return host

    def _status(self, host: Host, *, off_counts: bool = False) -> Seen:
        self.silence.pop(host.pk, None)
        try:
            return self._pool.get(host.uri).domain_status(self.uuid)
        except NoSuchDomain:
            return ABSENT
        except VirtError as exc:
            self.silence[host.pk] = str(exc)
            if off_counts and Host.objects.filter(pk=host.pk, off_stated_at__isnull=False).exists():
                return ABSENT  # a person states that it is switched off
            log.info("The host %s did not say where the guest is: %s", host, exc, extra={"action": "truth_unknown"})
            return UNKNOWN

    def _job(self) -> JobStats | None:
        try:
            return self.source.job_stats(self.uuid)
        except VirtError as exc:
            log.info("The host %s did not tell of the job: %s", self._source, exc, extra={"action": "job_unknown"})
            return None

    def _hear_source(self, event: DomainEvent) -> None:
        self._heard.append(Heard(on_source=True, event=event))
        self._when_heard()

    def _hear_destination(self, event: DomainEvent) -> None:
        self._heard.append(Heard(on_source=False, event=event))
        self._when_heard()
