"""Doing what was decided: looked at once more, decided once more from that look, then one call to one host.

Runs on a thread of its own and speaks to drivers only. Whoever starts it has checked the lease in the same moment; a
process that froze in between finds too much time gone, and does nothing.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from hosts.livemigration.guardian.arbiter import NEEDS_BOTH, Act, Past, decide
from hosts.livemigration.guardian.sight import ask
from hosts.livemigration.recovery import ABSENT, UNKNOWN, Seen, Truth
from hosts.virt.clock import WALL, Clock
from hosts.virt.driver import Driver
from hosts.virt.errors import NoSuchDomain, VirtError
from hosts.virt.pool import Pool
from hosts.virt.records import DomainStatus, JobStats, MigrateSpec, PowerVerb

log = logging.getLogger(__name__)

#: what was read again may be this old when it is acted upon, in seconds
FRESH_S = 1.0


class Changed(Exception):
    """It is no longer as it was when this was decided: nothing was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One migration, as far as an act needs to know it."""

    uuid: str
    source_uri: str
    destination_uri: str
    spec: MigrateSpec  # to resume post-copy with
    off: frozenset[str] = frozenset()  # URIs of hosts that a person states to be switched off


class Doing:
    """One act on its way. ``error`` is "" where it was done, else why not."""

    def __init__(
        self,
        act: Act,
        case: Case,
        past: Past,
        blind: bool,
        pool: Pool,
        *,
        when_over: Callable[[], None],
        clock: Clock = WALL,
    ) -> None:
        self.act = act
        self._case, self._past, self._blind = case, past, blind
        self._pool, self._clock = pool, clock
        self._when_over = when_over
        self._over = threading.Event()
        self.began = clock.monotonic()
        self.error = ""

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"{self.act} {self._case.uuid}", daemon=True).start()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def _run(self) -> None:
        try:
            self._do()
        except (VirtError, Changed) as exc:
            self.error = str(exc) or type(exc).__name__
        except Exception as exc:  # a fault of ours: without this it would never be over
            log.exception("An act of the guardian broke.", extra={"action": "act_broke", "uuid": self._case.uuid})
            self.error = repr(exc)
        self._over.set()
        self._when_over()

    def _do(self) -> None:
        truth = self._look_again()
        again = decide(truth, self._past)
        if again.act is not self.act:
            raise Changed(f"Not done: {again.because}")
        if self._clock.monotonic() - self.began > FRESH_S:
            raise Changed("Not done: looking once more took too long.")
        _CALLS[self.act](self, truth)

    def _look_again(self) -> Truth:
        """The destination first: a copy that ran there, and then one that runs on the source, are two that run."""
        destination: Seen = UNKNOWN
        if self.act in NEEDS_BOTH or not self._blind:
            destination = self._ask(self._case.destination_uri, with_job=False)[0]
        with_job = self.act is not Act.ABORT  # harmless without one, and asking may take as long as QEMU hangs
        source, job = self._ask(self._case.source_uri, with_job=with_job)
        return Truth(source=source, destination=destination, job=job)

    def _ask(self, uri: str, *, with_job: bool) -> tuple[Seen, JobStats | None]:
        try:
            return ask(self._pool.get(uri), self._case.uuid, with_job=with_job)
        except VirtError:
            return (ABSENT if uri in self._case.off else UNKNOWN), None

    @property
    def _source(self) -> Driver:
        return self._pool.get(self._case.source_uri)

    @property
    def _destination(self) -> Driver:
        return self._pool.get(self._case.destination_uri)

    # the calls
    def suspend_source(self, _truth: Truth) -> None:
        self._source.power(self._case.uuid, PowerVerb.PAUSE)

    def resume_source(self, _truth: Truth) -> None:
        self._source.power(self._case.uuid, PowerVerb.RESUME)

    def resume_destination(self, _truth: Truth) -> None:
        self._destination.power(self._case.uuid, PowerVerb.RESUME)

    def end_source(self, truth: Truth) -> None:
        """Its definition goes with it, if the destination has one: exactly one host keeps it."""
        kept = self._case.destination_uri not in self._case.off and self._destination.domain(self._case.uuid).persistent
        self._end(self._source, truth.source, definition=kept)

    def end_destination(self, truth: Truth) -> None:
        kept = self._case.source_uri not in self._case.off and self._source.domain(self._case.uuid).persistent
        self._end(self._destination, truth.destination, definition=kept)

    def _end(self, driver: Driver, seen: Seen, *, definition: bool) -> None:
        assert isinstance(seen, DomainStatus)
        try:
            driver.discard(self._case.uuid, seen=seen, definition=definition)
        except NoSuchDomain:
            log.info("The copy went by itself.", extra={"action": "copy_gone", "uuid": self._case.uuid})

    def abort(self, _truth: Truth) -> None:
        self._source.abort_job(self._case.uuid)

    def pause_postcopy(self, _truth: Truth) -> None:
        self._source.abort_job(self._case.uuid, postcopy=True)

    def resume_postcopy(self, _truth: Truth) -> None:
        """Returns when the migration ends: for that long it is under way."""
        self._source.migrate(self._case.spec)


_CALLS: dict[Act, Callable[[Doing, Truth], None]] = {
    Act.SUSPEND_SOURCE: Doing.suspend_source,
    Act.END_SOURCE: Doing.end_source,
    Act.RESUME_SOURCE: Doing.resume_source,
    Act.END_DESTINATION: Doing.end_destination,
    Act.RESUME_DESTINATION: Doing.resume_destination,
    Act.ABORT: Doing.abort,
    Act.PAUSE_POSTCOPY: Doing.pause_postcopy,
    Act.RESUME_POSTCOPY: Doing.resume_postcopy,
}
