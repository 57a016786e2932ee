"""A query as a tree, and back as text: ``parse(write(query)) == query``. Where a part stood does not count."""

import dataclasses
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where a part of the text stands."""

    start: int = 0
    length: int = 0


NOWHERE = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What a field is compared with. Quoted: literally; else ``*`` stands for anything and ``none`` for nothing."""

    text: str
    quoted: bool = False
    span: Span = dataclasses.field(default=NOWHERE, compare=False)

    @property
    def is_none(self) -> bool:
        return not self.quoted and self.text.lower() == "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A word without an operator: free text."""

    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """``field operator value``."""

    field: str
    operator: str
    value: Value
    span: Span = dataclasses.field(default=NOWHERE, compare=False)  # the field's
    operator_span: Span = dataclasses.field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """``field in (values)``, or ``not in``."""

    field: str
    values: tuple[Value, ...]
    negated: bool = False
    span: Span = dataclasses.field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    parts: tuple["Node", ...]


Node: TypeAlias = Text | Compare | Among | Not | And | Or


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """One field of ``sortby``."""

    field: str
    descending: bool = False
    span: Span = dataclasses.field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is wanted, and in which order. Both may be empty: everything, in the list's own order."""

    where: Node | None = None
    sort: tuple[SortKey, ...] = ()


def write(query: Query) -> str:
    """The query as text, in one normal form."""
    where = "" if query.where is None else _write(query.where)
    keys = ", ".join(key.field + (" desc" if key.descending else "") for key in query.sort)
    return " ".join(part for part in (where, f"sortby {keys}" if keys else "") if part)


def _write(node: Node) -> str:
    match node:
        case Text():
            return _value(node.value)
        case Compare():
            return f"{node.field} {node.operator} {_value(node.value)}"
        case Among():
            return f"{node.field} {'not ' if node.negated else ''}in ({', '.join(map(_value, node.values))})"
        case Not():
            return f"not {_inner(node.part)}"
        case And():
            return _joined(node)
        case Or():
            return " or ".join(map(_inner_of_or, node.parts))


def _joined(node: And) -> str:
    """Free words stand side by side, all else with "and" between."""
    said = _inner(node.parts[0])
    for before, part in zip(node.parts, node.parts[1:], strict=False):
        words = isinstance(before, Text) and isinstance(part, Text)
        said += (" " if words else " and ") + _inner(part)
    return said


def _inner(node: Node) -> str:
    return f"({_write(node)})" if isinstance(node, And | Or) else _write(node)


def _inner_of_or(node: Node) -> str:
    return f"({_write(node)})" if isinstance(node, Or) else _write(node)


def _value(value: Value) -> str:
    if not value.quoted:
        return value.text
    return '"' + value.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
