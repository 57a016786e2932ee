"""What is offered at the cursor, and what it replaces."""

import pytest
from django.db.models import QuerySet
from hypothesis import given
from hypothesis import strategies as st

from datacenter.search import VOCABULARIES, complete, offered, parse, quoted
from datacenter.search.fields import Field
from datacenter.search.tree import Compare
from hosts.models import Host
from tests.factory import make_host, make_vm


def some(field: Field, typed: str) -> list[str]:
    return [each for each in ("h1", "h12", "rack 3") if each.startswith(typed)]


def texts(text: str, *, noun: str = "vm") -> list[str]:
    """The suggestions at the "|" in ``text``."""
    cursor = text.index("|")
    return [each.text for each in complete(noun, text.replace("|", ""), cursor, values=some)]


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        ("sta|", ["status "]),
        ("STATE|", ["status "]),
        ("web|", []),
        ("status |", ["= ", "!= ", "in ("]),
        ("status !|", ["!= "]),
        ("name |", ["= ", "!= ", "~ ", "!~ ", "in ("]),
        ("status = pa|", ["paused"]),
        ("status = m|", ["missing", "migrating"]),
        ("status in (up, d|", ["down"]),
        ("status not in (cr|", ["crashed"]),
        ("host = h1|", ["h12"]),
        ("host = r|", ['"rack 3"']),
        ('host = "r|', ['"rack 3"']),
        ("autostart = |", ["yes", "no"]),
        ("cpu > |", ["80"]),
        ("cpu > 8|", []),
        ("status = up |", ["and ", "or ", "sortby "]),
        ("status = up a|", ["and ", "arch ", "autostart "]),
        ("status = up and ho|", ["host "]),
        ("not (clus|", ["cluster "]),
        ("sortby mem|", ["memory ", "memory_used ", "mem_usage "]),
        ("web sortby memory |", ["desc", "asc"]),
        ("web sortby memory desc, up|", ["uptime "]),
        ("sortby ta|", []),  # nothing is sorted by tags
    ],
)
def test_it_offers_what_may_stand_there(text: str, offers: list[str]) -> None:
    assert texts(text) == offers


def test_it_offers_fields_where_nothing_stands() -> None:
    assert texts("|")[:3] == ["name ", "status ", "host "]


def test_it_replaces_the_whole_word_around_the_cursor() -> None:
    [first] = complete("vm", "status = pau and web", 11, values=some)
    assert (first.text, first.start, first.end) == ("paused", 9, 12)


@given(st.text(max_size=60), st.integers(-3, 70))
def test_it_offers_something_that_fits_whatever_stands_there(text: str, cursor: int) -> None:
    for each in complete("vm", text, cursor, values=some):
        assert 0 <= each.start <= each.end <= len(text)


@given(st.text(min_size=1, max_size=30).filter(lambda text: "\x00" not in text))
def test_it_quotes_any_value_so_that_it_is_read_as_itself(value: str) -> None:
    where = parse(f"name = {quoted(value)}").where
    assert isinstance(where, Compare)
    assert where.value.text == value
    assert not where.value.is_none


@pytest.mark.django_db
def test_it_offers_only_values_of_what_one_may_see() -> None:
    make_host("seen1", tags=["rack-1", "fast"])
    make_vm(host=make_host("seen2", tags=["rack-2"]))
    make_host("secret", tags=["rack-3"])

    def visible(rows: QuerySet[Host]) -> QuerySet[Host]:
        return rows.exclude(name="secret")

    host, tag = VOCABULARIES["vm"].find("host"), VOCABULARIES["host"].find("tag")
    assert host
    assert tag
    assert offered(host, "se", visible=visible) == ["seen1", "seen2"]
    assert offered(host, "n2", visible=visible) == ["seen2"]
    assert offered(tag, "rack", visible=visible) == ["rack-1", "rack-2"]
    assert offered(tag, "", visible=visible) == ["fast", "rack-1", "rack-2"]
    assert offered(host, "%", visible=visible) == []
