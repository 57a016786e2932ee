"""What a host says is made fit for the database."""

from hypothesis import given
from hypothesis import strategies as st

from hosts.telemetry import clean

anything = st.text(st.characters(exclude_categories=()))


def test_it_takes_out_what_postgresql_does_not_store() -> None:
    assert clean.text("a\x00b\ud800c\x1b[0m\td\n", 100) == "abc[0m\td\n"
    assert clean.line("a\x00\n b", 100) == "a b"


def test_it_keeps_names_in_any_script() -> None:
    assert clean.line("メール süd Ωmega", 100) == "メール süd Ωmega"


def test_it_cuts_and_bounds() -> None:
    assert clean.text("x" * 500, 20) == "x" * 20
    assert len(clean.record([{"a": "\x00b"}] * 900)) == clean.MOST_ITEMS
    assert clean.record({"a": ("\x00b", 3, None)}) == {"a": ["b", 3, None]}


def test_it_takes_no_size_that_a_column_cannot_hold() -> None:
    assert [clean.size(each) for each in (None, -1, 5, 2**80, float("nan"), float("inf"))] == [
        None, None, 5, 2**63 - 1, None, None,
    ]  # fmt: skip
    assert clean.count(2**40) == 2**31 - 1


def test_it_knows_a_uuid() -> None:
    assert clean.uuid("C0FFEE00-0000-0000-0000-000000000001") == "c0ffee00-0000-0000-0000-000000000001"
    assert clean.uuid("no uuid") is None


@given(anything, st.integers(1, 50))
def test_it_can_always_be_encoded(value: str, longest: int) -> None:
    told = clean.text(value, longest)
    assert len(told) <= longest
    assert "\x00" not in told
    told.encode()
