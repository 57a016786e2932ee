"""The one function that changes a state: compare-and-set, one Event, one log line, feed after commit."""

import logging
from typing import Any, Protocol, cast
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from hosts import feed, recording
from hosts.models import VM, Event, EventKind, Host, Migration, Operation, Severity
from hosts.recording import GODWIT as GODWIT
from hosts.states import (
    HostState,
    MigrationState,
    OperationState,
    PlanHostState,
    PlanState,
    PlanStepState,
    State,
    VMState,
)

log = logging.getLogger(__name__)

#: the control room adds its own (``knows``)
STATES: dict[type[models.Model], type[State]] = {
    Host: HostState,
    VM: VMState,
    Migration: MigrationState,
    Operation: OperationState,
}

#: how grave it is that a row came into this state, where its colour does not say it
SEVERITIES: dict[State, Severity] = {
    MigrationState.LOST: Severity.CRITICAL,
    MigrationState.PROBING: Severity.WARNING,
    MigrationState.DONE: Severity.NOTICE,
    MigrationState.CANCELLED: Severity.NOTICE,
    PlanState.RUNNING: Severity.NOTICE,
    PlanState.FINISHED: Severity.NOTICE,
    PlanState.STOPPED: Severity.WARNING,
    PlanHostState.SKIPPED: Severity.WARNING,
    PlanStepState.ASKING: Severity.WARNING,
}
_BY_COLOUR = {"failed": Severity.ERROR, "unknown": Severity.WARNING, "maintenance": Severity.NOTICE}


class Stateful(Protocol):
    """A row that ``advance`` can move: of a model in STATES."""

    noun: str
    pk: Any
    state: str


def knows(model: type[models.Model], states: type[State]) -> None:
    """Let ``advance`` move rows of ``model``, whose ``state`` is one of ``states``."""
    STATES[model] = states


class TransitionRefused(Exception):
    """The table in states.py has no such edge, or it is a no-op: a bug in the caller, never a user's fault."""


def advance(row: Stateful, to: State, *, because: str, actor: str = GODWIT, order: Any = None, **also: Any) -> bool:
    """Move ``row`` from the state it carries to ``to``, with the fields ``also`` in the same statement.

    ``order``: what it follows from, where neither the row nor the call knows (recording.py).
    False if the row in the database is no longer in that state: another was faster, and nothing was written; the
    caller reads it again. Raises TransitionRefused for an edge that states.py does not have.
    """
    model = cast(type[models.Model], type(row))
    old = STATES[model].of(row.state)
    if to not in old.next:
        raise TransitionRefused(f"{row.noun} {row.pk}: {old} may not become {to}")
    now = timezone.now()
    changed: dict[str, Any] = {"state": str(to), "state_since": now, **also}
    if hasattr(row, "because"):
        changed["because"] = because[:500]
    with transaction.atomic():
        if not model._default_manager.filter(pk=row.pk, state=str(old)).update(**changed):
            return False
        note(row, field="state", old=old, new=to, because=because, actor=actor, at=now, correlation=order)
        feed.changed(row.noun, row.pk)
    for field, value in changed.items():
        setattr(row, field, value)
    return True


def note(
    row: Stateful,
    *,
    field: str,
    old: str,
    new: str,
    because: str,
    actor: str = GODWIT,
    at: Any = None,
    kind: EventKind = EventKind.STATE,
    severity: Severity | None = None,
    before: Any = None,
    after: Any = None,
    correlation: UUID | None = None,
) -> Event:
    """Write the event and the log line of a change that the caller makes in the same transaction.

    ``severity`` None: what the new state is worth (``SEVERITIES``, else by its colour). ``correlation`` None: the
    row's own, else that of the order that is being carried out.
    """
    worth = severity or _worth(row, field, new)
    event = recording.write(
        row, kind=kind, severity=worth, field=field, old=old, new=new, because=because, actor=actor, at=at,
        before=before, after=after, correlation=correlation,
    )  # fmt: skip
    keys = {"action": f"{row.noun}_{field}_changed", "row": row.pk, "old": str(old), "new": str(new), "actor": actor}
    log.info("The %s %s went from %s to %s: %s", row.noun, row, old, new, because, extra=keys)
    return event


def _worth(row: Stateful, field: str, new: str) -> Severity:
    if field != "state":
        return Severity.NOTICE
    try:
        state = STATES[cast(type[models.Model], type(row))].of(str(new))
    except (KeyError, ValueError):  # of a model that has no states, such as a deleted one's
        return Severity.INFO
    return SEVERITIES.get(state) or _BY_COLOUR.get(state.colour, Severity.INFO)
