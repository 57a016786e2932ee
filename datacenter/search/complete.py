"""What may stand at the cursor: fields, operators, values, "and" and "or". Pure; the caller brings the values.

Words that are not yet a query are read by the same tokens, so that a suggestion always fits what the parser takes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from datacenter.search.fields import Field, Kind, Vocabulary
from datacenter.search.nouns import VOCABULARIES
from datacenter.search.parser import KEYWORDS
from datacenter.search.tokens import Kind as Sort
from datacenter.search.tokens import Token, tokenize

MOST = 10
_SAYS = {
    "=": "is", "!=": "is not", "~": "contains", "!~": "does not contain", "<": "less than", "<=": "at most",
    ">": "more than", ">=": "at least",
}  # fmt: skip
_JOINS = (("and", "both"), ("or", "either"), ("sortby", "in which order"))

Values = Callable[[Field, str], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """``text`` in place of what stands between ``start`` and ``end``; ``about`` says what it is."""

    text: str
    about: str
    start: int
    end: int


def complete(noun: str, text: str, cursor: int, *, values: Values) -> list[Suggestion]:
    """At most ``MOST``; ``values(field, beginning)`` gives values of a field that begin so. KeyError: no such noun."""
    words = VOCABULARIES[noun]
    cursor = max(0, min(cursor, len(text)))
    tokens = tokenize(text[:cursor])
    partial = tokens.pop() if tokens and _is_open(tokens[-1], cursor) else None
    start = partial.start if partial else cursor
    end = _end(text, start, cursor) if partial else cursor
    typed = partial.text if partial else ""
    found = _expected(words, tokens, typed, values)
    return [
        Suggestion(text=said, about=about, start=start, end=end)
        for said, about in _unique(found)
        if said.strip() != text[start:end]
    ][:MOST]


def quoted(value: str) -> str:
    """``value`` as a query says it literally: with quotes where it would be read otherwise."""
    odd = any(char.isspace() or char in '()=<>~",*\\' for char in value) or "!" in value
    if not odd and value and value.lower() not in (*KEYWORDS, "none", "in"):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_open(token: Token, cursor: int) -> bool:
    """Whether the person is still typing it."""
    return token.end == cursor and (token.kind is Sort.WORD or not token.closed)


def _end(text: str, start: int, cursor: int) -> int:
    """The end of the word around the cursor; of quoted text that is not closed, the cursor."""
    word = next((token for token in tokenize(text) if token.start == start), None)
    return word.end if word is not None and word.kind is Sort.WORD else cursor


def _expected(words: Vocabulary, before: list[Token], typed: str, values: Values) -> Iterable[tuple[str, str]]:
    if (sort := _after_sortby(before)) is not None:
        return _sorting(words, sort, typed)
    if not before or before[-1].is_word("and", "or", "not") or _opens_group(before):
        return [*_fields(words, typed), *_begins([("not ", "the opposite")], typed)]
    if (field := _asked(words, before)) is not None:
        return _values(field, typed, values)
    last = before[-1]
    named = words.find(last.text) if last.kind is Sort.WORD and not _is_value(before) else None
    if named is not None:
        operators = [(f"{each} ", _SAYS[each]) for each in named.kind.operators]
        return _begins([*operators, ("in (", "one of")], typed)
    return [*_begins([(f"{word} ", about) for word, about in _JOINS], typed), *(_fields(words, typed) if typed else ())]


def _fields(words: Vocabulary, typed: str, *, sortable: bool = False) -> list[tuple[str, str]]:
    rows = [(f"{each.name} ", each.about) for each in words.fields if each.can_sort or not sortable]
    by_alias = [
        (f"{each.name} ", each.about)
        for each in words.fields
        if typed and any(alias.startswith(typed.lower()) for alias in each.aliases) and (each.can_sort or not sortable)
    ]
    return [*_begins(rows, typed), *by_alias]


def _values(field: Field, typed: str, values: Values) -> list[tuple[str, str]]:
    if field.kind is Kind.WORD:
        return _begins(
            [*((word, label) for word, label in field.words.items()), *((each, "") for each in field.special)], typed
        )
    if field.kind is Kind.FLAG:
        return _begins([("yes", field.about), ("no", "")], typed)
    if field.offer is not None:
        return [(quoted(value), "") for value in values(field, typed)]
    return [] if typed else [(field.kind.example, "for example")]


def _sorting(words: Vocabulary, keys: list[Token], typed: str) -> list[tuple[str, str]]:
    if not keys or keys[-1].kind is Sort.COMMA:
        return _fields(words, typed, sortable=True)
    return _begins([("desc", "the greatest first"), ("asc", "the least first")], typed) if len(keys) == 1 else []


def _after_sortby(before: list[Token]) -> list[Token] | None:
    """The tokens of the key that is being typed, with the comma before it; None: it is not a matter of order."""
    at = next((index for index in range(len(before) - 1, -1, -1) if before[index].is_word("sortby")), None)
    if at is None or (at and before[at - 1].kind is Sort.OPERATOR):
        return None
    keys = before[at + 1 :]
    commas = [index for index, token in enumerate(keys) if token.kind is Sort.COMMA]
    if commas and commas[-1] == len(keys) - 1:
        return keys[-1:]
    return keys[commas[-1] + 1 :] if commas else keys


def _opens_group(before: list[Token]) -> bool:
    return before[-1].kind is Sort.OPEN and not (len(before) > 1 and before[-2].is_word("in"))


def _asked(words: Vocabulary, before: list[Token]) -> Field | None:
    """The field whose value comes next: after an operator, or within "in (…"."""
    if before[-1].kind is Sort.OPERATOR:
        return words.find(before[-2].text) if len(before) > 1 else None
    if before[-1].kind not in (Sort.OPEN, Sort.COMMA):
        return None
    at = next((index for index in range(len(before) - 1, -1, -1) if before[index].kind is Sort.OPEN), 0)
    name = at - 2 if at > 1 and not before[at - 2].is_word("not") else at - 3
    return words.find(before[name].text) if name >= 0 else None


def _is_value(before: list[Token]) -> bool:
    return len(before) > 1 and before[-2].kind is Sort.OPERATOR


def _begins(rows: Iterable[tuple[str, str]], typed: str) -> list[tuple[str, str]]:
    return [row for row in rows if row[0].lower().startswith(typed.lower())]


def _unique(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for said, about in rows:
        found.setdefault(said, about)
    return list(found.items())
