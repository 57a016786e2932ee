"""Every state there is: value, label, colour token, icon and allowed next states, once, for code, badges, docs, tests.

Colours are tokens of static/css (ok, busy, warning, failed, maintenance, unknown, off); a template never picks one.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Self


@dataclass(frozen=True)
class Look:
    """How a state is shown: never by colour alone."""

    label: str
    colour: str
    icon: str


class State(StrEnum):
    """A state with its look and its allowed next states. Subclasses list ``NAME = value, label, colour, icon``."""

    look: Look

    def __new__(cls, value: str, label: str, colour: str, icon: str) -> "State":
        member = str.__new__(cls, value)
        member._value_ = value
        member.look = Look(label, colour, icon)
        return member

    @property
    def label(self) -> str:
        return self.look.label

    @property
    def colour(self) -> str:
        return self.look.colour

    @property
    def icon(self) -> str:
        return self.look.icon

    @cached_property
    def next(self) -> frozenset["State"]:
        """The states this one may become."""
        return EDGES[type(self)][self]

    @property
    def is_final(self) -> bool:
        return not self.next

    @classmethod
    def of(cls, value: str) -> Self:
        """The member with this value. ValueError if there is none."""
        return cls(value)  # type: ignore[call-arg]  # mypy takes __new__ for the look-up

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [(member.value, member.label) for member in cls]


class HostState(State):
    CONNECTING = "connecting", "Connecting", "busy", "link"  # no answer yet, or not for some seconds
    UP = "up", "Up", "ok", "up"  # answers; may take VMs
    NON_RESPONSIVE = "non_responsive", "Non-responsive", "failed", "alert"  # no answer for long; its VMs are unknown
    PREPARING = "preparing", "Preparing for maintenance", "maintenance", "tool"  # being emptied
    MAINTENANCE = "maintenance", "Maintenance", "maintenance", "tool"  # takes no VM


class VMState(State):
    UP = "up", "Up", "ok", "play"
    PAUSED = "paused", "Paused", "warning", "pause"  # stands still in memory
    POWERING_DOWN = "powering_down", "Powering down", "busy", "stop"  # the guest is shutting down
    SUSPENDED = "suspended", "Suspended", "warning", "moon"  # asleep by the guest's own power management
    DOWN = "down", "Down", "off", "stop"
    CRASHED = "crashed", "Crashed", "failed", "alert"
    UNKNOWN = "unknown", "Unknown", "unknown", "question"  # its host does not answer: it may be running
    MISSING = "missing", "Missing", "unknown", "ghost"  # no host that answers has it; the row stays


class MigrationState(State):
    QUEUED = "queued", "Queued", "busy", "clock"  # waits for a worker or a place
    CHECKING = "checking", "Checking", "busy", "search"  # both hosts are asked whether it can be
    MEASURING = "measuring", "Measuring", "busy", "gauge"  # the guest's dirty rate, before anything moves
    STARTING = "starting", "Starting", "busy", "arrow"  # libvirt was asked; no memory has moved
    COPYING = "copying", "Copying", "busy", "copy"  # pre-copy: the guest runs on the source
    SWITCHING = "switching", "Switching over", "busy", "swap"  # the guest stands still
    POSTCOPY = "postcopy", "Post-copy", "warning", "swap"  # runs on the destination, pages follow: no way back
    POSTCOPY_PAUSED = "postcopy_paused", "Post-copy paused", "failed", "pause"  # the link broke; can be recovered
    CONFIRMING = "confirming", "Confirming", "busy", "check"  # runs on the destination; the source clears up
    PROBING = "probing", "Probing", "warning", "search"  # contact or outcome lost: both hosts decide
    DONE = "done", "Done", "ok", "check"
    FAILED = "failed", "Failed", "failed", "cross"  # safe: the guest runs on the source
    LOST = "lost", "Lost", "failed", "alert"  # honest: neither host has a running guest
    CANCELLED = "cancelled", "Cancelled", "off", "cross"  # the guest runs on the source


class OperationState(State):
    QUEUED = "queued", "Queued", "busy", "clock"
    RUNNING = "running", "Running", "busy", "arrow"
    DONE = "done", "Done", "ok", "check"
    FAILED = "failed", "Failed", "failed", "cross"


class PlanState(State):
    DRAFT = "draft", "Draft", "off", "circle-dashed"  # computed, to be looked at and changed
    APPROVED = "approved", "Approved", "maintenance", "check"  # waits for its start or its window
    RUNNING = "running", "Running", "busy", "arrow"
    PAUSED = "paused", "Paused", "warning", "pause"  # between hosts: what had begun was finished, nothing new begins
    STOPPED = "stopped", "Stopped", "warning", "clock"  # its window closed; the next one goes on where it stopped
    CANCELLING = "cancelling", "Cancelling", "warning", "cross"  # what runs comes to its end
    FINISHED = "finished", "Finished", "ok", "check"
    FAILED = "failed", "Failed", "failed", "cross"  # a host failed and the roll stopped there
    CANCELLED = "cancelled", "Cancelled", "off", "cross"


class PlanHostState(State):
    WAITING = "waiting", "Waiting", "busy", "clock"
    DRAINING = "draining", "Draining", "busy", "arrow"  # host: preparing for maintenance
    WORKING = "working", "In maintenance", "maintenance", "tool"  # empty; its steps run, or a person works on it
    RETURNING = "returning", "VMs return", "busy", "swap"  # active again; its VMs come home
    DONE = "done", "Done", "ok", "check"
    FAILED = "failed", "Failed", "failed", "cross"  # left as it is, for a person to look at
    SKIPPED = "skipped", "Skipped", "off", "cross"
    CANCELLED = "cancelled", "Cancelled", "off", "cross"


class PlanMoveState(State):
    WAITING = "waiting", "Waiting", "busy", "clock"
    RUNNING = "running", "Running", "busy", "arrow"  # its migration or operation is asked for
    DONE = "done", "Done", "ok", "check"
    FAILED = "failed", "Failed", "failed", "cross"
    LEFT = "left", "Left", "off", "pause"  # stays on the host, by its rule or a person's choice
    CANCELLED = "cancelled", "Cancelled", "off", "cross"


class PlanStepState(State):
    WAITING = "waiting", "Waiting", "busy", "clock"
    RUNNING = "running", "Running", "busy", "arrow"
    ASKING = "asking", "Waits for a person", "warning", "question"
    DONE = "done", "Done", "ok", "check"
    FAILED = "failed", "Failed", "failed", "cross"
    CANCELLED = "cancelled", "Cancelled", "off", "cross"


def _edges(**rows: str) -> dict[str, frozenset[str]]:
    return {state: frozenset(following.split()) for state, following in rows.items()}


_HOST = _edges(
    connecting="up non_responsive maintenance preparing",
    up="connecting non_responsive preparing maintenance",
    non_responsive="connecting up preparing maintenance",
    preparing="maintenance up connecting non_responsive",
    maintenance="up connecting",
)

# What libvirt says of a guest is a fact, not our decision: every state may follow every other.
_VM = {state.value: frozenset(other.value for other in VMState if other is not state) for state in VMState}

_MIGRATION = _edges(
    queued="checking cancelled failed",
    checking="measuring starting queued failed cancelled probing",
    measuring="starting failed cancelled probing",
    starting="copying switching confirming done failed cancelled probing",
    copying="switching postcopy confirming done failed cancelled probing lost",
    switching="confirming done copying failed cancelled probing lost",
    postcopy="confirming done postcopy_paused probing lost",
    postcopy_paused="postcopy confirming done probing lost",
    confirming="done probing lost",
    probing="starting copying switching postcopy postcopy_paused confirming done failed cancelled lost",
    done="",
    failed="",
    lost="",
    cancelled="",
)

_OPERATION = _edges(queued="running failed", running="done failed", done="", failed="")

_PLAN = _edges(
    draft="approved cancelled",
    approved="running draft cancelled",
    running="paused stopped cancelling finished failed cancelled",
    paused="running cancelling cancelled",
    stopped="running cancelling cancelled",
    cancelling="cancelled",
    finished="",
    failed="running cancelling cancelled",  # resumed after a person has mended what failed
    cancelled="",
)

_PLAN_HOST = _edges(
    waiting="draining skipped cancelled failed",
    draining="working waiting failed skipped cancelled",  # waiting again: the window closed before it was empty
    working="returning done failed cancelled",
    returning="done failed cancelled",
    done="",
    failed="draining working skipped cancelled",
    skipped="",
    cancelled="",
)

_PLAN_MOVE = _edges(
    waiting="running left failed cancelled done",  # done: somebody else moved it meanwhile
    running="done failed cancelled waiting left",
    done="waiting",  # the VM is on the host again
    failed="waiting running left cancelled done",  # a fallback, or a further try
    left="running cancelled done",
    cancelled="waiting",
)

_PLAN_STEP = _edges(
    waiting="running asking cancelled done",
    running="done failed cancelled",
    asking="done failed cancelled",
    done="",
    failed="waiting cancelled",
    cancelled="",
)


def _typed(states: type[State], rows: dict[str, frozenset[str]]) -> dict[State, frozenset[State]]:
    return {states.of(state): frozenset(map(states.of, following)) for state, following in rows.items()}


#: enum -> state -> allowed next states: the one table
EDGES: dict[type[State], dict[State, frozenset[State]]] = {
    HostState: _typed(HostState, _HOST),
    VMState: _typed(VMState, _VM),
    MigrationState: _typed(MigrationState, _MIGRATION),
    OperationState: _typed(OperationState, _OPERATION),
    PlanState: _typed(PlanState, _PLAN),
    PlanHostState: _typed(PlanHostState, _PLAN_HOST),
    PlanMoveState: _typed(PlanMoveState, _PLAN_MOVE),
    PlanStepState: _typed(PlanStepState, _PLAN_STEP),
}

#: a VM may have one migration in these states
OPEN_MIGRATION = tuple(state for state in MigrationState if not state.is_final)

#: a plan in these states holds its hosts: the balancer, automatic starts and other plans keep off
HOLDING_PLAN = (PlanState.APPROVED, PlanState.RUNNING, PlanState.PAUSED, PlanState.STOPPED, PlanState.CANCELLING)

#: cancel is possible here; never from post-copy, where neither side alone holds the guest
CANCELLABLE = (
    MigrationState.QUEUED,
    MigrationState.CHECKING,
    MigrationState.MEASURING,
    MigrationState.STARTING,
    MigrationState.COPYING,
)
