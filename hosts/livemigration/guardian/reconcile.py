"""What all hosts hold against what the rows believe: at the start, each minute, and more often while a doubt is open.

Hosts are asked on a few threads; what came back is judged on the guardian's own. A second copy is believed when two
sweeps some seconds apart have seen it: hosts are not read at one instant, and a source takes 2 s to clear up.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from hosts.livemigration.guardian import doubts
from hosts.livemigration.guardian.copies import Found, cleared, evidence, suspects, ticks
from hosts.livemigration.guardian.remedy import remedy
from hosts.livemigration.recovery import ABSENT, Seen, Truth
from hosts.models import VM, Doubt, Host, Migration
from hosts.states import OPEN_MIGRATION, HostState
from hosts.virt.clock import WALL, Clock
from hosts.virt.errors import VirtError
from hosts.virt.pool import Pool
from hosts.virt.records import DomainStats, DomainStatus, JobType

log = logging.getLogger(__name__)

SWEEP_S, DOUBT_SWEEP_S, SECOND_LOOK_S, REMEDY_S = 60.0, 5.0, 3.0, 1.0
THREADS = 8
_SILENT = (HostState.CONNECTING, HostState.NON_RESPONSIVE)


class Reconcile:
    """``may``: the duty is ours, asked before anything is done to a guest."""

    def __init__(self, pool: Pool, *, may: Callable[[], bool], wake: Callable[[], None], clock: Clock = WALL) -> None:
        self._pool, self._may, self._wake, self._clock = pool, may, wake, clock
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="sweep")
        self._sweep: dict[int, Future[list[DomainStats]]] = {}
        self._names: dict[int, str] = {}
        self._suspected: dict[str, float] = {}  # guest -> when it was first seen with too many copies
        self._remedies: dict[int, Future[str]] = {}
        self._due = clock.monotonic()
        self._remedies_due = 0.0

    def step(self) -> None:
        """Begin what is due, judge what came back."""
        now = self._clock.monotonic()
        if not self._sweep and now >= self._due:
            self._begin()
        elif self._sweep and all(each.done() for each in self._sweep.values()):
            self._judge(now)
        if now >= self._remedies_due:
            self._remedies_due = now + REMEDY_S
            self._obey()

    def hurry(self) -> None:
        """Sweep at the next step."""
        self._due = 0.0

    def doubt(self, row: Migration, truth: Truth, because: str) -> None:
        """The arbiter could not prove which copy is the right one, or two run."""
        destination = row.destination
        if destination is None:
            return
        told = [_line(row.source, truth.source), _line(destination, truth.destination)]
        at = self._clock.now().isoformat()
        lines = [each | {"seen_at": at if each["state"] else None} for each in told]
        if doubts.open_doubt(row.vm, row.source, destination, because=because, evidence=lines):
            self.hurry()

    # the sweep
    def _begin(self) -> None:
        hosts = list(Host.objects.exclude(state__in=[str(each) for each in _SILENT]))
        self._names = {host.pk: host.name for host in hosts}
        self._sweep = {host.pk: self._threads.submit(self._ask, host.uri) for host in hosts}
        self._due = self._clock.monotonic() + SWEEP_S

    def _ask(self, uri: str) -> list[DomainStats]:
        try:
            return self._pool.get(uri).domain_stats()
        finally:
            self._wake()

    def _judge(self, now: float) -> None:
        found: dict[int, list[DomainStats]] = {}
        for host, future in self._sweep.items():
            error = future.exception()
            if error is None:
                found[host] = future.result()
            elif not isinstance(error, VirtError):
                log.error("Reading a host broke: %r", error, extra={"action": "sweep_broke", "host": host})
        self._sweep = {}
        off = Host.objects.filter(off_stated_at__isnull=False).values_list("pk", flat=True)
        found |= {pk: [] for pk in off if pk not in found}  # silent, and nothing runs there, as a person states
        self._judge_doubts(found)
        self._judge_suspects(found, now)

    def _judge_doubts(self, found: Found) -> None:
        for doubt in Doubt.objects.filter(resolved_at=None).select_related("vm", "first", "second"):
            uuid, hosts = str(doubt.vm.uuid), {doubt.first_id: doubt.first.name, doubt.second_id: doubt.second.name}
            if cleared(found, uuid, hosts):
                doubts.resolve(doubt, resolution="One copy at most is left on the hosts that had two.")
            else:
                self._due = min(self._due, self._clock.monotonic() + DOUBT_SWEEP_S)
                doubts.renew_evidence(doubt, evidence(found, uuid, hosts, at=self._clock.now()))

    def _judge_suspects(self, found: Found, now: float) -> None:
        open_rows = Migration.objects.filter(state__in=OPEN_MIGRATION).values_list("vm__uuid", flat=True)
        seen = suspects(found, moving={str(uuid) for uuid in open_rows})
        self._suspected = {uuid: self._suspected.get(uuid, now) for uuid in seen}
        for uuid, copies in seen.items():
            if now - self._suspected[uuid] >= SECOND_LOOK_S:
                self._alarm(uuid, copies, found)
            else:
                self._due = min(self._due, now + SECOND_LOOK_S)

    def _alarm(self, uuid: str, copies: dict[int, DomainStats], found: Found) -> None:
        vm = VM.objects.filter(uuid=uuid).first()
        if vm is None or self._moved_by_another(uuid, copies):
            return
        hosts = {host.pk: host for host in Host.objects.filter(pk__in=copies)}
        first, second = sorted(hosts.values(), key=lambda host: not ticks(copies[host.pk].status))[:2]
        running = [hosts[pk].name for pk, each in copies.items() if ticks(each.status)]
        where = f"runs on {' and '.join(running)}" if len(running) > 1 else f"has copies on {first} and {second}"
        told = evidence(found, uuid, {pk: host.name for pk, host in hosts.items()}, at=self._clock.now())
        if doubts.open_doubt(vm, first, second, because=f"{vm} {where}, and no migration explains it.", evidence=told):
            self._due = min(self._due, self._clock.monotonic() + DOUBT_SWEEP_S)

    def _moved_by_another(self, uuid: str, copies: dict[int, DomainStats]) -> bool:
        """A migration by another tool that no row tells of yet: one runs, and its host has a job for it."""
        running = [host for host, each in copies.items() if ticks(each.status)]
        if len(running) != 1:
            return False
        try:
            job = self._pool.get(Host.objects.get(pk=running[0]).uri).job_stats(uuid)
        except VirtError:
            return False
        return job.type is JobType.RUNNING and job.operation == "migration_out"

    # what operators decided
    def _obey(self) -> None:
        for pk, future in list(self._remedies.items()):
            if future.done():
                self._keep_outcome(pk, self._remedies.pop(pk).result())
        asked = Doubt.objects.filter(resolved_at=None, remedy_error="", remedy_host__isnull=False).exclude(remedy="")
        for doubt in asked.select_related("vm", "first", "second", "remedy_host"):
            if doubt.pk in self._remedies or not self._may() or doubt.remedy_host is None:
                continue
            other = doubt.second if doubt.remedy_host_id == doubt.first_id else doubt.first
            extra = {"action": f"remedy_{doubt.remedy}", "vm": doubt.vm_id, "actor": doubt.remedy_by}
            log.warning("%s: %s the copy on %s.", doubt, doubt.remedy, doubt.remedy_host, extra=extra)
            here, uuid, verb = doubt.remedy_host.uri, str(doubt.vm.uuid), doubt.remedy
            gone = other.off_stated_at is not None
            self._remedies[doubt.pk] = self._threads.submit(
                remedy, self._pool, uuid, verb, here=here, other=other.uri, other_off=gone
            )

    def _keep_outcome(self, pk: int, error: str) -> None:
        Doubt.objects.filter(pk=pk).update(remedy_error=error[:500], **({} if error else {"remedy": ""}))
        self.hurry()


def _line(host: Host, seen: Seen) -> dict[str, object]:
    state, reason = "absent" if seen is ABSENT else "", ""
    if isinstance(seen, DomainStatus):
        state, reason = str(seen.state), seen.reason
    return {"host": host.pk, "name": host.name, "state": state, "reason": reason, "cpu_time_s": None}
