"""Writing down what people order, and what they tried: in the same transaction as the order itself."""

from typing import Any
from uuid import UUID

from hosts import recording
from hosts.models import ActorKind, Event, EventKind, Severity


def record(
    user: Any,
    verb: str,
    target: Any,
    *,
    detail: str = "",
    refused: bool = False,
    severity: Severity | None = None,
    kind: EventKind | None = None,
    before: Any = None,
    after: Any = None,
    correlation: UUID | None = None,
) -> Event:
    """One event. ``target`` (a row, or ``access.SYSTEM``) keeps its name in it, readable after the object is gone.

    ``before``, ``after``: settings as JSON, where some were changed. ``kind`` SECURITY is for who may come in and what
    may be done by whom. ``correlation`` None: the target's own, else that of the order that is being carried out. A
    principal that is no person says what it is with an attribute ``actor_kind``.
    """
    return recording.write(
        target,
        actor=user.get_username() or "anonymous",
        actor_kind=getattr(user, "actor_kind", None) and ActorKind(user.actor_kind),
        kind=kind or (EventKind.REFUSED if refused else EventKind.ORDER),
        severity=severity or (Severity.WARNING if refused else Severity.NOTICE),
        verb=verb,
        because=detail,
        before=before,
        after=after,
        correlation=correlation,
    )
