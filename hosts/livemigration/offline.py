"""Offline migration: the VM is down, and its definition moves. No memory, no job, no pause; it stays down.

::

    checking ──▶ starting ──▶ confirming ──▶ done
                    │             │
                    ▼             ▼
                  failed        probing      a host is silent, or the VM was started meanwhile

Where an answer between the daemons was lost, both hosts keep the definition. The destination's is the one that this
move has made there (CHECKING refuses a host that had one before), so that the source's goes, as libvirt was about to
do: a definition is on exactly one host.
"""

import logging
from enum import StrEnum
from typing import TYPE_CHECKING

from hosts.advance import note
from hosts.livemigration.begin import begin
from hosts.livemigration.journal import keep_landing
from hosts.livemigration.recovery import ABSENT, UNKNOWN, Seen, Truth, over, say
from hosts.models import Host
from hosts.states import MigrationState
from hosts.virt.driver import Driver
from hosts.virt.errors import NoSuchDomain, VirtError
from hosts.virt.records import DomainStatus

if TYPE_CHECKING:  # the supervisor walks: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor

log = logging.getLogger(__name__)

#: between two looks that must agree before anything is believed, in seconds
SECOND_LOOK_S = 0.4
#: an adopted row: the call of the worker before may be on its way still, for so long, in seconds
RETRY_S = 5.0
#: neither host has it: looked at for so long before that is said, in seconds
GONE_S = 15.0


class Where(StrEnum):
    """Which hosts hold the definition, or the guest."""

    SOURCE = "source"
    DESTINATION = "destination"
    BOTH = "both"
    NOWHERE = "nowhere"
    UNKNOWN = "unknown"  # a host is silent: nothing is defined, undefined or started anywhere


def where(source: Seen, destination: Seen) -> Where:
    """What both hosts say, as one word."""
    if source is UNKNOWN or destination is UNKNOWN:
        return Where.UNKNOWN
    if destination is ABSENT:
        return Where.NOWHERE if source is ABSENT else Where.SOURCE
    return Where.DESTINATION if source is ABSENT else Where.BOTH


def start(it: "Supervisor") -> None:
    """Ask libvirt, after the row says so."""
    because = "Both hosts agree. The VM is down: its definition moves, and it stays down."
    if it.move(MigrationState.STARTING, because=because, started_at=it.clock.now()):
        begin(it)


def watch(it: "Supervisor", tick_s: float) -> float:
    """Look at both hosts where it is time, and follow."""
    if not it.look_due(SECOND_LOOK_S):
        return tick_s
    truth = it.eyes.look(of_definitions=True)
    seen = where(truth.source, truth.destination)
    stood_s = it.stood_s(seen)
    if stood_s < SECOND_LOOK_S:
        return min(tick_s, SECOND_LOOK_S)
    _AFTER[seen](it, truth, stood_s)
    return tick_s


def _reach(it: "Supervisor", to: MigrationState, because: str) -> None:
    """Go there, through PROBING where there is no straight edge; other words where it is there already."""
    if it.state is to:
        it.say(because)
    elif to in it.state.next:
        it.move(to, because=because)
    elif MigrationState.PROBING in it.state.next:
        it.move(MigrationState.PROBING, because=because)


def _under_way(it: "Supervisor", stood_s: float) -> bool:
    """The call may still change what both hosts say."""
    return stood_s < RETRY_S if it.attempt is None else not it.attempt.over


def _stayed(it: "Supervisor", _truth: Truth, stood_s: float) -> None:
    if _under_way(it, stood_s):
        return
    if it.attempt is None and it.state in (MigrationState.STARTING, MigrationState.PROBING):
        it.say("The worker before ended before libvirt was asked, or before it answered; asked now.")
        begin(it)
        return
    error = it.attempt.error if it.attempt else None
    reason = str(error) if error else "libvirt ended it without a word."
    because = f"{reason.rstrip('.')}. The definition is on {it.row.source}, as before."
    if MigrationState.FAILED in it.state.next:
        it.fail_safely(because)
    else:
        _reach(it, MigrationState.PROBING, because)


def _moved(it: "Supervisor", truth: Truth, _stood_s: float) -> None:
    keep_landing(it.row)
    if it.state is not MigrationState.CONFIRMING:
        _reach(it, MigrationState.CONFIRMING, f"The definition is on {it.row.destination}.")
        return
    down = over(truth.destination)
    tail = "The VM is down there." if down else "The VM was started there meanwhile."
    it.move(MigrationState.DONE, because=f"The definition is on {it.row.destination}, and on no other host. {tail}")


def _both(it: "Supervisor", truth: Truth, stood_s: float) -> None:
    """One definition too many. The source's goes, unless the VM was started there meanwhile."""
    _reach(it, MigrationState.CONFIRMING, f"{it.row.destination} has the definition; {it.row.source} drops its own.")
    if _under_way(it, stood_s):
        return
    if over(truth.source):
        _undefine(it, it.row.source, truth.source, kept_by=it.row.destination)
    elif over(truth.destination):
        _undefine(it, it.row.destination, truth.destination, kept_by=it.row.source)
    else:
        because = f"ALARM: the VM was started on both hosts. {_say(it, truth)} The guardian suspends one of them."
        _reach(it, MigrationState.PROBING, because)


def _undefine(it: "Supervisor", host: Host | None, seen: Seen, *, kept_by: Host | None) -> None:
    """Drop the definition on ``host`` if it is as it was ``seen``, and the other host is proved to have one to keep."""
    assert host is not None
    assert kept_by is not None
    assert isinstance(seen, DomainStatus)
    drop, keep = (it.eyes.source, it.eyes.destination) if host == it.row.source else _turned(it)
    try:
        if not keep.domain(it.eyes.uuid).persistent:
            because = (
                f"The VM was started on {kept_by} while its definition moved: it runs there without one, and {host} "
                "has the definition. Shut it down in its guest; then it belongs to that host alone."
            )
            _reach(it, MigrationState.PROBING, because)
            return
        it.guard()
        drop.discard(it.eyes.uuid, seen=seen, definition=True)
    except NoSuchDomain:
        return  # libvirt was about to
    except VirtError as exc:
        log.warning("%s keeps a definition of %s: %s", host, it.row.vm, exc, extra={"action": "left_defined"})
        _reach(it, MigrationState.PROBING, f"{host} keeps a second definition: {exc}")
        return
    because = f"{kept_by} has the definition; {host} had one too, which is removed."
    note(it.row, field="definition", old=str(host), new=str(kept_by), because=because)
    it.look_soon()


def _turned(it: "Supervisor") -> tuple[Driver, Driver]:
    return it.eyes.destination, it.eyes.source


def _gone(it: "Supervisor", truth: Truth, stood_s: float) -> None:
    if stood_s < GONE_S or (it.attempt is not None and not it.attempt.over):
        return
    because = f"Neither host has a definition any more. {_say(it, truth)} Godwit keeps the last one on the VM's page."
    to = MigrationState.LOST if MigrationState.LOST in it.state.next else MigrationState.PROBING
    _reach(it, to, because)


def _unknown(it: "Supervisor", truth: Truth, _stood_s: float) -> None:
    _reach(it, MigrationState.PROBING, f"{_say(it, truth)} Until both answer, nothing is done to the VM.")


def _say(it: "Supervisor", truth: Truth) -> str:
    return f"{it.row.source} {say(truth.source)}, {it.row.destination} {say(truth.destination)}."


_AFTER = {
    Where.SOURCE: _stayed,
    Where.DESTINATION: _moved,
    Where.BOTH: _both,
    Where.NOWHERE: _gone,
    Where.UNKNOWN: _unknown,
}
