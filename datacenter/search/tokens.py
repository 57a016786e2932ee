"""A query's text as tokens: words, quoted text, operators, parentheses, commas. One pass, no regular expressions."""

from dataclasses import dataclass
from enum import Enum

OPERATORS = ("!=", "<=", ">=", "!~", "=", "<", ">", "~")
_ENDS_WORD = frozenset('()=<>~"')


class Kind(Enum):
    WORD = "word"
    QUOTED = "quoted"
    OPERATOR = "operator"
    OPEN = "("
    CLOSE = ")"
    COMMA = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token; ``text`` is what it says (quotes and escapes resolved), ``start`` and ``end`` where it stands."""

    kind: Kind
    text: str
    start: int
    end: int
    closed: bool = True  # False: quoted text whose closing quote is missing

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords, in any case, without quotes."""
        return self.kind is Kind.WORD and self.text.lower() in words


def tokenize(text: str) -> list[Token]:
    """All tokens of ``text``; never fails. A comma parts values only in ``in (…)`` and after ``sortby``."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found.append(_next(text, at, commas=_parts_values(found)))
        at = found[-1].end
    return found


def _next(text: str, at: int, *, commas: bool) -> Token:
    if text[at] == '"':
        return _quoted(text, at)
    return _sign(text, at, commas=commas) or _word(text, at, commas=commas)


def _sign(text: str, at: int, *, commas: bool) -> Token | None:
    for operator in OPERATORS:
        if text.startswith(operator, at):
            return Token(kind=Kind.OPERATOR, text=operator, start=at, end=at + len(operator))
    if text[at] in "()" or (commas and text[at] == ","):
        return Token(kind=Kind(text[at]), text=text[at], start=at, end=at + 1)
    return None


def _quoted(text: str, start: int) -> Token:
    said, at = [], start + 1
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        said.append(text[at])
        at += 1
    closed = at < len(text)
    return Token(kind=Kind.QUOTED, text="".join(said), start=start, end=at + closed, closed=closed)


def _word(text: str, start: int, *, commas: bool) -> Token:
    at = start + 1
    while at < len(text) and not text[at].isspace() and text[at] not in _ENDS_WORD:
        if (commas and text[at] == ",") or text.startswith(("!=", "!~"), at):
            break
        at += 1
    return Token(kind=Kind.WORD, text=text[start:at], start=start, end=at)


def _parts_values(before: list[Token]) -> bool:
    """Whether the next token stands in a list: after "in (" without its end, or after "sortby"."""
    for index in range(len(before) - 1, -1, -1):
        token = before[index]
        if token.kind is Kind.CLOSE:
            return False
        if token.kind is Kind.OPEN:
            return index > 0 and before[index - 1].is_word("in")
        if token.is_word("sortby"):
            return True
    return False
