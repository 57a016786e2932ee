"""What may be ordered of roles: making them, giving and taking them, and who is in which group.

Nobody gives more than he has: each verb of the role has to be his own where he gives it. And an administrator stays.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import Model

from datacenter import audit
from datacenter.access import SYSTEM, System, Verb, administrators, can
from datacenter.access.paths import object_of
from datacenter.access.verbs import LABELS
from datacenter.models import Role, RoleBinding, User
from datacenter.orders.ask import require
from datacenter.orders.errors import Forbidden, Refused

LAST = "Then nobody could administer Godwit any more. Make another administrator first."


def give_role(user: Any, role: Role, whom: User | Group, target: Model | System) -> RoleBinding:
    """Give ``role`` to a user or a group on ``target``. Forbidden, also where it is wider than what ``user`` may
    himself; Refused where it is given already.
    """
    require(user, Verb.GRANT, target, order="give_role")
    said = f"{role} to {whom}"
    _own(user, role.verbs, target, order="give_role", said=said)
    level = "system" if isinstance(target, System) else type(target).__name__.lower()
    given = {"user": whom} if isinstance(whom, User) else {"group": whom}
    try:
        with transaction.atomic():
            made: RoleBinding = RoleBinding.objects.create(
                role=role, level=level, row=target.pk or 0, made_by=user.get_username(), **given
            )
            audit.record(user, "give_role", cast(Model, target), detail=said)
    except IntegrityError as exc:
        raise Refused(f"{whom} has this role here already.", field="to") from exc
    return made


def take_role(user: Any, binding: RoleBinding) -> None:
    """Take it back. Forbidden where ``user`` could not give it; Refused for that of the last administrator."""
    target = object_of(binding.level, binding.row) or SYSTEM
    require(user, Verb.GRANT, target, order="take_role")
    said = f"{binding.role} from {binding.user or binding.group}"
    _own(user, binding.role.verbs, target, order="take_role", said=said)
    with _keeping_an_administrator(user, "take_role", cast(Model, target), said):
        audit.record(user, "take_role", cast(Model, target), detail=said)
        binding.delete()


def save_role(user: Any, role: Role | None, *, name: str, description: str, verbs: Iterable[str]) -> Role:
    """Make a role (None), or change one. Forbidden; Refused with the field. One that came with Godwit stays."""
    row = role or Role(name=name)
    require(user, Verb.GRANT, SYSTEM, order="save_role")
    if row.shipped:
        raise Refused("A role that came with Godwit stays as it is. Copy it, and change the copy.", field="name")
    wanted = {Verb.VIEW.value, *verbs}
    if unknown := wanted - {verb.value for verb in Verb}:
        raise Refused(f"There is no permission “{min(unknown)[:40]}”.", field="verbs")
    said = ", ".join(sorted(wanted))
    _own(user, wanted | set(row.verbs), SYSTEM, order="save_role", said=said)
    try:
        with _keeping_an_administrator(user, "save_role", row, said):
            row.name, row.description, row.verbs = name.strip(), description.strip(), sorted(wanted)
            row.save()
            audit.record(user, "save_role", row, detail=said)
    except IntegrityError as exc:
        raise Refused(f"There is a role “{name}” already.", field="name") from exc
    return row


def remove_role(user: Any, role: Role) -> None:
    """Remove a role of people's that nobody has. Forbidden, Refused."""
    require(user, Verb.GRANT, SYSTEM, order="remove_role")
    if role.shipped:
        raise Refused("A role that came with Godwit stays.")
    if role.bindings.exists():
        raise Refused(f"{role} is given to somebody. Take it back everywhere first.")
    with transaction.atomic():
        audit.record(user, "remove_role", role)
        role.delete()


def save_group(user: Any, group: Group | None, *, name: str, members: Iterable[User]) -> Group:
    """Make a group (None), or say who is in it. What its roles allow has to be ``user``'s own: Forbidden."""
    row = group or Group(name=name)
    require(user, Verb.ADMINISTER, SYSTEM, order="save_group")
    people = list(members)
    said = ", ".join(sorted(each.username for each in people)) or "nobody"
    _own_of_group(user, row, order="save_group", said=said)
    try:
        with _keeping_an_administrator(user, "save_group", row, said):
            row.name = name.strip()
            row.save()
            cast(Any, row).user_set.set(people)
            audit.record(user, "save_group", row, detail=said)
    except IntegrityError as exc:
        raise Refused(f"There is a group “{name}” already.", field="name") from exc
    return row


def remove_group(user: Any, group: Group) -> None:
    """Remove a group; its members lose what it gave them. Forbidden, Refused for the last administrator's."""
    require(user, Verb.ADMINISTER, SYSTEM, order="remove_group")
    _own_of_group(user, group, order="remove_group", said=str(group))
    with _keeping_an_administrator(user, "remove_group", group, str(group)):
        audit.record(user, "remove_group", group)
        group.delete()


def _own(user: Any, verbs: Iterable[str], target: Model | System, *, order: str, said: str) -> None:
    """Forbidden, and kept, where one of the verbs is not the user's own on ``target``."""
    known = [verb for verb in Verb if verb.value in set(verbs)]
    lacks = [LABELS[verb] for verb in known if not can(user, verb, target)]
    if lacks:
        audit.record(user, order, cast(Model, target), detail=f"Too wide: {said}"[:500], refused=True)
        raise Forbidden(f"That is wider than what you may yourself on {target}: you lack “{'”, “'.join(lacks)}”.")


def _own_of_group(user: Any, group: Group, *, order: str, said: str) -> None:
    for binding in RoleBinding.objects.filter(group=group.pk or 0).select_related("role"):
        _own(user, binding.role.verbs, object_of(binding.level, binding.row) or SYSTEM, order=order, said=said)


@contextmanager
def _keeping_an_administrator(user: Any, order: str, target: Model, said: str) -> Iterator[None]:
    """All of it or nothing; nothing, where no administrator would be left. Two at once wait for each other."""
    try:
        with transaction.atomic():
            list(RoleBinding.objects.select_for_update().filter(level="system").values_list("pk", flat=True))
            yield
            if not administrators().exists():
                raise Refused(LAST)
    except Refused as exc:
        if str(exc) == LAST:
            audit.record(user, order, target, detail=f"The last administrator: {said}"[:500], refused=True)
        raise
