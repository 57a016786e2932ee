"""The driver for real libvirt hosts: each method a thin walk from the protocol to one libvirt call or a few."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import libvirt

from hosts.virt.clock import WALL, Clock
from hosts.virt.connect import HostUri
from hosts.virt.errors import HostLost, HostTimeout, Unsupported, WrongState
from hosts.virt.libvirt import dirtyrate, facts, migrate, power, stats, words
from hosts.virt.libvirt.deadline import Caller, closed
from hosts.virt.libvirt.errors import CALL, JOB, Rule, translate
from hosts.virt.libvirt.events import EventSource
from hosts.virt.libvirt.opening import close_quietly, end_soon, open_connection
from hosts.virt.libvirt.refusals import refusals
from hosts.virt.records import (
    DirtyRate,
    DomainEvent,
    DomainFacts,
    DomainStats,
    DomainStatus,
    EventKind,
    HostFacts,
    HostStats,
    JobStats,
    JobType,
    MigrateSpec,
    PowerVerb,
    Refusal,
)

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Calls on a dead connection come back when keepalive gives up (15 s), those on a hung guest after 30 s.
_DRAIN_S = 60.0


def open_driver(parsed: HostUri, *, deadline_s: float) -> "LibvirtDriver":
    """What connect() calls. Raises HostUnreachable, HostTimeout, AccessRefused."""
    conn = open_connection(parsed, deadline_s=deadline_s)
    driver = LibvirtDriver(parsed, conn, deadline_s=deadline_s)
    driver.watch()
    return driver


class LibvirtDriver:
    """One libvirt connection. See :class:`hosts.virt.driver.Driver` for what each method promises."""

    def __init__(self, parsed: HostUri, conn: libvirt.virConnect, *, deadline_s: float, clock: Clock = WALL) -> None:
        self.uri = parsed.text
        self._parsed = parsed
        self._conn = conn
        self._clock = clock
        self._caller = Caller(parsed.text, deadline_s=deadline_s)
        self._events = EventSource(conn, self._tell, clock)
        self._lock = threading.Lock()
        self._sinks: list[Callable[[DomainEvent], None]] = []
        self._listening = False
        self._lost_told = False
        self._closed = False
        self._host: HostFacts | None = None

    # the connection itself

    def watch(self) -> None:
        """Ask libvirt to say when the connection breaks."""
        self._call(lambda conn: facts.unless_lacking(lambda: conn.registerCloseCallback(self._on_close, None), None))

    def close(self) -> None:
        """Give up the connection: at once here; a daemon that is frozen holds its thread until keepalive ends it."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._caller.declare_dead(closed())
        end_soon(self._hang_up, self.uri)

    def alive(self) -> bool:
        return not self._closed and not self._caller.dead

    def _hang_up(self) -> None:
        """Let go of what holds the connection open, then of itself."""
        if not self._caller.drained(_DRAIN_S):
            log.error("%s stays open: a call never came back.", self.uri, extra={"action": "libvirt_close_given_up"})
            return
        self._events.stop()
        try:
            self._conn.unregisterCloseCallback()
        except libvirt.libvirtError:
            log.debug("No close callback was registered.", extra={"action": "libvirt_close_callback"})
        close_quietly(self._conn)

    def _on_close(self, _conn: object, reason: int, _opaque: object) -> None:
        if reason != libvirt.VIR_CONNECT_CLOSE_REASON_CLIENT:
            self._lost(HostLost(f"The connection broke ({words.closed(reason)})."))

    def _lost(self, because: HostLost) -> None:
        """Mark the connection dead and say so once to who listens."""
        self._caller.declare_dead(because)
        with self._lock:
            if self._lost_told or self._closed:
                return
            self._lost_told = True
        log.warning("Lost %s: %s", self.uri, because, extra={"action": "host_connection_lost", "uri": self.uri})
        self._tell(DomainEvent(kind=EventKind.CONNECTION_LOST, uuid="", at=self._clock.now(), detail=str(because)))

    def _call(self, call: Callable[[libvirt.virConnect], T], rules: tuple[Rule, ...] = CALL) -> T:
        """Run ``call`` with the connection on a worker thread, under the deadline, with our errors."""
        try:
            return self._caller.run(partial(call, self._conn))
        except libvirt.libvirtError as exc:
            error = translate(exc, rules)
            if isinstance(error, HostLost):
                self._lost(error)
            raise error from exc
        except HostTimeout as exc:
            if self._caller.dead:
                self._lost(exc)
            raise

    def _on(self, uuid: str, call: Callable[[libvirt.virDomain], T], rules: tuple[Rule, ...] = CALL) -> T:
        """The same for one domain."""
        return self._call(lambda conn: call(facts.find(conn, uuid)), rules)

    # what is there

    def host_facts(self) -> HostFacts:
        if self._host is None:
            self._host = self._call(lambda conn: facts.host_facts(conn, facts.host_shape(conn)))
        return self._host

    def host_stats(self) -> HostStats:
        at = self._clock.now()
        return self._call(lambda conn: stats.host_stats(conn, at))

    def domains(self) -> list[DomainFacts]:
        return self._call(facts.all_domains)

    def domain(self, uuid: str) -> DomainFacts:
        return self._on(uuid, facts.one_domain)

    def domain_status(self, uuid: str) -> DomainStatus:
        return self._on(uuid, facts.domain_status)

    def domain_stats(self) -> list[DomainStats]:
        at = self._clock.now()
        return self._call(lambda conn: stats.all_domain_stats(conn, at))

    def subscribe(self, callback: Callable[[DomainEvent], None]) -> None:
        with self._lock:
            self._sinks.append(callback)
            first, self._listening = not self._listening, True
        if first:
            self._call(lambda _conn: self._events.start())

    def _tell(self, event: DomainEvent) -> None:
        for sink in tuple(self._sinks):
            try:
                sink(event)
            except Exception:  # a listener's mistake must not end the event loop's callback for the others
                log.exception("A listener of %s failed.", self.uri, extra={"action": "event_listener_failed"})

    # power

    def power(self, uuid: str, verb: PowerVerb) -> None:
        if verb is not PowerVerb.SUSPEND:
            self._on(uuid, lambda dom: power.act(dom, verb))
            return
        with self._own_connection() as conn:  # it lasts as long as the memory is written; keepalive ends it, if need be
            try:
                power.act(facts.find(conn, uuid), verb)
            except libvirt.libvirtError as exc:
                raise translate(exc) from exc

    def discard(self, uuid: str, *, seen: DomainStatus, definition: bool) -> None:
        self._on(uuid, lambda dom: power.discard(dom, seen=seen, definition=definition))

    # migration

    def refusals(self, domain: DomainFacts) -> list[Refusal]:
        now, is_qemu = self.host_stats(), self._parsed.kind == "qemu"
        # the shape anew each time: a network made since the connection was opened must count
        return self._call(lambda conn: list(refusals(conn, facts.host_shape(conn), now, domain, is_qemu=is_qemu)))

    def measure_dirty_rate(self, uuid: str, seconds: int) -> DirtyRate:
        started = self._clock.now()
        self._on(uuid, lambda dom: dirtyrate.start(dom, seconds), JOB)
        until = self._clock.monotonic() + seconds + self._caller.deadline_s
        self._clock.sleep(seconds)
        while self._clock.monotonic() < until:
            found = self._call(lambda conn: dirtyrate.result(conn, facts.find(conn, uuid), started))
            if found is not None:
                return found
            self._clock.sleep(dirtyrate.POLL_S)
        raise HostTimeout("The measurement of the dirty rate never ended.")

    def migrate(self, spec: MigrateSpec) -> None:
        migrate.check(spec, self.host_facts().qemu_version)
        if self._parsed.kind == "test":
            raise Unsupported("libvirt's test driver cannot migrate.")
        with self._own_connection() as conn:
            try:
                migrate.run(conn, spec)
            except libvirt.libvirtError as exc:
                raise translate(exc) from exc

    @contextmanager
    def _own_connection(self) -> Iterator[libvirt.virConnect]:
        conn = open_connection(self._parsed, deadline_s=self._caller.deadline_s)
        try:
            yield conn
        finally:
            end_soon(partial(close_quietly, conn), self.uri)

    def job_stats(self, uuid: str) -> JobStats:
        at = self._clock.now()
        try:
            return stats.job_stats(self._on(uuid, lambda dom: dom.jobStats(0)), at)
        except WrongState:
            return JobStats(at=at, type=JobType.NONE)  # the domain is not active, so it has no job

    def completed_job_stats(self, uuid: str) -> JobStats | None:
        at = self._clock.now()
        which = libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
        try:
            found = stats.job_stats(self._on(uuid, lambda dom: dom.jobStats(which)), at)
        except (WrongState, Unsupported):
            return None
        return None if found.type == JobType.NONE else found

    def abort_job(self, uuid: str, *, postcopy: bool = False) -> None:
        if postcopy:
            self._on(uuid, lambda dom: dom.abortJobFlags(libvirt.VIR_DOMAIN_ABORT_JOB_POSTCOPY), JOB)
        else:
            self._on(uuid, lambda dom: dom.abortJob(), JOB)

    def set_bandwidth(self, uuid: str, bytes_per_s: int | None) -> None:
        speed = migrate.UNLIMITED_MIB_S if bytes_per_s is None else migrate.mib_per_s(bytes_per_s)
        self._on(uuid, lambda dom: migrate.set_speed(dom, speed), JOB)

    def set_max_downtime(self, uuid: str, milliseconds: int) -> None:
        allowed = migrate.allowed_downtime(milliseconds)
        self._on(uuid, lambda dom: dom.migrateSetMaxDowntime(allowed, 0), JOB)

    def start_postcopy(self, uuid: str) -> None:
        self._on(uuid, lambda dom: dom.migrateStartPostCopy(0), JOB)
