"""One simulated live migration: the daemons' and QEMU's steps, with the events in the order libvirt tells them.

::

    PREPARING → COPYING → SWITCHING → FINISHING → ENDED            (moved; MIRRORING before COPYING where disks travel)
                COPYING → POSTCOPY  → FINISHING → ENDED            (moved)
    PREPARING, MIRRORING, COPYING, SWITCHING → FAILING → ENDED                (stays on the source)
    POSTCOPY → PAUSED → POSTCOPY                                   (paused by us, and resumed)
    FINISHING, POSTCOPY, PAUSED → BROKEN                           (both hosts hold a copy, for somebody to clear up)

The figures in seconds are those measured in migration.md, sections 1.4 and 1.5. What outages do is in ``outage.py``.
"""

from collections.abc import Callable

from hosts.virt.errors import JobConflict, VirtError, WrongState
from hosts.virt.records import DomainState, DomainStatus, EventKind, JobStats, JobType, MigrateSpec
from hosts.virt.sim import outage
from hosts.virt.sim.copyloop import CAPPED_WINDOW_S, FREE_WINDOW_S, CopyLoop, Verdict
from hosts.virt.sim.guest import Copy, SimGuest
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.memory import DirtyPages
from hosts.virt.sim.mirror import Mirror
from hosts.virt.sim.phases import SAFE, Phase
from hosts.virt.sim.ticket import Ticket
from hosts.virt.sim.world import World

PAGE_BYTES = 4096
#: video memory and firmware count in memory_total beside the guest's memory
_EXTRA_BYTES = 16 << 20
#: the devices' part of the standstill (22 ms), and the queue before a shaped line (55 ms more)
_DEVICE_STATE_S, _QUEUE_S = 0.022, 0.055
#: one connection, plain and encrypted, in bytes per second (migration.md section 6; GnuTLS with AES-NI on one core)
_STREAM, _TLS_STREAM = 1617.0 * (1 << 20), 900.0 * (1 << 20)
#: cancelled and failed jobs stay visible that long
_LINGER_S = 1.2

_STARTING = DomainStatus(state=DomainState.PAUSED, reason="starting_up")


class SimMigration:
    """Moves one guest from ``source`` to ``destination``. All methods want to be called inside the world's present."""

    def __init__(self, world: World, guest: SimGuest, source: SimHost, destination: SimHost, spec: MigrateSpec) -> None:
        self.world, self.guest, self.source, self.destination, self.spec = world, guest, source, destination, spec
        self.cap = float(spec.bandwidth_bytes_per_s) if spec.bandwidth_bytes_per_s else None
        self.phase = Phase.PREPARING
        self.job_type = JobType.RUNNING
        self.ticket = Ticket()
        self.noise = world.chance("migration", guest.uuid, round(world.t, 3))
        self.level = guest.meter.level
        self.stands = source.copies[guest.uuid].status.state is DomainState.PAUSED  # a person paused it: it stays so
        self.mirror = Mirror(guest) if spec.copy_disks and guest.disk_bytes else None
        self.loop = self._new_loop()
        self.started_at = self.settled_at = self.window_at = world.t
        self.window_s = self.window_rate = 0.0
        self.stopped_at: float | None = None
        self.standstill_s = 0.0
        self.postcopy_used = False
        self.was_defined = False  # the destination held a definition already
        self.silent_since: float | None = None
        self._requests = 0.0
        self._turn = 0

    def _new_loop(self) -> CopyLoop:
        guest = self.guest
        return CopyLoop(
            pages=DirtyPages(guest.classes, touched_bytes=guest.touched_bytes),
            memory_bytes=guest.memory_bytes + _EXTRA_BYTES,
            noise=self.noise,
            limit_ms=guest.max_downtime_ms,
            level=guest.meter.level,
            utilisation=guest.utilisation,
            auto_converge=self.spec.auto_converge,
            delta_share=guest.delta_share if self.spec.xbzrle else 1.0,
        )

    # bookkeeping
    def to(self, phase: Phase) -> None:
        """Enter a phase: what the one before had planned no longer happens."""
        self.phase = phase
        self.world.traffic.changed()
        self._turn += 1
        self.settled_at = self.window_at = self.world.t
        self.window_s = self.window_rate = 0.0

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do ``act`` then, if the phase is still the same."""
        turn = self._turn
        self.world.after(seconds, lambda: act() if turn == self._turn else None)

    def say(self, host: SimHost, detail: str) -> None:
        self.world.emit(host.name, EventKind.LIFECYCLE, self.guest, detail)

    def set_source(self, state: DomainState, reason: str) -> None:
        self.world.set_status(self.source.name, self.guest.uuid, state, reason)

    def set_destination(self, state: DomainState, reason: str) -> None:
        self.world.set_status(self.destination.name, self.guest.uuid, state, reason)

    @property
    def stream_bytes_per_s(self) -> float:
        """What its connections take, whatever the line could."""
        one = _TLS_STREAM if self.spec.tls else _STREAM
        return one * max(1, self.spec.parallel)

    def flows(self) -> bool:
        """Whether the migration stream gets through now."""
        return self.world.links.open(self.source.name, self.destination.name, t=self.world.t)

    def end(self, error: VirtError | None = None) -> None:
        """The call returns and the job is gone."""
        self.to(Phase.ENDED)
        self.world.migrations.pop(self.guest.uuid, None)
        self.ticket.finish(error=error)

    # prepare and copy
    def begin(self) -> None:
        """The destination gets an incoming, paused copy; memory moves 0.35 to 0.9 s later."""
        self.world.migrations[self.guest.uuid] = self
        kept = self.destination.copies.get(self.guest.uuid)
        self.was_defined = kept is not None
        self.destination.copies[self.guest.uuid] = kept or Copy(guest=self.guest, status=_STARTING, persistent=False)
        self.set_destination(_STARTING.state, _STARTING.reason)
        self.later(self.noise.uniform(0.35, 0.9), self._memory_moves)

    def _memory_moves(self) -> None:
        outage.watch_contact(self)
        if self.phase is not Phase.PREPARING:
            return
        if not self.flows() or not self.destination.daemon_up:
            self.later(0.5, self._memory_moves)
            return
        self.set_destination(DomainState.PAUSED, "migration")
        self.say(self.destination, "started/migrated")
        if self.mirror is not None:
            self.to(Phase.MIRRORING)
            self.mirror.send(self)
        else:
            self.copy_memory()

    def copy_memory(self) -> None:
        """The first pass begins."""
        self.to(Phase.COPYING)
        self.loop.begin(self.world.t)
        self._say_iteration()
        self._window()

    def _say_iteration(self) -> None:
        self.world.emit(self.source.name, EventKind.ITERATION, self.guest, number=self.loop.iteration)

    def _window(self) -> None:
        outage.watch_contact(self)
        if self.phase is not Phase.COPYING:
            return
        self.loop.level = self.level = self.guest.meter.level
        self.loop.limit_ms = self.guest.max_downtime_ms
        verdict = self.loop.decide(self.world.t)
        if verdict is not Verdict.GO_ON:
            self._say_iteration()
        if verdict is Verdict.SWITCH_OVER:
            self._switch_over()
            return
        self._send_window(CAPPED_WINDOW_S if self.cap else FREE_WINDOW_S, self._window)

    def _send_window(self, window_s: float, then: Callable[[], None]) -> None:
        self.window_at = self.world.t
        self.window_rate = self.world.traffic.rate(self.guest.uuid, t=self.world.t)
        self.window_s = self.loop.send(self.window_rate, window_s)
        self.later(self.window_s, then)

    # switch over
    def _switch_over(self) -> None:
        """The guest stops; QEMU then waits for the source daemon's word, and lifts the cap for the rest."""
        self.to(Phase.SWITCHING)
        self._stop_guest("migration")
        self.loop.iteration += 1
        self._say_iteration()
        self._hand_over()

    def _stop_guest(self, reason: str) -> None:
        self.stopped_at = self.world.t
        if self.stands:
            return
        self.guest.meter.set_level(self.world.t, 0.0)
        self.set_source(DomainState.PAUSED, reason)
        self.say(self.source, "suspended/migrated")

    def _hand_over(self) -> None:
        if self.source.frozen or not self.source.daemon_up:
            self.later(0.1, self._hand_over)  # migration.md H01: 19 s of standstill behind a frozen daemon
            return
        left = self.loop.pages.remaining
        rate = self.world.traffic.rate(self.guest.uuid, t=self.world.t)
        seconds = _DEVICE_STATE_S + (_QUEUE_S if self.source.shaped else 0.0) + left / max(rate, PAGE_BYTES)
        self.window_at, self.window_s, self.window_rate = self.world.t, seconds, rate
        self.later(seconds, self._arrive)

    def _arrive(self) -> None:
        outage.watch_contact(self)
        if self.phase is not Phase.SWITCHING:
            return
        if not self.flows() or self.destination.frozen:
            self.later(0.05, self._arrive)
            return
        self.loop.sent += self.loop.pages.send(self.loop.pages.remaining)
        self.to(Phase.FINISHING)
        self._settle()
        if self.spec.paused or self.stands:
            self._stand_on_destination()
        else:
            self._run_on_destination("migrated")
        self.world.completed[self.destination.name, self.guest.uuid] = self.final_stats("migration_in")
        self.later(self.noise.uniform(1.2, 2.0), self.finish)

    def _run_on_destination(self, reason: str) -> None:
        self.standstill_s = self.world.t - (self.stopped_at if self.stopped_at is not None else self.world.t)
        self.world.begin_process(self.guest, self.destination.name, level=self.level)
        self.guest.max_downtime_ms = 300
        self.set_destination(DomainState.RUNNING, reason)
        self.say(self.destination, f"resumed/{reason}")

    def _stand_on_destination(self) -> None:
        """VIR_MIGRATE_PAUSED: all memory is there, and only a resume by somebody lets it run (H14, H15)."""
        self.world.begin_process(self.guest, self.destination.name, level=0.0)
        self.guest.max_downtime_ms = 300
        self.set_destination(DomainState.PAUSED, "user")
        self.say(self.destination, "suspended/paused")

    def _settle(self) -> None:
        """The definition moves with the guest."""
        if self.spec.persistent:
            self.destination.copies[self.guest.uuid].persistent = True
            self.say(self.destination, "defined/updated" if self.was_defined else "defined/added")

    def finish(self) -> None:
        """The source drops its copy: the call returns, 1.2 to 2 s after the guest already runs."""
        outage.watch_contact(self)
        if self.phase is not Phase.FINISHING:
            return
        daemons = (self.source, self.destination)
        if not self.flows() or any(each.frozen or not each.daemon_up for each in daemons):
            self.later(0.1, self.finish)
            return
        uuid, source = self.guest.uuid, self.source
        self.set_source(DomainState.SHUTOFF, "migrated")
        self.say(source, "stopped/migrated")
        self.world.emit(source.name, EventKind.JOB_COMPLETED, self.guest, job=self.final_stats("migration_out"))
        if self.spec.persistent or not source.copies[uuid].persistent:
            del source.copies[uuid]
            self.world.completed.pop((source.name, uuid), None)
        if self.spec.persistent:
            self.say(source, "undefined/removed")
        self.end()

    # post-copy
    def start_postcopy(self) -> None:
        """Switch; the guest runs on the destination 70 to 160 ms later. WrongState, JobConflict."""
        if not self.spec.postcopy:
            raise WrongState("the migration was started without post-copy", code=55, domain=10)
        if self.phase is not Phase.COPYING:
            raise JobConflict(f"post-copy cannot start while the migration is {self.phase}", code=55, domain=10)
        self.later(0.05, self._enter_postcopy)

    def _enter_postcopy(self) -> None:
        if not self.flows() or not self.source.daemon_up:
            self.later(0.1, self._enter_postcopy)
            return
        self.to(Phase.POSTCOPY)
        self.postcopy_used = True
        self.loop.sync(self.world.t)
        self.set_cap(None)  # QEMU's max-postcopy-bandwidth is another knob, unlimited at first
        self._stop_guest("postcopy")
        self.say(self.source, "suspended/postcopy")
        self._say_iteration()
        self.later(self.noise.uniform(0.02, 0.1), self._run_in_postcopy)

    def _run_in_postcopy(self) -> None:
        self.level *= 0.6  # it waits for pages
        self._run_on_destination("postcopy")
        self.drain()

    def drain(self) -> None:
        """Post-copy: every remaining page travels once."""
        outage.watch_contact(self)
        if self.phase is not Phase.POSTCOPY:
            return
        if self.loop.pages.remaining > 0.5:
            self._requests += 0.02 * self.window_rate * self.window_s / PAGE_BYTES
            self._send_window(FREE_WINDOW_S, self.drain)
            return
        self.to(Phase.FINISHING)
        self.level /= 0.6
        self.guest.meter.set_level(self.world.t, self.level)
        self.set_destination(DomainState.RUNNING, "migrated")
        self._settle()
        self.say(self.destination, "resumed/migrated")
        self.later(self.noise.uniform(1.2, 2.0), self.finish)

    def pause_postcopy(self) -> None:
        """virDomainAbortJobFlags(POSTCOPY). JobConflict where it is not in post-copy."""
        if self.phase is not Phase.POSTCOPY:
            text = "migrate-pause is currently only supported during postcopy-active state"
            raise JobConflict(text, code=55, domain=10)
        outage.pause_postcopy(self)

    def resume_postcopy(self) -> None:
        """VIR_MIGRATE_POSTCOPY_RESUME, after all that refuses it was asked: a new call, the same migration."""
        self.ticket = Ticket()
        outage.resume_postcopy(self)

    # steering
    def abort(self) -> None:
        """Cancel. JobConflict in post-copy; after the guest has moved it says OK and does nothing (H16)."""
        if self.postcopy_used:
            raise JobConflict("cannot abort migration in post-copy mode", code=55, domain=10)
        if self.phase in SAFE:
            outage.abort(self, linger_s=_LINGER_S)

    def set_cap(self, bytes_per_s: int | None) -> None:
        """Effective from the next window, 0.1 s away at most."""
        self.cap = float(bytes_per_s) if bytes_per_s else None
        self.world.traffic.changed()

    # figures
    def _sent_in_window(self) -> float:
        """Bytes of the present window that have not left yet, taken back out of what :class:`CopyLoop` has booked."""
        if self.phase not in (Phase.COPYING, Phase.POSTCOPY) or self.window_s <= 0.0:
            return 0.0
        share = min(1.0, (self.world.t - self.window_at) / self.window_s)
        return (1.0 - share) * self.window_rate * self.window_s

    def remaining_now(self) -> float:
        if self.phase is Phase.SWITCHING and self.window_s > 0.0:
            return self.loop.pages.remaining * max(0.0, 1.0 - (self.world.t - self.window_at) / self.window_s)
        ahead = self._sent_in_window()
        ahead /= self.loop.cost
        if self.loop.iteration == 1:
            ahead *= self.loop.memory_bytes / max(1.0, self.guest.touched_bytes)
        return max(0.0, min(float(self.loop.memory_bytes), self.loop.remaining + ahead))

    def job_stats(self) -> JobStats:
        """The source's view now; all zero until memory moves."""
        at, elapsed_ms = self.world.now(), round(1000.0 * (self.world.t - self.started_at))
        loop = self.loop
        if loop.iteration == 0:
            return self._with_disks(
                JobStats(at=at, type=self.job_type, operation="migration_out", elapsed_ms=elapsed_ms)
            )
        processed = max(0.0, loop.processed - self._sent_in_window())
        running = JobStats(
            at=at,
            type=self.job_type,
            operation="migration_out",
            elapsed_ms=elapsed_ms,
            total_bytes=loop.memory_bytes,
            processed_bytes=int(processed),
            remaining_bytes=int(self.remaining_now()),
            throughput_bytes_per_s=round(loop.bandwidth if self.window_s > 0.0 else 0.0, 1),
            dirty_rate_bytes_per_s=round(loop.dirty_rate, 1),
            iteration=loop.iteration,
            page_size_bytes=PAGE_BYTES,
            zero_pages=int(loop.zero_bytes) // PAGE_BYTES,
            normal_bytes=int(max(0.0, loop.sent - self._sent_in_window())),
            expected_downtime_ms=loop.expected_downtime_ms,
            setup_ms=2,
            postcopy_requests=int(self._requests),
            throttle_percent=loop.throttle,
        )
        return self._with_disks(running)

    def _with_disks(self, job: JobStats) -> JobStats:
        return job if self.mirror is None or self.phase is Phase.PREPARING else self.mirror.told_in(job)

    def final_stats(self, operation: str) -> JobStats:
        """The completed job: pre-copy tells the real standstill, post-copy only its switch (5 ms)."""
        loop, seconds = self.loop, max(0.001, self.world.t - self.started_at)
        ended = JobStats(
            at=self.world.now(),
            type=JobType.COMPLETED,
            operation=operation,
            elapsed_ms=round(1000.0 * seconds),
            total_bytes=loop.memory_bytes,
            processed_bytes=int(loop.processed),
            throughput_bytes_per_s=round(loop.processed / seconds, 1),
            iteration=loop.iteration,
            page_size_bytes=PAGE_BYTES,
            zero_pages=int(loop.zero_bytes) // PAGE_BYTES,
            normal_bytes=int(loop.sent),
            downtime_ms=5 if self.postcopy_used else round(1000.0 * self.standstill_s),
            setup_ms=2,
            postcopy_requests=int(self._requests),
            throttle_percent=loop.throttle,
        )
        return self._with_disks(ended)
