"""The one question, asked by pages, sockets, orders and the API alike: may this person do that to this?

Default deny. Until roles on the object tree are read here: every active user may view, members of the group
"Operators" may do what operators do, administrators (superusers) may do all.
"""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from datacenter.access.verbs import Verb as Verb

M = TypeVar("M", bound=Model)

OPERATORS = "Operators"


_OPERATORS_MAY = {
    Verb.CONSOLE, Verb.POWER, Verb.MIGRATE, Verb.EDIT_VM, Verb.MAINTAIN, Verb.ACKNOWLEDGE, Verb.OPERATE,
}  # fmt: skip


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
    return verb in _OPERATORS_MAY and user.groups.filter(name=OPERATORS).exists()


def visible(user: Any, rows: QuerySet[M], verb: Verb = Verb.VIEW) -> QuerySet[M]:
    """Those of ``rows`` to which ``user`` may do ``verb``, filtered in the query."""
    return rows if can(user, verb) else rows.none()
