"""Which host holds a VM, from what each host says of it: pure, so that every case can be written down and tried.

While a guest moves, two hosts tell of it. ``Hold`` says how strong a claim is; the row follows the strongest, and on
a tie stays where it is. So an incoming copy (paused) never takes the row from a running source; a resumed one takes it
from a source that stands still; and a definition left behind takes nothing from anybody.
"""

from dataclasses import dataclass
from enum import IntEnum

from hosts.states import VMState
from hosts.virt.records import DomainState, DomainStatus


class Hold(IntEnum):
    NONE = 0  # the host answers and has no such domain
    DEFINED = 1  # only a definition: shut off
    STILL = 2  # in memory, but not running: paused, incoming, migrated away; or its host does not answer
    RUNNING = 3


#: a guest that stands still with these reasons is being moved: it is up for all its user cares
MOVING = frozenset({"migration", "postcopy", "starting_up"})

_HOLDS = {
    DomainState.RUNNING: Hold.RUNNING,
    DomainState.BLOCKED: Hold.RUNNING,
    DomainState.SHUTDOWN: Hold.RUNNING,
    DomainState.PAUSED: Hold.STILL,
    DomainState.PMSUSPENDED: Hold.STILL,
    DomainState.CRASHED: Hold.STILL,  # kept in memory by on_crash=preserve
    DomainState.SHUTOFF: Hold.DEFINED,
    DomainState.NOSTATE: Hold.DEFINED,
}

_STATES = {
    DomainState.RUNNING: VMState.UP,
    DomainState.BLOCKED: VMState.UP,
    DomainState.SHUTDOWN: VMState.POWERING_DOWN,
    DomainState.PAUSED: VMState.PAUSED,
    DomainState.PMSUSPENDED: VMState.SUSPENDED,
    DomainState.CRASHED: VMState.CRASHED,
    DomainState.SHUTOFF: VMState.DOWN,
    DomainState.NOSTATE: VMState.UNKNOWN,
}

#: what a row says of a VM whose host another collector listens to
_REMEMBERED = {
    VMState.UP: Hold.RUNNING,
    VMState.POWERING_DOWN: Hold.RUNNING,
    VMState.DOWN: Hold.DEFINED,
    VMState.MISSING: Hold.NONE,
}

#: states in which there is a QEMU, so that figures and an uptime mean something
ACTIVE = frozenset({VMState.UP, VMState.PAUSED, VMState.POWERING_DOWN, VMState.SUSPENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The host that holds the VM; ``rival`` is another on which it runs as well."""

    host: int
    rival: int | None = None


def hold(status: DomainStatus | None) -> Hold:
    """How strong a host's claim is by what it says of the domain; None: it has none."""
    return Hold.NONE if status is None else _HOLDS[status.state]


def remembered(state: VMState) -> Hold:
    """The claim of a host that somebody else listens to, by the row's state."""
    return _REMEMBERED.get(state, Hold.STILL)


def vm_state(status: DomainStatus) -> VMState:
    """The state a row shows for what libvirt says."""
    if status.state is DomainState.SHUTOFF and status.reason == "crashed":
        return VMState.CRASHED
    return _STATES[status.state]


def is_moving(status: DomainStatus | None) -> bool:
    """Whether it stands still only because it is being moved."""
    return status is not None and status.state is DomainState.PAUSED and status.reason in MOVING


def decide(home: int, home_hold: Hold, others: dict[int, Hold]) -> Verdict:
    """Who holds the VM: ``home`` unless another's claim is stronger."""
    if not others:
        return Verdict(host=home)
    rival = max(others, key=lambda host: (others[host], -host))
    if others[rival] is Hold.RUNNING and home_hold is Hold.RUNNING:
        return Verdict(host=home, rival=rival)
    return Verdict(host=rival if others[rival] > home_hold else home)
