"""Giving roles in tests: the roles are the tests' own, so that no shipped one's change breaks them."""

from collections.abc import Iterable

from datacenter.access import Verb, forget
from datacenter.models import Role, RoleBinding, User

OPERATOR = (Verb.VIEW, Verb.POWER, Verb.MIGRATE, Verb.MAINTAIN, Verb.EDIT_VM)


def give(user: User, verbs: Iterable[str], *, level: str = "system", row: int = 0) -> None:
    """A role with these verbs on one object."""
    words = sorted(verbs)
    role, _ = Role.objects.get_or_create(name=f"Test: {' '.join(words)}", defaults={"verbs": words})
    RoleBinding.objects.create(role=role, user=user, level=level, row=row, made_by="test")
    forget()
