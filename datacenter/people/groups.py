"""Groups that another directory keeps: mirrored at each sign-in under names of their own ("ldap/…", "oidc/…").

So a role is given to "ldap/vm-admins" here, and nobody gains one by a group of the same name as ours.
"""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from datacenter import audit
from datacenter.models import User
from hosts.models import EventKind

MOST = 200
LONGEST = 140


def named(told: Any, claim: str) -> list[str]:
    """The groups that an OIDC provider tells of, from its userinfo, else its ID token. Hostile until parsed."""
    if not isinstance(told, dict):
        return []
    for part in (told.get("userinfo"), told.get("id_token"), told):
        found = part.get(claim) if isinstance(part, dict) else None
        if isinstance(found, str):
            return [found]
        if isinstance(found, list):
            return [each for each in found if isinstance(each, str)]
    return []


@transaction.atomic
def mirror(user: User, names: Iterable[str]) -> None:
    """Make ``user`` a member of exactly these groups of their source; groups of Godwit's own stay as they are."""
    prefix = f"{user.source}/"
    wanted = sorted({prefix + name.strip() for name in names if _is_name(name)})[:MOST]
    before = set(user.groups.filter(name__startswith=prefix).values_list("name", flat=True))
    if before == set(wanted):
        return
    Group.objects.bulk_create([Group(name=name) for name in wanted], ignore_conflicts=True)
    user.groups.remove(*user.groups.filter(name__startswith=prefix).exclude(name__in=wanted))
    user.groups.add(*Group.objects.filter(name__in=wanted))
    said = f"As {User.Source(user.source).label} tells it: {', '.join(wanted) or 'none'}."
    audit.record(
        user, "groups_changed", user, detail=said, kind=EventKind.SECURITY, before=sorted(before), after=wanted
    )


def _is_name(name: str) -> bool:
    return 0 < len(name.strip()) <= LONGEST and name.isprintable()
