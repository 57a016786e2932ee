"""What every order does first: ask whether the person may, and write down a refusal."""

from collections.abc import Iterable
from typing import Any, cast

from django.db.models import Model

from datacenter import audit
from datacenter.access import System, Verb, can, visible
from datacenter.access.verbs import LABELS
from datacenter.orders.errors import Forbidden
from datacenter.placement import Candidate
from hosts.models import Host


def require(user: Any, verb: Verb, target: Model | System, *, order: str) -> None:
    """Raise Forbidden, and keep the attempt in the audit, if ``user`` may not ``verb`` the ``target``."""
    if can(user, verb, target):
        return
    audit.record(user, order, cast(Model, target), detail="Not permitted.", refused=True)
    raise Forbidden(f"You may not {order.replace('_', ' ')} {target}: that needs a role with “{LABELS[verb]}” there.")


def seen_only(user: Any, judged: Iterable[Candidate]) -> list[Candidate]:
    """Those of the candidates whose hosts ``user`` may see: nobody sends a VM to where he cannot look. One query."""
    judged = list(judged)
    there = Host.objects.filter(pk__in=[each.host.pk for each in judged])
    seen = set(visible(user, there).values_list("pk", flat=True))
    return [each for each in judged if each.host.pk in seen]
