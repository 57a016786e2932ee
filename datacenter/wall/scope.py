"""What a display may show: everything, a data center or a cluster; asked of access like anybody else's rights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from datacenter.access import Limit, Verb, visible
from datacenter.models import Display
from hosts.models import Cluster, DataCenter

M = TypeVar("M", bound=Model)


class Viewer:
    """A display as a principal: it may look at its scope and do nothing, whoever made it."""

    is_authenticated = is_active = is_superuser = True  # the limit is all that it may
    is_staff = False
    pk = None

    def __init__(self, scope: "Scope") -> None:
        roots = None if scope.is_system else ((scope.noun, scope.pk or 0),)
        self.limit = Limit(verbs=frozenset({Verb.VIEW}), roots=roots)

    def get_username(self) -> str:
        return "wall display"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Hashable: displays with the same scope share their frames. ``pk`` None: everything."""

    noun: str
    pk: int | None = None

    @classmethod
    def of(cls, display: Display) -> "Scope":
        """The scope of a row; one that names no object, as it should, shows nothing."""
        system = display.scope == Display.Scope.SYSTEM
        return cls(noun=display.scope, pk=None if system else display.scope_pk or 0)

    @property
    def is_system(self) -> bool:
        return self.noun == Display.Scope.SYSTEM

    @cached_property
    def viewer(self) -> Viewer:
        """Whoever has a display's link."""
        return Viewer(self)

    def only(self, rows: QuerySet[M]) -> QuerySet[M]:
        """Those of ``rows`` that lie within."""
        return visible(self.viewer, rows)

    @cached_property
    def target(self) -> Model | None:
        """The row it is about; None for everything, and where it is gone. One query, once."""
        found: Callable[..., Any] | None = {
            Display.Scope.DATACENTER.value: DataCenter.objects.filter,
            Display.Scope.CLUSTER.value: Cluster.objects.select_related("datacenter").filter,
        }.get(self.noun)
        return found(pk=self.pk).first() if found else None

    @property
    def is_gone(self) -> bool:
        return not self.is_system and self.target is None

    @property
    def words(self) -> str:
        """For the head of a wall: "All data centers", "Main", "Main, blue"."""
        row = self.target
        if isinstance(row, Cluster):
            return f"{row.datacenter.name}, {row.name}"
        if isinstance(row, DataCenter):
            return row.name
        return "All data centers" if self.is_system else "No longer there"
