"""What can be asked of a noun: fields as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.db.models import Model, Q


class Kind(Enum):
    """What a field's values are, with the operators that go with it and an example of a value."""

    TEXT = ("=", "!=", "~", "!~"), "web*"
    UUID = ("=", "!=", "~", "!~"), "5c1f*"
    WORD = ("=", "!="), "up"  # one of a few
    TAGS = ("=", "!=", "~", "!~"), "rack-7"
    FLAG = ("=", "!="), "yes"
    NUMBER = ("=", "!=", "<", "<=", ">", ">="), "4"
    PERCENT = ("=", "!=", "<", "<=", ">", ">="), "80"
    SIZE = ("=", "!=", "<", "<=", ">", ">="), "4GiB"
    RATE = ("=", "!=", "<", "<=", ">", ">="), "10MiB"  # bytes per second
    PAUSE = ("=", "!=", "<", "<=", ">", ">="), "300ms"  # milliseconds
    SPAN = ("=", "!=", "<", "<=", ">", ">="), "90s"  # seconds
    AGE = ("<", "<=", ">", ">="), "3d"  # the column is when it began
    TIME = ("=", "!=", "<", "<=", ">", ">="), "2026-11-23"

    @property
    def operators(self) -> tuple[str, ...]:
        operators: tuple[str, ...] = self.value[0]
        return operators

    @property
    def example(self) -> str:
        return str(self.value[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Where the values that a completion offers are read: a model's column, seen by whom ``access`` says."""

    model: type[Model]
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. ``path`` is the ORM's. ``words``: value -> label, of a field with a few values.

    ``special``: further words and what they stand for. ``within``: how a condition on another table's rows becomes
    one on this noun's; ``order`` is what such a field is sorted by ("": it cannot be). ``counted``: the expression
    behind ``path``, where it is no column.
    """

    name: str
    kind: Kind
    path: str
    about: str
    aliases: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    special: Mapping[str, Callable[[], Q]] = field(default_factory=dict)
    within: Callable[[Q], Q] | None = None
    order: str = ""
    counted: Callable[[], Any] | None = None
    offer: Offer | None = None
    nullable: bool = True

    @property
    def can_sort(self) -> bool:
        return (self.within is None or bool(self.order)) and self.kind is not Kind.TAGS

    @property
    def sorted_by(self) -> str:
        return self.order or self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """A noun's fields, and what a word without an operator means: a condition a word."""

    noun: str
    fields: tuple[Field, ...]
    free: Callable[[str], Q]

    def find(self, name: str) -> Field | None:
        """The field of this name or alias, in any case."""
        wanted = name.lower()
        return next((each for each in self.fields if wanted == each.name or wanted in each.aliases), None)
