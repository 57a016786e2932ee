"""One host as one collector hears it: opened, read, listened to, lost, opened again.

All methods run on the desk's thread. At most one call to the host is under way; what is wanted meanwhile waits and is
merged: first a full reading, then questions that events raised, then the beat.
"""

import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError

from hosts.models import Host
from hosts.telemetry import calls, events, hosting, passages
from hosts.telemetry.beats import Beats
from hosts.telemetry.calls import Answer, Beat
from hosts.telemetry.desk import Desk
from hosts.telemetry.inventory import Inventory
from hosts.telemetry.pool import Pool
from hosts.telemetry.sightings import Ask, Want
from hosts.virt.clock import Clock
from hosts.virt.driver import Driver
from hosts.virt.errors import HostTimeout, VirtError
from hosts.virt.records import DomainEvent, DomainFacts, EventKind, HostFacts

log = logging.getLogger(__name__)

#: so many domains are asked for in one go, so that a beat or a stop never waits long
_MOST_QUESTIONS = 16
#: so many beats in a row may time out on a connection that still answers before it is given up
_MOST_STRIKES = 3
#: the second beat comes soon, so that a new host shows rates within seconds
_SECOND_BEAT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, how long, how patiently; all in seconds."""

    beat_s: float = 10.0
    poll_s: float = 0.5
    ttl_s: float = 15.0
    deadline_s: float = 10.0
    non_responsive_s: float = 30.0
    retry_first_s: float = 1.0
    retry_most_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What all listeners of a collector share."""

    desk: Desk
    inventory: Inventory
    connecting: Pool
    retrying: Pool  # hosts that did not answer: they never hold up those that may
    calling: Pool
    pace: Pace
    clock: Clock
    route: Callable[[list[Ask]], None]


class Listener:
    """One host."""

    def __init__(self, pk: int, uri: str, room: Room) -> None:
        self.pk, self.uri, self.room = pk, uri, room
        self.answering = False
        self._driver: Driver | None = None
        self._generation = 0  # of the connection: what an older one still says is not heard
        self._busy = False
        self._reread = self._beat_due = False
        self._questions: dict[str, Want] = {}
        self._beats = Beats(pk)
        self._tries = self._strikes = 0
        self._suspected = False  # it was late, and is asked whether it is there at all
        self._heard_at = room.clock.monotonic()  # when it last answered
        self._lost_since: float | None = None

    # opening
    def start(self, *, was_silent: bool = False) -> None:
        """Begin to listen. ``was_silent``: it was non-responsive when somebody last tried."""
        self._tries = int(was_silent)
        self._not_answering()
        self._open()

    def close(self) -> None:
        """Stop listening; what is under way is not waited for."""
        self._generation += 1
        self.answering = self._busy = self._reread = self._beat_due = self._suspected = False
        self._questions.clear()
        self.room.inventory.lost(self.pk)
        if self._driver:
            # on a pool: closing may take a second
            self.room.retrying.submit(self._driver.close, lambda _value, _error: None)
        self._driver = None

    def reopen(self, uri: str) -> None:
        """Its URI was changed."""
        self.close()
        self.uri = uri
        self.start()

    def read_again(self) -> None:
        """The database was away: what was to be written may be lost, so the host is read anew."""
        if self.answering:
            self._reread = True
            self._next()
        else:
            self.reopen(self.uri)

    def _open(self) -> None:
        work = partial(calls.introduce, self.uri, deadline_s=self.room.pace.deadline_s)
        self._call(self.room.retrying if self._tries else self.room.connecting, work, self._opened)

    def _opened(self, told: tuple[Driver, HostFacts]) -> None:
        self._driver, facts = told
        row = Host.objects.get(pk=self.pk)
        if twin := hosting.twin(row, facts):
            self.lose(f"This is the machine that the host {twin} ({twin.uri}) is already: remove one of the two.")
            return
        hosting.learn(row, facts)
        self._read(self._driver, listen=True)

    def _read(self, driver: Driver, *, listen: bool) -> None:
        heard = partial(self._hear, self._generation) if listen else None
        self._call(self.room.calling, partial(calls.read_all, driver, heard, self.room.clock), self._was_read)

    def _was_read(self, told: tuple[list[DomainFacts], Beat]) -> None:
        domains, beat = told
        if not self.answering:
            self._schedule_beat(_SECOND_BEAT_S)
        self.answering, self._lost_since = True, None
        self._tries = self._strikes = 0
        row = Host.objects.get(pk=self.pk)
        self.room.route(self.room.inventory.read_all(row, domains))
        hosting.answered(row)
        self._write_beat(beat)
        log.info("%s was read: %d domains", row, len(domains), extra={"action": "host_read", "row": self.pk})

    # losing
    def lose(self, reason: str) -> None:
        """It does not answer, or must not be read: close, say why, try again with more and more patience."""
        log.warning("The host %d was lost: %s", self.pk, reason, extra={"action": "host_lost", "row": self.pk})
        self.close()
        wait = min(self.room.pace.retry_most_s, self.room.pace.retry_first_s * 2**self._tries)
        self._tries += 1
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 - hosts that fell together need not be asked together
        self.room.desk.later(wait * jitter, partial(self._again, self._generation))
        self._not_answering()
        hosting.lost(self.pk, reason)

    def _again(self, generation: int) -> None:
        if generation == self._generation:
            self._open()

    def _not_answering(self) -> None:
        if self._lost_since is None:
            since = self._lost_since = self._heard_at
            silent_for = self.room.clock.monotonic() - since
            self.room.desk.later(self.room.pace.non_responsive_s - silent_for, partial(self._silent, since))

    def _silent(self, since: float) -> None:
        if since == self._lost_since:
            hosting.silent(self.pk, seconds=self.room.pace.non_responsive_s)

    def is_silent(self) -> bool:
        """Whether it has not answered for as long as makes a host non-responsive, whatever its row says."""
        since = self._lost_since
        return since is not None and self.room.clock.monotonic() - since >= self.room.pace.non_responsive_s

    def leave(self) -> None:
        """Somebody else listens from now on, or nobody: timers that are still set find nothing to do."""
        self.close()
        self._lost_since = None

    # calling
    def _call(self, pool: Pool, work: Callable[[], Any], use: Callable[[Any], None]) -> None:
        self._busy = True
        returned = partial(self._returned, self._generation, use)
        pool.submit(work, lambda value, error: self.room.desk.post(partial(returned, value, error)))

    def _returned(self, generation: int, use: Callable[[Any], None], value: Any, error: BaseException | None) -> None:
        if generation != self._generation:
            _close_late(value)
            return
        self._busy = False
        try:
            if error is None:
                self._heard_at = self.room.clock.monotonic()
                use(value)
            else:
                self._trouble(error)
        except (OperationalError, InterfaceError):
            raise  # the desk waits for the database, and has everything read again
        except Exception as exc:  # a host that says what we can't digest must not vanish silently
            log.exception("What host %d said could not be used", self.pk, extra={"action": "host_undigested"})
            self.lose(f"Godwit could not use what the host said: {exc!r}")
        self._next()

    def _trouble(self, error: BaseException) -> None:
        driver = self._driver
        if isinstance(error, HostTimeout) and driver and driver.alive() and self.answering and not self._suspected:
            # one guest whose QEMU hangs can hold up a bulk call: is it the whole host?
            self._suspected = True
            self._call(self.room.calling, partial(calls.ping, driver), self._was_late)
        elif isinstance(error, VirtError):
            self.lose(str(error) or type(error).__name__)
        else:
            log.error("A driver failed in a way it must not", exc_info=error, extra={"action": "driver_bug"})
            self.lose(f"Unexpected: {error!r}")

    def _was_late(self, _answered: None) -> None:
        """It answers, but not to what we asked."""
        self._suspected = False
        self._strikes += 1
        log.warning("Host %d answers late", self.pk, extra={"action": "host_late", "row": self.pk})
        if self._strikes >= _MOST_STRIKES:
            self.lose("It answers, but has not told its figures in time for several beats.")
        else:
            self._schedule_beat()

    def _next(self) -> None:
        """Whatever is wanted most, if nothing is under way."""
        driver = self._driver
        if self._busy or driver is None or not self.answering:
            return
        if self._reread:
            self._reread = False
            self._read(driver, listen=False)
        elif self._questions:
            asked = dict(list(self._questions.items())[:_MOST_QUESTIONS])
            for uuid in asked:
                del self._questions[uuid]
            self._call(self.room.calling, partial(calls.ask, driver, asked), self._answered)
        elif self._beat_due:
            self._beat_due = False
            self._call(self.room.calling, partial(calls.beat, driver, self.room.clock), self._beaten)

    # hearing
    def _hear(self, generation: int, event: DomainEvent) -> None:
        """On a foreign thread: only enqueue."""
        self.room.desk.post(partial(self._event, generation, event))

    def _event(self, generation: int, event: DomainEvent) -> None:
        if generation != self._generation:
            return
        if event.kind is EventKind.CONNECTION_LOST:
            self.lose(event.detail or "The connection was closed.")
            return
        if events.restarts_counters(event):
            self._beats.forget(event.uuid)
        if want := events.handle(self.pk, event, self.room.inventory):
            self.want(event.uuid, want)

    def want(self, uuid: str, want: Want) -> None:
        """Ask the host about this domain as soon as it is free."""
        self._questions[uuid] = self._questions.get(uuid, want) | want
        self._next()

    def _answered(self, answers: list[Answer]) -> None:
        for answer in answers:
            self.room.route(self._use(answer))

    def _use(self, answer: Answer) -> list[Ask]:
        inventory = self.room.inventory
        if answer.error:
            key = {"action": "domain_untold", "row": self.pk}
            log.warning("Host %d would not tell of %s: %s", self.pk, answer.uuid, answer.error, extra=key)
            return []
        if answer.gone:
            return inventory.gone(self.pk, answer.uuid)
        if answer.job:
            copies = inventory.sightings.copies(answer.uuid)
            passages.of_job(self.pk, answer.uuid, answer.job, elsewhere=copies - {self.pk})
        if answer.facts:
            return inventory.read_one(self.pk, answer.facts)
        return inventory.read_status(self.pk, answer.uuid, answer.status) if answer.status else []

    # the beat
    def _schedule_beat(self, seconds: float | None = None) -> None:
        """Hosts share out the beat's length between them, so that their figures don't all arrive at once."""
        if seconds is None:
            length, now = self.room.pace.beat_s, self.room.clock.monotonic()
            phase = (self.pk * 0.618034) % 1 * length
            seconds = phase + math.ceil((now + length / 2 - phase) / length) * length - now
        self.room.desk.later(seconds, partial(self._beat, self._generation))

    def _beat(self, generation: int) -> None:
        if generation == self._generation:
            self._beat_due = True
            self._next()

    def _beaten(self, beat: Beat) -> None:
        self._strikes = 0
        self._schedule_beat()
        self._write_beat(beat)

    def _write_beat(self, beat: Beat) -> None:
        rows, asks = self.room.inventory.compare(self.pk, {each.uuid: each.status for each in beat.domains})
        self._beats.write(rows, beat)
        self.room.route(asks)


def _close_late(value: Any) -> None:
    """A connection that was made for nobody any more must not stay open."""
    if isinstance(value, tuple) and value and hasattr(value[0], "close"):
        value[0].close()
