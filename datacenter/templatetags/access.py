"""Roles in templates: who can do what to an object, and why."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.db.models import Model

from datacenter.access import SYSTEM, Reason, System, Verb, administrators, can, given_on
from datacenter.access.paths import object_of
from datacenter.access.verbs import LABELS
from datacenter.models import Role, User

register = template.Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One line of who can do what here. ``on``: where it was given."""

    reason: Reason
    on: Model | System | None
    may_take: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Everything about roles on one object, as its page shows it to one person."""

    held: list[Held]
    superusers: list[User]
    roles: list[Role]  # that may be given here by who looks
    level: str
    row: int


@register.simple_tag(takes_context=True)
def roles_on(context: dict[str, Any], target: Model | System) -> Here:
    """Six queries, whatever there is."""
    user = context["user"]
    may_give = can(user, Verb.GRANT, target)
    mine = {verb.value for verb in Verb if can(user, verb, target)}
    roles = [each for each in Role.objects.all() if set(each.verbs) <= mine] if may_give else []
    system = isinstance(target, System)
    return Here(
        held=[_held(each, mine=mine, may=may_give) for each in given_on(target)],
        superusers=list(administrators().filter(is_superuser=True).order_by("username")),
        roles=roles,
        level="system" if system else type(target).__name__.lower(),
        row=0 if isinstance(target, System) else int(target.pk),
    )


def _held(reason: Reason, *, mine: set[str], may: bool) -> Held:
    own = reason.binding
    on = object_of(own.level, own.row) if reason.inherited else SYSTEM
    return Held(reason=reason, on=on, may_take=may and not reason.inherited and set(own.role.verbs) <= mine)


@register.filter
def labels(verbs: list[str]) -> list[str]:
    """["power"] -> ["Start and stop VMs"], in the order in which they are ticked."""
    return [label for verb, label in LABELS.items() if verb.value in verbs]


@register.simple_tag
def the_system() -> System:
    """The root of the tree."""
    return SYSTEM
