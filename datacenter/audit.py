"""Writing down what people order, and what they tried: in the same transaction as the order itself."""

from typing import Any

from django.db.models import Model

from datacenter.models import AuditEntry


def record(user: Any, verb: str, target: Model, *, detail: str = "", refused: bool = False) -> AuditEntry:
    """One entry. ``target`` keeps its name in the entry, readable after the object is gone."""
    return AuditEntry.objects.create(
        actor=user.get_username() or "anonymous",
        verb=verb,
        noun=getattr(target, "noun", type(target).__name__.lower()),
        row=target.pk,
        name=str(target)[:300],
        detail=detail[:500],
        refused=refused,
    )
