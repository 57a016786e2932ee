"""Saved views of lists: one's own, or for everybody."""

from typing import Any

from django.db import IntegrityError, transaction

from datacenter import audit
from datacenter.access import SYSTEM, Verb, can
from datacenter.models import SavedView
from datacenter.orders.ask import require
from datacenter.orders.errors import Forbidden, Refused

MOST_VIEWS = 50


def save_view(user: Any, *, name: str, listing: str, query: str, shared: bool = False) -> SavedView:
    """Keep a list's parameters under a name; one's own view of this name takes them. Forbidden, or Refused."""
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise Refused("A view has a name of at most 80 characters.", field="name")
    if len(query) > 2000:
        raise Refused("This list has too many parameters to be kept.", field="query")
    if shared:
        require(user, Verb.ADMINISTER, SYSTEM, order="share_view")
    mine = SavedView.objects.filter(owner=user.pk, listing=listing)
    if mine.count() >= MOST_VIEWS and not mine.filter(name=name).exists():
        raise Refused(f"You have {MOST_VIEWS} views of this list. Remove one first.", field="name")
    try:
        with transaction.atomic():
            view, _ = mine.update_or_create(
                name=name, owner_id=user.pk, listing=listing, defaults={"query": query, "shared": shared}
            )
            if shared:
                audit.record(user, "share_view", view, detail=query)
    except IntegrityError as exc:
        raise Refused(f"There is a view “{name}” for everybody already.", field="name") from exc
    return view


def remove_view(user: Any, view: SavedView) -> None:
    """One's own, or a shared one by who may share. Forbidden."""
    if view.owner_id != user.pk and not (view.shared and can(user, Verb.ADMINISTER, SYSTEM)):
        audit.record(user, "remove_view", view, detail="Not permitted.", refused=True)
        raise Forbidden("Only who saved a view, or an administrator if it is for everybody, may remove it.")
    with transaction.atomic():
        if view.shared:
            audit.record(user, "remove_view", view)
        view.delete()
