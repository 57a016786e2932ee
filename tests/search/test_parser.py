"""The grammar: what is read, what is refused and where, and that what is written is read back the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter.search import LONGEST, QueryError, parse, write
from datacenter.search.tree import Among, And, Compare, Node, Not, Or, Query, SortKey, Text, Value


@pytest.mark.parametrize(
    ("text", "position", "length", "sentence"),
    [
        ("status =", 7, 1, "A value is missing after “=”."),
        ("status = and cpu > 3", 7, 1, "A value is missing after “=”."),
        ("= up", 0, 1, "The name of a field is missing before “=”."),
        ("and up", 0, 3, "Something is missing before “and”. In quotes it is a word like any other."),
        ("up or", 3, 2, "Something is missing after “or”."),
        ("not", 0, 3, "Something is missing after “not”."),
        ("web (", 4, 1, "Something is missing at the end."),
        ("(web", 0, 1, "The closing “)” is missing."),
        ("()", 0, 1, "There is nothing in these parentheses."),
        ("web )", 4, 1, "This “)” closes nothing."),
        ('name = "web', 7, 4, "The closing quote is missing."),
        ('"name" = web', 0, 6, "The name of a field has no quotes."),
        ("name in (a, b", 8, 1, "The closing “)” is missing: in (one, two)."),
        ("name in (a,)", 10, 1, "A value is missing after “,”."),
        ("web sortby", 4, 6, "The name of a field is missing after “sortby”."),
        ("web sortby cpu up", 15, 2, "“up” does not belong here: sortby comes last."),
        ("a sortby b, c, d, e", 18, 1, "A list is sorted by at most 3 fields."),
        ("w\x00b", 1, 1, "This is no text."),
        ("(" * 21 + "a" + ")" * 21, 20, 1, "Parentheses and “not” are at most 20 deep."),
        ("a " * 61, 120, 1, "A query has at most 60 conditions and words."),
        ("a" * 501, 500, 1, "A query has at most 500 characters."),
    ],
)
def test_it_marks_what_is_wrong(text: str, position: int, length: int, sentence: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert (caught.value.position, caught.value.length, caught.value.sentence) == (position, length, sentence)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", ""),
        ("web db", "web db"),
        ("web, db", "web, db"),
        ("52:54:00:12", "52:54:00:12"),
        (
            "status=up AND host=h1* and cpu>80 SORTBY memory DESC",
            "status = up and host = h1* and cpu > 80 sortby memory desc",
        ),
        ("a or b and c", "a or b c"),
        ("(a or b) c", "(a or b) and c"),
        ("a and (b and c)", "a b c"),
        ("not (a or b)", "not (a or b)"),
        ("not not a", "not not a"),
        ('name = "with space"', 'name = "with space"'),
        (r'name = "say \"so\""', r'name = "say \"so\""'),
        ("host in (h1,h2)", "host in (h1, h2)"),
        ("host not in (h1)", "host not in (h1)"),
        ('"and" "sortby"', '"and" "sortby"'),
        ("in", "in"),
        ("sortby a asc,b desc", "sortby a, b desc"),
    ],
)
def test_it_has_one_way_of_writing(text: str, written: str) -> None:
    assert write(parse(text)) == written
    assert parse(written) == parse(text)


def test_it_binds_and_closer_than_or() -> None:
    a, b, c = (Text(value=Value(text=each)) for each in "abc")
    assert parse("a or b and c").where == Or(parts=(a, And(parts=(b, c))))


def read_or_refuse(text: str) -> None:
    wrong, query = None, Query()
    try:
        query = parse(text)
    except QueryError as caught:
        wrong = caught
    if wrong is None:
        assert parse(write(query)) == query
    else:
        assert 0 <= wrong.position <= wrong.position + wrong.length <= len(text)
        assert wrong.sentence.endswith(".")


@given(st.text(max_size=LONGEST + 20))
def test_it_reads_any_text_or_says_where_it_is_wrong(text: str) -> None:
    read_or_refuse(text)


_PARTS = st.sampled_from(
    [
        "and",
        "or",
        "not",
        "in",
        "sortby",
        "desc",
        "(",
        ")",
        ",",
        "=",
        "!=",
        "<",
        "~",
        '"',
        "\\",
        "*",
        "cpu",
        "host",
        "none",
        "4GiB",
        "a,b",
        " ",
    ]
)


@given(st.lists(_PARTS, max_size=25).map(" ".join) | st.lists(_PARTS, max_size=25).map("".join))
def test_it_reads_anything_made_of_its_own_parts_or_says_where_it_is_wrong(text: str) -> None:
    read_or_refuse(text)


_names = st.sampled_from(["name", "host", "cpu", "in", "desc"])
_bare = st.text(alphabet="abcdefgh-._*:é", min_size=1, max_size=8).map(lambda text: Value(text=text))
_values = _bare | st.text(max_size=12).filter(lambda text: "\x00" not in text).map(
    lambda text: Value(text=text, quoted=True)
)
_leaves: st.SearchStrategy[Node] = (
    st.builds(Text, value=_values)
    | st.builds(Compare, field=_names, operator=st.sampled_from(["=", "!=", "<=", "~", "!~"]), value=_values)
    | st.builds(Among, field=_names, values=st.lists(_values, min_size=1, max_size=3).map(tuple), negated=st.booleans())
)


def _nested(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    def of(kind: type[And] | type[Or]) -> st.SearchStrategy[Node]:
        parts = inner.filter(lambda part: not isinstance(part, kind))
        return st.lists(parts, min_size=2, max_size=3).map(lambda parts: kind(parts=tuple(parts)))

    return st.builds(Not, part=inner) | of(And) | of(Or)


_queries = st.builds(
    Query,
    where=st.none() | st.recursive(_leaves, _nested, max_leaves=6),
    sort=st.lists(st.builds(SortKey, field=_names, descending=st.booleans()), max_size=3).map(tuple),
)


@given(_queries)
def test_it_reads_back_every_tree_it_writes(query: Query) -> None:
    text = write(query)
    if len(text) <= LONGEST:
        assert parse(text) == query
