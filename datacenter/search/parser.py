"""From text to a tree, by hand and bounded. It knows the grammar, not the fields.

    query      = [any] ["sortby" field ["asc" | "desc"] {"," field ["asc" | "desc"]}]
    any        = all {"or" all}
    all        = one {["and"] one}
    one        = "not" one | "(" any ")" | field operator value | field ["not"] "in" "(" value {"," value} ")" | word

Keywords in any case; quotes make any of them a plain word.
"""

from collections.abc import Callable

from datacenter.search.errors import QueryError
from datacenter.search.tokens import Kind, Token, tokenize
from datacenter.search.tree import Among, And, Compare, Node, Not, Or, Query, SortKey, Span, Text, Value

LONGEST = 500
DEEPEST = 20
MOST_TERMS = 60
MOST_KEYS = 3
KEYWORDS = ("and", "or", "not", "sortby")


def parse(text: str) -> Query:
    """The tree of ``text``. QueryError marks what is wrong; nothing else is raised, whatever the text."""
    if len(text) > LONGEST:
        raise QueryError(f"A query has at most {LONGEST} characters.", position=LONGEST, length=len(text) - LONGEST)
    for at, char in enumerate(text):
        if char == "\x00" or "\ud800" <= char <= "\udfff":
            raise QueryError("This is no text.", position=at, length=1)
    return _Parser(tokenize(text)).query()


class _Parser:
    """Walks the tokens once; ``terms`` and ``depth`` bound what a query may cost."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.terms = 0
        self.depth = 0
        for token in tokens:
            if not token.closed:
                raise _wrong("The closing quote is missing.", token)

    def peek(self, ahead: int = 0) -> Token | None:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def sees(self, *words: str, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.is_word(*words)

    def sees_kind(self, kind: Kind, *, ahead: int = 0) -> bool:
        token = self.peek(ahead)
        return token is not None and token.kind is kind

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def query(self) -> Query:
        where = None if self.peek() is None or self.sees("sortby") else self.any()
        sort = self.sort() if self.sees("sortby") else ()
        if (rest := self.peek()) is not None:
            if rest.kind is Kind.CLOSE:
                raise _wrong("This “)” closes nothing.", rest)
            raise _wrong(f"“{rest.text[:40]}” does not belong here: sortby comes last.", rest)
        return Query(where=where, sort=sort)

    def any(self) -> Node:
        parts = [self.all()]
        while self.sees("or"):
            word = self.take()
            parts.append(self.all(after=word))
        return parts[0] if len(parts) == 1 else Or(parts=_flat(Or, parts))

    def all(self, *, after: Token | None = None) -> Node:
        parts = [self.one(after=after)]
        while (token := self.peek()) is not None and token.kind is not Kind.CLOSE and not token.is_word("or", "sortby"):
            parts.append(self.one(after=self.take() if token.is_word("and") else None))
        return parts[0] if len(parts) == 1 else And(parts=_flat(And, parts))

    def one(self, *, after: Token | None = None) -> Node:
        token = self.peek()
        if token is None or token.kind is Kind.CLOSE or token.is_word("and", "or", "sortby"):
            raise self.missing(token, after)
        if token.is_word("not"):
            return self.deeper(token, self.negation)
        if token.kind is Kind.OPEN:
            return self.deeper(token, self.group)
        if token.kind not in (Kind.WORD, Kind.QUOTED):
            raise _wrong(f"The name of a field is missing before “{token.text}”.", token)
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise _wrong(f"A query has at most {MOST_TERMS} conditions and words.", token)
        return self.term(token)

    def missing(self, token: Token | None, after: Token | None) -> QueryError:
        if after is not None:
            return _wrong(f"Something is missing after “{after.text}”.", after)
        if token is None:
            return QueryError("Something is missing at the end.", position=self.tokens[-1].start, length=1)
        if token.kind is Kind.CLOSE:
            return _wrong("Something is missing before “)”.", token)
        return _wrong(f"Something is missing before “{token.text}”. In quotes it is a word like any other.", token)

    def deeper(self, token: Token, read: Callable[[Token], Node]) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise _wrong(f"Parentheses and “not” are at most {DEEPEST} deep.", token)
        node = read(self.take())
        self.depth -= 1
        return node

    def negation(self, word: Token) -> Node:
        return Not(part=self.one(after=word))

    def group(self, bracket: Token) -> Node:
        node = self.any() if not self.sees_kind(Kind.CLOSE) else None
        if node is None:
            raise _wrong("There is nothing in these parentheses.", bracket)
        if not self.sees_kind(Kind.CLOSE):
            raise _wrong("The closing “)” is missing.", bracket)
        self.take()
        return node

    def term(self, token: Token) -> Node:
        if self.sees_kind(Kind.OPERATOR, ahead=1):
            return self.comparison()
        if token.kind is Kind.WORD and self.sees("in", ahead=1) and self.sees_kind(Kind.OPEN, ahead=2):
            return self.among(negated=False)
        if (
            token.kind is Kind.WORD
            and self.sees("not", ahead=1)
            and self.sees("in", ahead=2)
            and self.sees_kind(Kind.OPEN, ahead=3)
        ):
            return self.among(negated=True)
        return Text(value=_value(self.take()))

    def comparison(self) -> Compare:
        name, operator = self.take(), self.take()
        if name.kind is Kind.QUOTED:
            raise _wrong("The name of a field has no quotes.", name)
        return Compare(
            field=name.text,
            operator=operator.text,
            value=self.value(operator),
            span=_span(name),
            operator_span=_span(operator),
        )

    def value(self, after: Token) -> Value:
        token = self.peek()
        if token is None or token.kind not in (Kind.WORD, Kind.QUOTED) or token.is_word(*KEYWORDS):
            raise _wrong(f"A value is missing after “{after.text}”.", after)
        return _value(self.take())

    def among(self, *, negated: bool) -> Among:
        name = self.take()
        if negated:
            self.take()
        word, bracket = self.take(), self.take()
        values = [self.value(bracket)]
        while self.sees_kind(Kind.COMMA):
            values.append(self.value(self.take()))
            self.terms += 1
        if self.terms > MOST_TERMS:
            raise _wrong(f"A query has at most {MOST_TERMS} conditions and words.", word)
        if not self.sees_kind(Kind.CLOSE):
            raise _wrong("The closing “)” is missing: in (one, two).", bracket)
        self.take()
        return Among(field=name.text, values=tuple(values), negated=negated, span=_span(name))

    def sort(self) -> tuple[SortKey, ...]:
        after, keys = self.take(), []
        while True:
            token = self.peek()
            if token is None or token.kind is not Kind.WORD:
                raise _wrong(f"The name of a field is missing after “{after.text}”.", after)
            name = self.take()
            way = self.take() if self.sees("asc", "desc") else None
            descending = way is not None and way.text.lower() == "desc"
            keys.append(SortKey(field=name.text, descending=descending, span=_span(name)))
            if len(keys) > MOST_KEYS:
                raise _wrong(f"A list is sorted by at most {MOST_KEYS} fields.", name)
            if not self.sees_kind(Kind.COMMA):
                return tuple(keys)
            after = self.take()


def _flat(kind: type[And] | type[Or], parts: list[Node]) -> tuple[Node, ...]:
    """``(a and b) and c`` is ``a and b and c``."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, kind) else (part,))
    return tuple(flat)


def _value(token: Token) -> Value:
    return Value(text=token.text, quoted=token.kind is Kind.QUOTED, span=_span(token))


def _span(token: Token) -> Span:
    return Span(start=token.start, length=token.end - token.start)


def _wrong(sentence: str, token: Token) -> QueryError:
    return QueryError(sentence, position=token.start, length=token.end - token.start)
