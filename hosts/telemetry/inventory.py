"""The rows of VMs, kept true to what hosts say. Identity is the UUID: a row is moved and marked, never deleted.

Used by one thread of one collector; several collectors may write the same row, so each write is a compare-and-set
on what was read (the host, the state), and on a miss the row is read again.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from hosts import feed
from hosts.advance import advance, note
from hosts.models import VM, Host, Migration
from hosts.states import OPEN_MIGRATION, HostState, VMState
from hosts.telemetry import clean, near, newcomers
from hosts.telemetry.facts import differing, vm_columns
from hosts.telemetry.near import Near
from hosts.telemetry.sightings import Ask, Boot, Sightings, Want
from hosts.telemetry.whereabouts import ACTIVE, Hold, Verdict, decide, hold, is_moving, remembered, vm_state
from hosts.virt.clock import WALL, Clock
from hosts.virt.records import DomainFacts, DomainStatus

log = logging.getLogger(__name__)

#: a guest that stands still for its migration is shown as paused only after so long: usually it is back in 0.1 s
STANDSTILL_S = 2.0
#: so often, and so far apart, both hosts are asked again before we say that a VM runs twice
ROUNDS, ROUND_S = 3, 0.7
#: a start that was told of longer ago than this has nothing to do with what is seen now
_BOOT_COUNTS_S = 60.0

NO_FIGURES: dict[str, Any] = dict.fromkeys(
    ("cpu_percent", "memory_used_bytes", "rss_bytes", "net_rx_rate", "net_tx_rate", "disk_read_rate", "disk_write_rate")
)
_WITH_STATE: tuple[str, ...] = ("reason", "up_since", "up_since_exact")
_HEAVY = ("xml", "description", "disks", "nics", "devices")


@dataclass(slots=True)
class Doubt:
    """Two hosts say that they run the same VM; ``waiting`` are those that have not said it again yet."""

    waiting: set[int]
    rounds: int = 0


class Inventory:
    """What this process knows of where VMs are, and the writing of it."""

    def __init__(self, *, holder: str, clock: Clock = WALL) -> None:
        self.sightings = Sightings()
        self._holder = holder
        self._clock = clock
        self._boots: dict[str, Boot] = {}
        self._still_since: dict[str, float] = {}
        self._doubts: dict[str, Doubt] = {}
        self._doubled: dict[str, frozenset[int]] = {}

    # what a host says
    def read_all(self, host: Host, domains: list[DomainFacts]) -> list[Ask]:
        """The host told of every domain it has: rows are made, moved, changed, and marked missing."""
        told = {uuid: each for each in domains if (uuid := clean.uuid(each.uuid))}
        self.sightings.replace(host.pk, {uuid: each.status for uuid, each in told.items()})
        newcomers.add(host.pk, told)
        asks: list[Ask] = []
        here = VM.objects.filter(uuid__in=told) | VM.objects.filter(host=host)
        for row in here.select_related("host"):
            asks += self._settle(row)
            if facts := told.get(str(row.uuid)):
                self._apply(row, host.pk, facts)
        return asks

    def read_one(self, host: int, facts: DomainFacts) -> list[Ask]:
        """The host told what one domain is."""
        uuid = clean.uuid(facts.uuid)
        if uuid is None:
            return []
        self._said(host, uuid, facts.status)
        newcomers.add(host, {uuid: facts})
        row = VM.objects.select_related("host").get(uuid=uuid)
        asks = self._settle(row)
        self._apply(row, host, facts)
        return asks

    def read_status(self, host: int, uuid: str, status: DomainStatus) -> list[Ask]:
        """The host told in which state one domain is."""
        self._said(host, uuid, status)
        row = _light().filter(uuid=uuid).first()
        return self._settle(row) if row else [Ask(host=host, uuid=uuid, want=Want.FACTS)]

    def gone(self, host: int, uuid: str) -> list[Ask]:
        """The host answered that it has no such domain."""
        self.sightings.gone(host, uuid)
        self._confirmed(host, uuid)
        row = _light().filter(uuid=uuid).first()
        return self._settle(row) if row else []

    def compare(self, host: int, told: dict[str, DomainStatus]) -> tuple[dict[str, Near], list[Ask]]:
        """This host's rows by UUID, and what to ask because a beat's reading does not fit them.

        A beat may be older than an event that came while it was under way, so it decides nothing: it only asks.
        """
        rows = near.read(host, told)
        asks = [Ask(host=host, uuid=uuid, want=Want.FACTS) for uuid in told if uuid not in rows]
        for uuid, row in rows.items():
            if not self._fits(row, host, told.get(uuid)):
                asks.append(Ask(host=host, uuid=uuid, want=Want.STATUS))
        return {uuid: row for uuid, row in rows.items() if row.host == host and uuid in told}, asks

    def booted(self, host: int, uuid: str, at: datetime) -> None:
        """An event: the domain began to run on this host, not by a migration."""
        self._boots[uuid] = Boot(host=host, at=at)

    def rebooted(self, host: int, uuid: str, at: datetime) -> None:
        """An event: the guest restarted within its QEMU."""
        for pk in VM.objects.filter(uuid=uuid, host=host).values_list("pk", flat=True):
            VM.objects.filter(pk=pk).update(up_since=at, up_since_exact=True)
            feed.changed("vm", pk)

    def lost(self, host: int) -> None:
        """The host does not answer any more: what it said is forgotten, its rows stay as they are."""
        self.sightings.forget(host)
        for doubt in self._doubts.values():
            doubt.waiting.discard(host)

    # deciding
    def _said(self, host: int, uuid: str, status: DomainStatus) -> None:
        self.sightings.saw(host, uuid, status)
        self._confirmed(host, uuid)

    def _confirmed(self, host: int, uuid: str) -> None:
        if doubt := self._doubts.get(uuid):
            doubt.waiting.discard(host)

    def _fits(self, row: Near, host: int, status: DomainStatus | None) -> bool:
        if row.host != host:  # a definition left behind is no news; anything more is looked at again
            return status is None or (hold(status) <= Hold.DEFINED and row.state != VMState.MISSING)
        if status is None:
            return row.state == VMState.MISSING
        return row.state == vm_state(status) and self.sightings.of(row.uuid).get(host) is not None

    def _settle(self, row: VM) -> list[Ask]:
        """Bring a row in line with all that is known of its domain. ``row`` carries the result."""
        for _ in range(3):
            verdict = self._decide(row)
            asks = self._weigh(row, verdict)
            if (verdict.host == row.host_id or self._move(row, verdict.host)) and self._set_state(row, asks):
                return asks
            row.refresh_from_db(fields=("host", "state", "reason", "up_since", "up_since_exact"))
        log.warning("The VM %s keeps changing; it is looked at again", row, extra={"action": "vm_contended"})
        return [Ask(host=row.host_id, uuid=str(row.uuid), want=Want.STATUS, after_s=1.0)]

    def _decide(self, row: VM) -> Verdict:
        told = self.sightings.of(str(row.uuid))
        others = {host: hold(status) for host, status in told.items() if host != row.host_id}
        return decide(row.host_id, self._home_hold(row), others)

    def _home_hold(self, row: VM) -> Hold:
        if row.host_id in self.sightings.answering:
            return hold(self.sightings.of(str(row.uuid)).get(row.host_id))
        state = VMState.of(row.state)
        home, now = row.host, timezone.now()
        elsewhere = home.lease_holder not in ("", self._holder) and home.lease_until and home.lease_until > now
        if elsewhere and home.state not in (HostState.CONNECTING, HostState.NON_RESPONSIVE):
            return remembered(state)
        return Hold.NONE if state is VMState.MISSING else Hold.STILL  # no answer: it may be there

    def _weigh(self, row: VM, verdict: Verdict) -> list[Ask]:
        """Does it run twice? During a hand-over one reading is older than the other, so both are asked again."""
        uuid = str(row.uuid)
        if verdict.rival is None:
            self._doubts.pop(uuid, None)
            if self._doubled.pop(uuid, None):
                log.info("The VM %s runs on one host again", row, extra={"action": "two_copies_over"})
            return []
        pair = frozenset((row.host_id, verdict.rival))
        if self._doubled.get(uuid) == pair:
            return []
        doubt = self._doubts.setdefault(uuid, Doubt(waiting=set()))
        if doubt.waiting:
            return []
        if doubt.rounds >= ROUNDS:
            del self._doubts[uuid]
            self._doubled[uuid] = pair
            self._two_copies(row, verdict.rival)
            return []
        pause = ROUND_S if doubt.rounds else 0.0
        doubt.rounds += 1
        doubt.waiting = set(pair & self.sightings.answering)
        return [Ask(host=host, uuid=uuid, want=Want.STATUS, after_s=pause) for host in doubt.waiting]

    # writing
    def _move(self, row: VM, to: int) -> bool:
        """The row follows its domain; nothing else of it changes. False: another was faster."""
        old, new = row.host, Host.objects.get(pk=to)
        ours = Migration.objects.filter(vm=row, state__in=OPEN_MIGRATION, ours=True).first()
        how = f"by the migration that {ours.requested_by} asked for" if ours else "outside Godwit"
        because = f"{new} has it now: it was moved {how}."
        with transaction.atomic():
            if not VM.objects.filter(pk=row.pk, host=old).update(host=new, seen_at=timezone.now()):
                return False
            note(row, field="host", old=str(old), new=str(new), because=because)
            feed.changed("vm", row.pk)
            feed.changed("host", old.pk)
            feed.changed("host", new.pk)
        row.host = new
        return True

    def _set_state(self, row: VM, asks: list[Ask]) -> bool:
        uuid, host = str(row.uuid), row.host_id
        if host not in self.sightings.answering:
            return True  # unknown becomes what it is when the host is back
        status = self.sightings.of(uuid).get(host)
        if self._stands_still(row, status):
            asks.append(Ask(host=host, uuid=uuid, want=Want.STATUS, after_s=STANDSTILL_S))
            return True
        state = vm_state(status) if status else VMState.MISSING
        also = self._also(row, state, status)
        if row.state == state:
            return self._touch(row, also)
        return advance(row, state, because=_because(row, status), **also)

    def _stands_still(self, row: VM, status: DomainStatus | None) -> bool:
        """Whether it is paused for its migration, and not for long yet."""
        uuid = str(row.uuid)
        if not is_moving(status) or row.state != VMState.UP:
            self._still_since.pop(uuid, None)
            return False
        now = self._clock.monotonic()
        return now - self._still_since.setdefault(uuid, now) < STANDSTILL_S

    def _also(self, row: VM, state: VMState, status: DomainStatus | None) -> dict[str, Any]:
        """The columns that go with a state: libvirt's reason, since when it is up, no figures of what is off."""
        also: dict[str, Any] = {"reason": clean.line(status.reason, 40) if status else ""}
        boot, now = self._boots.pop(str(row.uuid), None), self._clock.now()
        if state not in ACTIVE:
            return {**also, "up_since": None, "up_since_exact": False, **NO_FIGURES}
        if boot and boot.host == row.host_id and now - boot.at < timedelta(seconds=_BOOT_COUNTS_S):
            return {**also, "up_since": boot.at, "up_since_exact": True}
        if row.up_since is None:
            return {**also, "up_since": now, "up_since_exact": False}
        return also

    def _touch(self, row: VM, also: dict[str, Any]) -> bool:
        """Write what goes with the state where the state itself stays."""
        if changed := differing(row, {name: also[name] for name in _WITH_STATE if name in also}):
            VM.objects.filter(pk=row.pk).update(**changed)
            feed.changed("vm", row.pk)
        return True

    def _apply(self, row: VM, host: int, facts: DomainFacts) -> None:
        """What its own host says it is. A copy elsewhere (incoming, or left behind) changes nothing of the row."""
        if row.host_id != host:
            return
        if changed := differing(row, vm_columns(facts)):
            VM.objects.filter(pk=row.pk, host=host).update(**changed)
            feed.changed("vm", row.pk)

    def _two_copies(self, row: VM, rival: int) -> None:
        other = Host.objects.get(pk=rival)
        log.critical(
            "The VM %s runs on %s and on %s at once: stop one of them, its disks are in danger",
            row, row.host, other, extra={"action": "two_copies", "row": row.pk, "hosts": [row.host_id, rival]},
        )  # fmt: skip
        note(
            row, field="copies", old=str(row.host), new=f"{row.host} and {other}",
            because=f"It runs on {row.host} and on {other} at once; Godwit keeps showing it on {row.host}.",
        )  # fmt: skip
        feed.changed("vm", row.pk)


def _light() -> Any:
    """Rows without what is large: enough to settle them."""
    return VM.objects.select_related("host").defer(*_HEAVY)


def _because(row: VM, status: DomainStatus | None) -> str:
    if status is None:
        return f"{row.host} has no such domain any more, and no other host that answers has it."
    return f"{row.host} says: {status.state}" + (f" ({clean.line(status.reason, 40)})" if status.reason else "")
