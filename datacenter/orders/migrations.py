"""What may be ordered of a running migration."""

from typing import Any

from django.db import transaction

from datacenter import audit
from datacenter.access import Verb
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts.livemigration import request
from hosts.models import Adjustment, Migration


def adjust(user: Any, migration: Migration, kind: str, value: int | None = None) -> Adjustment:
    """Turn a knob (Adjustment.KINDS; bytes/s or ms). The supervisor sees it at its next tick."""
    require(user, Verb.OPERATE, migration.vm, order=kind)
    detail = f"{migration} {'' if value is None else value}".strip()
    try:
        with transaction.atomic():
            adjustment = request.adjust(migration, kind, value, actor=user.get_username())
            audit.record(user, kind, migration, detail=detail)
    except request.RequestRefused as exc:
        audit.record(user, kind, migration, detail=str(exc), refused=True)
        raise Refused(str(exc), field=getattr(exc, "field", None)) from exc
    return adjustment
