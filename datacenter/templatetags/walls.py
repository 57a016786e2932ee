"""What the scenes of a wall read of their rows: colours, icons and few words."""

from datetime import datetime

from django import template

from datacenter.units import UNKNOWN, duration
from datacenter.wall.rotation import Trouble
from hosts.advance import STATES
from hosts.models import Event, Host, Migration
from hosts.models.event import Severity
from hosts.states import HostState, MigrationState, OperationState, PlanState, State, VMState

register = template.Library()

#: an event's severity -> colour token
_TONES = {
    Severity.INFO: "off",
    Severity.NOTICE: "busy",
    Severity.WARNING: "warning",
    Severity.ERROR: "failed",
    Severity.CRITICAL: "failed",
}
_STATES: dict[str, type[State]] = {
    "host": HostState,
    "vm": VMState,
    "migration": MigrationState,
    "operation": OperationState,
    "plan": PlanState,
}


@register.filter
def state_icon(row: Host) -> str:
    """The icon of its state."""
    return STATES[type(row)].of(row.state).look.icon


@register.filter
def tone_of(migration: Migration) -> str:
    """The colour token of its state."""
    return MigrationState.of(migration.state).colour


@register.filter
def whole_percent(number: float | None) -> str:
    """ "9 %": tenths are not read from five metres."""
    return UNKNOWN if number is None else f"{number:.0f} %"


@register.filter
def lasts(trouble: Trouble, now: datetime) -> str:
    """For how long already: "4 min 3 s"."""
    return duration(max(0.0, now.timestamp() - trouble.began))


@register.filter
def from_now(moment: datetime, now: datetime) -> str:
    """How long until then: "4 min 3 s"; "it has ended" after."""
    return duration(moment - now) if moment > now else "it has ended"


@register.filter
def severity_tone(severity: str) -> str:
    """The colour token of a severity; one that we do not know is shown as nothing special."""
    return _TONES.get(severity, "off")  # type: ignore[call-overload, no-any-return]


@register.filter
def happened(event: Event) -> str:
    """What happened, in few words: the new state and why, or the order."""
    if event.field == "state" and event.noun in _STATES:
        words = _label(_STATES[event.noun], event.new)
    elif event.field == "host":
        words = f"Now on {event.new}"
    else:
        words = event.new or event.verb.replace("_", " ").capitalize()
    return f"{words}. {event.because}" if event.because and event.because != words else words


def _label(states: type[State], value: str) -> str:
    try:
        return states.of(value).label
    except ValueError:  # history outlives the table of states
        return value
