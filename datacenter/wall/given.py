"""Giving out displays, changing and ending them: asked, written down, refused where the scope is too wide."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from datacenter import audit
from datacenter.access import SYSTEM, System, Verb, can
from datacenter.models import Display
from datacenter.orders import Refused
from datacenter.orders.errors import Forbidden
from datacenter.wall.form import target_of
from datacenter.wall.links import new_link
from datacenter.wall.scope import Scope


def target(display: Display) -> Model | System | None:
    """What it shows; None where that is gone."""
    return SYSTEM if display.scope == Display.Scope.SYSTEM else Scope.of(display).target


def may(user: Any, display: Display) -> bool:
    """Whether ``user`` may see and change this display; one whose object is gone is the system's."""
    return can(user, Verb.DISPLAY, target(display) or SYSTEM)


def of(user: Any, rows: QuerySet[Display]) -> list[Display]:
    """Those of ``rows`` that ``user`` may see."""
    return [display for display in rows if may(user, display)]


def make(user: Any, *, scope: str, **fields: Any) -> tuple[Display, str]:
    """A new display and its link, which is not to be had again. Refused, Forbidden."""
    display = Display(made_by=user.get_username()[:150])
    _aim(user, display, scope, order="make_display")
    link = new_link(display)
    _write(user, display, "make_display", fields)
    return display, link


def change(user: Any, display: Display, *, scope: str, **fields: Any) -> None:
    """Arrange it anew; its walls follow within two seconds. Refused, Forbidden."""
    require(user, display, "change_display")
    _aim(user, display, scope, order="change_display")
    _write(user, display, "change_display", fields)


def replace_link(user: Any, display: Display) -> str:
    """A new link: the old one opens nothing from now on, and an ended display shows again."""
    require(user, display, "replace_link")
    link = new_link(display)
    display.link_made_at, display.revoked_at, display.revoked_by = timezone.now(), None, ""
    if display.expires_at is not None and display.expires_at <= timezone.now():
        display.expires_at = None
    with transaction.atomic():
        display.save()
        display.screens.all().delete()
        audit.record(user, "replace_link", display)
    return link


def end(user: Any, display: Display) -> None:
    """Its walls say so within two seconds, and stop."""
    require(user, display, "end_display")
    display.revoked_at, display.revoked_by = timezone.now(), user.get_username()[:150]
    with transaction.atomic():
        display.save(update_fields=["revoked_at", "revoked_by"])
        audit.record(user, "end_display", display)


def require(user: Any, display: Display, order: str) -> None:
    """Forbidden, and written down, where ``user`` may not."""
    if may(user, display):
        return
    audit.record(user, order, display, detail="Not permitted.", refused=True)
    raise Forbidden("You may not give out displays of this. Ask an administrator for a role with “displays” on it.")


def _aim(user: Any, display: Display, scope: str, *, order: str) -> None:
    """Point it at a scope that ``user`` may give out, and see himself."""
    there = target_of(scope)
    if there is None:
        raise Refused("What it should show is not there. Pick one of the list.", field="scope")
    if not can(user, Verb.DISPLAY, there) or not can(user, Verb.VIEW, there):
        audit.record(user, order, display, detail=f"Too wide: {there}"[:500], refused=True)
        raise Forbidden(f"You may not show {there} to everybody: that is wider than what you may.", field="scope")
    level, _, pk = scope.partition(":")
    display.scope, display.scope_pk = level, int(pk) if pk else None


def _write(user: Any, display: Display, order: str, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(display, name, value)
    said = f"{display.get_scope_display()}; " + ", ".join(f"{key} {seconds} s" for key, seconds in display.scenes)
    try:
        with transaction.atomic():
            display.save()
            audit.record(user, order, display, detail=said[:500])
    except IntegrityError as exc:
        raise Refused(f"There is a display “{display.name}” already.", field="name") from exc
