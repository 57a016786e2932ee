"""The one function that changes a state: compare-and-set, one Transition row, one log line, feed after commit."""

import logging
from typing import Any, Protocol, cast

from django.db import models, transaction
from django.utils import timezone

from hosts import feed
from hosts.models import VM, Host, Migration, Operation, Transition
from hosts.states import HostState, MigrationState, OperationState, State, VMState

log = logging.getLogger(__name__)

#: who acts when nobody asked
GODWIT = "Godwit"

#: the control room adds its own (``knows``)
STATES: dict[type[models.Model], type[State]] = {
    Host: HostState,
    VM: VMState,
    Migration: MigrationState,
    Operation: OperationState,
}


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


def advance(row: Stateful, to: State, *, because: str, actor: str = GODWIT, **also: Any) -> bool:
    """Move ``row`` from the state it carries to ``to``, with the fields ``also`` in the same statement.

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
        note(row, field="state", old=old, new=to, because=because, actor=actor, at=now)
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
) -> None:
    """Write the Transition row and the log line of a change that the caller makes in the same transaction."""
    Transition.objects.create(
        noun=row.noun,
        row=row.pk,
        name=str(row)[:300],
        field=field,
        old=str(old)[:300],
        new=str(new)[:300],
        because=because[:500],
        actor=actor,
        at=at or timezone.now(),
    )
    keys = {"action": f"{row.noun}_{field}_changed", "row": row.pk, "old": str(old), "new": str(new), "actor": actor}
    log.info("The %s %s went from %s to %s: %s", row.noun, row, old, new, because, extra=keys)
