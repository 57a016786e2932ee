"""Pages that only some may open: what is tried all the same is refused with a sentence, and kept."""

from typing import cast

from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest

from datacenter import audit
from datacenter.access import SYSTEM, System, Verb, can
from datacenter.access.verbs import LABELS


def need(request: HttpRequest, verb: Verb, target: Model | System | None = None) -> None:
    """403 where the request's user may not ``verb`` the ``target``; None: anything at all."""
    if can(request.user, verb, target):
        return
    page = request.resolver_match.url_name if request.resolver_match else ""
    audit.record(
        request.user, str(page or "open"), cast(Model, target or SYSTEM), detail="Not permitted.", refused=True
    )
    where = f"on {target}" if target else "anywhere"
    raise PermissionDenied(f"This needs a role with “{LABELS[verb]}”, and you have none {where}.")
