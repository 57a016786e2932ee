"""What each host says of the guests that are watched: one thread a host, so that a silent one holds up no other.

The threads speak to drivers only and write into a table; they know no database. A sighting that is not renewed in
time is UNKNOWN: a host that was heard a moment ago proves nothing about now.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from hosts.livemigration.recovery import ABSENT, UNKNOWN, Seen
from hosts.virt.clock import WALL, Clock
from hosts.virt.driver import Driver
from hosts.virt.errors import NoSuchDomain, VirtError
from hosts.virt.pool import Pool
from hosts.virt.records import DomainStatus, JobStats

log = logging.getLogger(__name__)

#: between two questions about one guest, in seconds: where all is well, and where something happens
CALM_S, CLOSE_S = 1.0, 0.2
#: an answer is believed for its pace and this much longer, in seconds
FRESH_S = 1.2
#: a job that could not be told is asked for again after so long, in seconds
JOB_AGAIN_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One answer. ``at``: monotonic, stamped before the question."""

    seen: Seen
    job: JobStats | None
    at: float


def ask(driver: Driver, uuid: str, *, with_job: bool) -> tuple[Seen, JobStats | None]:
    """What the host says now. Raises VirtError where it does not answer."""
    try:
        status = driver.domain_status(uuid)
    except NoSuchDomain:
        return ABSENT, None
    if not with_job:
        return status, None
    try:
        return status, driver.job_stats(uuid)
    except NoSuchDomain:
        return ABSENT, None
    except VirtError as exc:
        log.debug("No job of %s: %s", uuid, exc)
        return status, None


class _Interest:
    """A guest on a host: how often it is asked about, and the last answer."""

    def __init__(self, *, with_job: bool) -> None:
        self.with_job = with_job
        self.pace_s = CLOSE_S
        self.due = 0.0
        self.job_due = 0.0  # the job is not asked for before
        self.last: Sighting | None = None


class HostSight:
    """One host, on a thread of its own for as long as somebody is interested."""

    def __init__(self, uri: str, pool: Pool, *, when_seen: Callable[[], None], clock: Clock = WALL) -> None:
        self._uri, self._pool, self._clock = uri, pool, clock
        self._when_seen = when_seen
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._wanted: dict[str, _Interest] = {}
        self._stopping = False
        self.silence = ""  # why it did not answer, the last time; "" where it did
        threading.Thread(target=self._run, name=f"sight {uri}", daemon=True).start()

    def want(self, uuid: str, *, with_job: bool) -> None:
        with self._lock:
            self._wanted[uuid] = _Interest(with_job=with_job)
        self._wake.set()

    def drop(self, uuid: str) -> bool:
        """No longer. True where nobody is interested in this host any more: its thread ends."""
        with self._lock:
            self._wanted.pop(uuid, None)
            self._stopping = not self._wanted
        self._wake.set()
        return self._stopping

    def pace(self, uuid: str, seconds: float) -> None:
        """Ask about it this often; a quicker pace begins at once."""
        with self._lock:
            interest = self._wanted.get(uuid)
            if interest is None or interest.pace_s == seconds:
                return
            quicker, interest.pace_s = seconds < interest.pace_s, seconds
            if quicker:
                interest.due = 0.0
        if quicker:
            self._wake.set()

    def look_now(self, uuid: str) -> None:
        """Something happened there: ask at once."""
        with self._lock:
            interest = self._wanted.get(uuid)
            if interest is not None:
                interest.due = 0.0
        self._wake.set()

    def now(self, uuid: str, *, off: bool = False) -> Sighting:
        """The last answer, or UNKNOWN where it is too old or there is none. ``off``: a person states that this host is
        switched off: while it is silent, nothing is there."""
        found = self._now(uuid)
        return Sighting(seen=ABSENT, job=None, at=found.at) if off and found.seen is UNKNOWN else found

    def _now(self, uuid: str) -> Sighting:
        moment = self._clock.monotonic()
        with self._lock:
            interest = self._wanted.get(uuid)
            last = interest.last if interest is not None else None
            if interest is None or last is None or moment - last.at > interest.pace_s + FRESH_S:
                return Sighting(seen=UNKNOWN, job=None, at=moment)
            return last

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            wait = self._round()
            self._wake.wait(timeout=wait)

    def _round(self) -> float:
        """Ask what is due; seconds until the next is."""
        with self._lock:
            due = [(uuid, each) for uuid, each in self._wanted.items() if each.due <= self._clock.monotonic()]
        for uuid, interest in due:
            interest.due = self._clock.monotonic() + interest.pace_s
            self._look(uuid, interest)
            self._when_seen()
        with self._lock:
            nearest = min((each.due for each in self._wanted.values()), default=self._clock.monotonic() + CALM_S)
        return max(0.01, nearest - self._clock.monotonic())

    def _look(self, uuid: str, interest: _Interest) -> None:
        at = self._clock.monotonic()
        try:
            seen, _ = ask(self._pool.get(self._uri), uuid, with_job=False)
            self._take_job(uuid, interest, seen, at)
            self.silence = ""
        except VirtError as exc:
            self.silence = str(exc)
            interest.last = Sighting(seen=UNKNOWN, job=None, at=at)
        except Exception as exc:  # a fault of a driver: without this the host would never be asked again
            log.exception("Looking at %s broke.", self._uri, extra={"action": "sight_broke", "uri": self._uri})
            self.silence = repr(exc)
            interest.last = Sighting(seen=UNKNOWN, job=None, at=at)

    def _take_job(self, uuid: str, interest: _Interest, seen: Seen, at: float) -> None:
        """The status counts at once; the job may take as long as QEMU holds its monitor, and is left alone then."""
        before = interest.last.job if interest.last is not None else None
        wanted = interest.with_job and isinstance(seen, DomainStatus)
        hangs = wanted and at < interest.job_due
        interest.last = Sighting(seen=seen, job=before if wanted and not hangs else None, at=at)
        if not wanted or hangs:
            return
        try:
            job = self._pool.get(self._uri).job_stats(uuid)
        except NoSuchDomain:
            interest.last = Sighting(seen=ABSENT, job=None, at=self._clock.monotonic())
        except VirtError as exc:
            log.info("No job of %s: %s", uuid, exc, extra={"action": "job_unknown"})
            interest.job_due = self._clock.monotonic() + JOB_AGAIN_S
            interest.last = Sighting(seen=seen, job=None, at=at)
        else:
            interest.last = Sighting(seen=seen, job=job, at=at)


class Sights:
    """All hosts that are watched, by URI."""

    def __init__(self, pool: Pool, *, when_seen: Callable[[], None]) -> None:
        self._pool, self._when_seen = pool, when_seen
        self._hosts: dict[str, HostSight] = {}

    def want(self, uri: str, uuid: str, *, with_job: bool) -> HostSight:
        sight = self._hosts.get(uri)
        if sight is None:
            sight = self._hosts[uri] = HostSight(uri, self._pool, when_seen=self._when_seen)
        sight.want(uuid, with_job=with_job)
        return sight

    def drop(self, uri: str, uuid: str) -> None:
        sight = self._hosts.get(uri)
        if sight is not None and sight.drop(uuid):
            del self._hosts[uri]
