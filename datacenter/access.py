"""The one question, asked by pages, sockets and orders alike: may this person do that to this?

Default deny. Roles on the object tree come with issue 5; until then: every active user may view, members of the group
"Operators" may operate VMs and migrations, administrators (superusers) may do all.
"""

from enum import StrEnum
from typing import Any

from django.db.models import Model

OPERATORS = "Operators"


class Verb(StrEnum):
    VIEW = "view"
    OPERATE = "operate"  # power, migrate, adjust
    ADMINISTER = "administer"  # add and remove hosts, clusters, data centers


class Shell:
    """The person at the machine's own command line, who could do all of it to the database anyway."""

    is_authenticated = is_active = is_superuser = True

    def get_username(self) -> str:
        return "command line"


SHELL = Shell()


def can(user: Any, verb: Verb, target: Model | None = None) -> bool:
    """Whether ``user`` (anonymous too) may do ``verb`` to ``target`` (None: to anything of its kind)."""
    if not user.is_authenticated or not user.is_active:
        return False
    if user.is_superuser or verb is Verb.VIEW:
        return True
    return verb is Verb.OPERATE and user.groups.filter(name=OPERATORS).exists()
