"""What every order does first: ask whether the person may, and write down a refusal."""

from typing import Any

from django.db.models import Model

from datacenter import audit
from datacenter.access import Verb, can
from datacenter.orders.errors import Forbidden


def require(user: Any, verb: Verb, target: Model, *, order: str) -> None:
    """Raise Forbidden, and keep the attempt in the audit, if ``user`` may not ``verb`` the ``target``."""
    if can(user, verb, target):
        return
    audit.record(user, order, target, detail="Not permitted.", refused=True)
    raise Forbidden(f"You may not {order.replace('_', ' ')} {target}. Ask an administrator for the operator role.")
