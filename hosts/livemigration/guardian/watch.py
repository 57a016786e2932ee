"""One open migration under the guardian's eyes: both hosts looked at, the arbiter asked, its act done."""

import logging
from collections import deque
from collections.abc import Callable

from hosts.livemigration.guardian import notes
from hosts.livemigration.guardian.acts import Case, Doing
from hosts.livemigration.guardian.arbiter import Act, Decision, Past, decide, patience
from hosts.livemigration.guardian.past import Memory
from hosts.livemigration.guardian.sight import CALM_S, CLOSE_S, Sights
from hosts.livemigration.recovery import UNKNOWN, Truth
from hosts.models import Host, Migration
from hosts.states import MigrationState
from hosts.virt.clock import WALL, Clock
from hosts.virt.pool import Pool
from hosts.virt.records import DomainEvent, DomainState, DomainStatus, EventKind, MigrateSpec

log = logging.getLogger(__name__)

#: QEMU's own limit of the pause, where the row names none, in seconds
DEFAULT_PAUSE_S = 0.3
#: between two tries of the same act, in seconds
AGAIN_S = 1.0
#: how long an act may be under way before the next is thought of, in seconds; while post-copy flows, none is
LONGEST_S = 10.0
#: what QEMU says to a resume while it still waits for TCP by itself (migration.md G02, G10)
_STILL_RUNNING = "still running"
#: and to a pause where it found out by itself that the link is gone
_PAUSED_ALREADY = "only supported during postcopy-active"
#: states in which nothing was asked of libvirt
_BEFORE = (MigrationState.QUEUED, MigrationState.CHECKING, MigrationState.MEASURING)

#: the state's guest needs close attention; while it copies, events tell soon enough
_CALM = (*_BEFORE, MigrationState.STARTING, MigrationState.COPYING)

May = Callable[[], bool]


class Watch:
    """``may`` says whether the guardian's duty is ours still; asked right before each act."""

    def __init__(
        self,
        row: Migration,
        pool: Pool,
        sights: Sights,
        *,
        may: May,
        wake: Callable[[], None],
        clock: Clock = WALL,
    ) -> None:
        assert row.destination is not None
        self.row = row
        self.uuid = str(row.vm.uuid)
        self.source: Host = row.source
        self.destination: Host = row.destination
        self.decision = Decision(act=Act.NOTHING, because="Not looked at yet.")
        self.truth = Truth(source=UNKNOWN, destination=UNKNOWN)
        self.doing: Doing | None = None
        self._pool, self._sights, self._may, self._wake, self._clock = pool, sights, may, wake, clock
        self._heard: deque[tuple[bool, DomainEvent, float]] = deque()
        self._memory = Memory(self._remembered(), now=clock.monotonic())
        self._tried: dict[Act, float] = {}
        self._told = self._failed = Act.NOTHING  # the last act in the log, and the last that failed
        self._here = sights.want(self.source.uri, self.uuid, with_job=True)
        self._there = sights.want(self.destination.uri, self.uuid, with_job=False)
        pool.listen(self.source.uri, self.uuid, self._hear_source)
        pool.listen(self.destination.uri, self.uuid, self._hear_destination)

    def _remembered(self) -> Past:
        """What the row and our own notes tell of the time before this process."""
        short = notes.was_done(self.row, Act.SUSPEND_SOURCE, old=notes.SHORT) or None
        arrives = self.row.arrives_paused
        stood, ran_there = self.row.suspended_at is not None, self.row.resumed_at is not None
        return Past(stood=stood, ran_there=ran_there, short=short, arrives_paused=arrives)

    def close(self) -> None:
        self._pool.unlisten(self.source.uri, self.uuid, self._hear_source)
        self._pool.unlisten(self.destination.uri, self.uuid, self._hear_destination)
        self._sights.drop(self.source.uri, self.uuid)
        self._sights.drop(self.destination.uri, self.uuid)

    def step(self) -> Decision:
        """Take in what was seen and heard, decide, and begin what is to be done."""
        self._hear()
        self._end_doing()
        here = self._here.now(self.uuid, off=_is_off(self.row.source))
        there = self._there.now(self.uuid, off=_is_off(self.row.destination))
        self.truth = Truth(source=here.seen, destination=there.seen, job=here.job)
        self._memory.expect(self._patience(), arrives_paused=self.row.arrives_paused)
        now = self._clock.monotonic()
        past = self._memory.see(self.truth, now=now)
        self.decision = decide(self.truth, past)
        self._set_pace()
        if self.decision.act is not Act.NOTHING and self._due(self.decision.act, now):
            self._begin(self.decision, past)
        return self.decision

    # what is seen and heard
    def _patience(self) -> float:
        """From the pause that was allowed: nobody asked QEMU for a longer one."""
        allowed = self.row.max_downtime_ms
        return patience(DEFAULT_PAUSE_S if allowed is None else allowed / 1000)

    def _set_pace(self) -> None:
        copying = isinstance(self.truth.source, DomainStatus) and self.truth.source.state is DomainState.RUNNING
        calm = copying and self.truth.job_runs and MigrationState.of(self.row.state) in _CALM
        for sight in (self._here, self._there):
            sight.pace(self.uuid, CALM_S if calm else CLOSE_S)

    def _hear(self) -> None:
        while self._heard:
            on_source, event, at = self._heard.popleft()
            word, _, reason = event.detail.partition("/")
            if event.kind is EventKind.LIFECYCLE and on_source and event.detail == "suspended/migrated":
                self._memory.heard_standing(at=at)
            elif (
                event.kind is EventKind.LIFECYCLE
                and not on_source
                and word == "resumed"
                and (reason in ("migrated", "postcopy") or self.row.arrives_paused)
            ):
                self._memory.heard_running_there()
            if event.kind is not EventKind.ITERATION:
                self._here.pace(self.uuid, CLOSE_S)
                self._there.pace(self.uuid, CLOSE_S)
                self._here.look_now(self.uuid)
                self._there.look_now(self.uuid)

    def _hear_source(self, event: DomainEvent) -> None:
        self._heard.append((True, event, self._clock.monotonic()))
        self._wake()

    def _hear_destination(self, event: DomainEvent) -> None:
        self._heard.append((False, event, self._clock.monotonic()))
        self._wake()

    # acts
    def _due(self, act: Act, now: float) -> bool:
        if self.doing is not None and now - self.doing.began < LONGEST_S:
            return False  # after that it hangs: whatever it does in the end is checked as all else
        return now - self._tried.get(act, -AGAIN_S) >= AGAIN_S

    def _begin(self, decision: Decision, past: Past) -> None:
        act = decision.act
        self._tried[act] = self._clock.monotonic()
        if not self._may():
            return
        blind = self.truth.destination is UNKNOWN or act is Act.ABORT
        self.doing = Doing(act, self._case(), past, blind, self._pool, when_over=self._wake, clock=self._clock)
        if act is not self._told:  # tries of each second are one line
            self._told = act
            notes.of_act(self.row, act, because=decision.because, short=bool(past.short))
            extra = {"action": f"guardian_{act}", "row": self.row.pk}
            log.warning("%s: %s. %s", self.row, act, decision.because, extra=extra)
        self.doing.start()

    def _end_doing(self) -> None:
        doing = self.doing
        if doing is None or not doing.over:
            return
        self.doing = None
        if not doing.error or _PAUSED_ALREADY in doing.error:
            self._memory.did(doing.act)
            self._told = self._failed = Act.NOTHING
            return
        log.info("%s: %s: %s", self.row, doing.act, doing.error, extra={"action": "guardian_failed"})
        if doing.act is not Act.RESUME_POSTCOPY and doing.act is not self._failed:
            self._failed = doing.act
            notes.of_failure(self.row, doing.act, error=doing.error)
        elif _STILL_RUNNING in doing.error:
            self._memory.did(Act.RESUME_POSTCOPY)  # it goes on by itself, or has to be paused anew

    def _case(self) -> Case:
        row = self.row
        spec = MigrateSpec(
            uuid=self.uuid,
            destination_uri=self.destination.uri,
            postcopy=True,
            resume_postcopy=True,
            persistent=row.vm.persistent,
        )
        return Case(
            uuid=self.uuid,
            source_uri=self.source.uri,
            destination_uri=self.destination.uri,
            spec=spec,
            off=frozenset(host.uri for host in (row.source, row.destination) if host is not None and _is_off(host)),
        )


def _is_off(host: Host | None) -> bool:
    """A person states that it is switched off; the row is read anew twice a second."""
    return host is not None and host.off_stated_at is not None
