"""People with roles, for tests: a user without one sees nothing."""

from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Model

from datacenter.access.verbs import HOST_OPERATOR, READ_ONLY, SHIPPED, VM_OPERATOR
from datacenter.models import Role, RoleBinding, User


def role(name: str) -> Role:
    """One that comes with Godwit."""
    says = next(each for each in SHIPPED if each.name == name)
    defaults = {"description": says.description, "verbs": sorted(says.verbs), "shipped": True}
    return Role.objects.get_or_create(name=name, defaults=defaults)[0]


def give(to: User | Group, name: str = READ_ONLY, *, on: Model | None = None) -> RoleBinding:
    """Give a shipped role on a data center, cluster, host or VM; None: on the system."""
    whom: dict[str, Any] = {"user": to} if isinstance(to, User) else {"group": to}
    at = {"level": type(on).__name__.lower(), "row": on.pk} if on else {"level": "system", "row": 0}
    return RoleBinding.objects.get_or_create(role=role(name), **whom, **at, defaults={"made_by": "test"})[0]


def viewer(name: str = "vera", *, on: Model | None = None, **fields: Any) -> User:
    """Somebody who sees, and does nothing."""
    user = User.objects.create_user(name, **fields)
    give(user, READ_ONLY, on=on)
    return user


def operator(name: str = "olga", *, on: Model | None = None, **fields: Any) -> User:
    """Somebody who runs VMs and empties hosts."""
    user = User.objects.create_user(name, **fields)
    give(user, VM_OPERATOR, on=on)
    give(user, HOST_OPERATOR, on=on)
    return user
