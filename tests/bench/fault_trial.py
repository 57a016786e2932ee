"""One fault trial: a guest, its migration, a watcher that strikes at an event, and what was seen meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import connection, transaction

from deploy.lab.daemon import PROGRAM
from deploy.lab.processes import Recorded
from deploy.lab.rooms import processes
from hosts.livemigration.request import adjust, request_migration
from hosts.models import Adjustment, Host, Migration
from hosts.states import MigrationState
from hosts.virt.connect import connect
from hosts.virt.driver import Driver
from hosts.virt.records import DomainEvent
from tests.bench.fault_processes import wait_for
from tests.bench.fault_stage import Stage

MIB = 1 << 20
#: dirties faster than CAP carries: without help it copies for ever. The cap is so low that the first pass outlasts a
#: trial: QEMU 7.2 without KVM loses writes of its guest at every later pass, and after some of them the guest panics on
#: arrival, Godwit or not (seen with plain virsh: 16 s at 24 MiB/s, four times of four)
ENDLESS = {"memory_mb": 128, "dirty_mb": 48, "dirty_rate": 40, "pattern": "random"}
CAP = 4 * MIB
#: on a slowed line it stands still for half a second at switch-over: time to strike
SMALL = {"memory_mb": 128, "dirty_mb": 12, "dirty_rate": 40, "pattern": "random"}
SLOW_MBIT = 200.0
#: what is left for the switch-over fits the socket buffer: QEMU is free to hear of an abort. With a full
#: pipe QEMU 7.2 writes with its big lock held: no monitor command reaches it, no abort either, until the line is back
IDLE = {"memory_mb": 128, "dirty_mb": 0, "dirty_rate": 0}
AT_SUSPENDED = ("h1", "suspended/migrated")
AT_RESUMED = ("h2", "resumed/migrated")

Act = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A row of the table. ``ends``: what the migration's row must say in the end; ``guest``: where it must run then."""

    name: str
    what: str
    when: str
    play: Callable[[Trial], None]
    ends: MigrationState
    guest: str  # "source", "destination", "crashed"
    says: tuple[MigrationState, ...] = ()  # what tells the truth at once already; nothing: only the end does
    load: Mapping[str, object] = field(default_factory=lambda: ENDLESS)
    within_s: float = 60.0  # after the play
    most_gap_s: float | None = None  # the guest may stand still for so long
    quick: bool = False  # one of those in `make test`
    defined: int = 1  # hosts that keep its definition: two where another tool left the source's, which is told only
    leftover: bool = False  # its stuck QEMU may stay, for a person to end


class Trial:
    """What a row's function plays with. Hosts: h1 is the source, h2 the destination, h3 another one."""

    def __init__(self, stage: Stage, fault: Fault) -> None:
        self.stage = stage
        self.lab = stage.lab
        self.fault = fault
        self.vm = stage.guest(**fault.load)
        self.uuid = str(self.vm.uuid)
        self.migration: Migration | None = None
        self.arrives_paused = False
        self.struck_at: float | None = None
        self.truth: Callable[[], bool] = lambda: True  # beside the row's state
        self.truth_at: float | None = None
        self.story: list[tuple[float, str, str]] = []
        self.events: list[tuple[float, str, str]] = []
        self._daemons = {
            host.name: [found for pid in processes(host, PROGRAM) if (found := Recorded.of(pid))]
            for host in self.lab.plan.hosts
        }
        self._triggers: list[tuple[str, str, tuple[Act, ...]]] = []
        self._acts: queue.Queue[Act | None] = queue.Queue()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._do_acts, self._observe)]
        self._ears = [connect(host.uri, deadline_s=5.0) for host in self.lab.hosts.values()]
        for name, ear in zip(self.lab.hosts, self._ears, strict=True):
            ear.subscribe(lambda event, name=name: self._hear(name, event))  # type: ignore[misc]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._ended.set()
        self._acts.put(None)
        for thread in self._threads:
            thread.join(timeout=30)
        for ear in self._ears:
            ear.close()

    @property
    def row(self) -> Migration:
        assert self.migration is not None
        return Migration.objects.get(pk=self.migration.pk)

    @property
    def state(self) -> MigrationState:
        return MigrationState.of(self.row.state)

    # the course of a migration
    def begin(self, *, cap: int | None = CAP, max_downtime_ms: int | None = None, slow: bool = False) -> None:
        if slow:
            self.lab.slow("h2", SLOW_MBIT)
        self.stage.await_hosts()
        with transaction.atomic():
            self._order(cap, max_downtime_ms)

    def _order(self, cap: int | None, max_downtime_ms: int | None) -> None:
        self.migration = request_migration(
            self.vm,
            Host.objects.get(name="h2"),
            actor="bench",
            bandwidth=cap,
            max_downtime_ms=max_downtime_ms,
            postcopy_allowed=True,
        )
        if self.arrives_paused:
            Migration.objects.filter(pk=self.migration.pk).update(arrives_paused=True)

    def copying(self) -> None:
        """Until memory is copied and the page shows it."""
        self.reach(MigrationState.COPYING)
        wait_for(lambda: self.row.samples.count() >= 4, seconds=30, what="samples")

    def reach(self, *states: MigrationState, seconds: float = 40.0) -> None:
        wait_for(lambda: self.state in states, seconds=seconds, what=lambda: f"{self.state}: {self.row.because}")

    def postcopy(self, mbit: float = 100.0) -> None:
        """Into post-copy, on a line so slow that it lasts."""
        self.lab.slow("h2", mbit)
        self.adjust(Adjustment.POSTCOPY)
        self.reach(MigrationState.POSTCOPY)

    def adjust(self, kind: str, value: int | None = None) -> None:
        assert self.migration is not None
        adjust(self.migration, kind, value, actor="bench")

    def finish(self) -> None:
        """Let it converge: no cap, a long pause."""
        self.adjust(Adjustment.BANDWIDTH, None)
        self.adjust(Adjustment.MAX_DOWNTIME, 3000)

    def final(self, seconds: float) -> None:
        wait_for(lambda: self.state.is_final, seconds=seconds, what=lambda: f"{self.state}: {self.row.because}")

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    # striking
    def driver(self, host: str) -> Driver:
        """A connection of the trial's own to that host."""
        return self._ears[list(self.lab.hosts).index(host)]

    def strike(self, *acts: Act) -> None:
        """The fault: now."""
        for act in acts:
            act()
        self.struck_at = time.monotonic()

    def at(self, where: tuple[str, str], *acts: Act) -> None:
        """The fault: as soon as this host says this."""
        self._triggers.append((*where, acts))

    def await_strike(self, seconds: float = 40.0) -> None:
        wait_for(lambda: self.struck_at is not None, seconds=seconds, what=lambda: f"no strike: {self.story[-4:]}")

    def kill_daemon(self, host: str) -> Act:
        """An act: SIGKILL to the host's libvirtd, whose pid was looked up before."""
        return lambda: [each.send(9) for each in self._daemons[host]]

    def freeze_daemon(self, host: str) -> Act:
        return lambda: [each.send(19) for each in self._daemons[host]]

    def _hear(self, host: str, event: DomainEvent) -> None:
        if event.uuid != self.uuid:
            return
        self.events.append((time.monotonic(), host, event.detail or str(event.kind)))
        for trigger in list(self._triggers):
            if trigger[:2] == (host, event.detail):
                self._triggers.remove(trigger)
                for act in trigger[2]:
                    self._acts.put(act)
                self._acts.put(self._stamp)

    def _stamp(self) -> None:
        self.struck_at = time.monotonic()

    def _do_acts(self) -> None:
        while (act := self._acts.get()) is not None:
            act()

    # what is told
    def _observe(self) -> None:
        """Twenty times a second: what the row says, as a page would show it."""
        try:
            while not self._ended.wait(0.05):
                if self.migration is not None:
                    self._look()
        finally:
            connection.close()

    def _look(self) -> None:
        row = self.row
        if not self.story or self.story[-1][1:] != (row.state, row.because):
            self.story.append((time.monotonic(), row.state, row.because))
        states = (*self.fault.says, self.fault.ends)
        if self.struck_at is not None and self.truth_at is None and row.state in states and self.truth():
            self.truth_at = time.monotonic()

    @property
    def truth_s(self) -> float | None:
        """Seconds from the fault until the row told the truth."""
        if self.struck_at is None or self.truth_at is None:
            return None
        return max(0.0, self.truth_at - self.struck_at)
