"""The pace of a plan: where it stands on its forecast, and when it ends so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter.maintenance.pace import Piece, Standing, finish

TWO = [Piece(expected_start_s=0, expected_s=50), Piece(expected_start_s=50, expected_s=50)]


def ended(piece: Piece, *, started_s: float, ended_s: float) -> Piece:
    return Piece(
        expected_start_s=piece.expected_start_s, expected_s=piece.expected_s, started_s=started_s, ended_s=ended_s
    )


def test_as_foretold_it_ends_as_foretold() -> None:
    assert finish([ended(TWO[0], started_s=0, ended_s=50), TWO[1]], 50, expected_s=100) == pytest.approx(100, abs=1)


def test_twice_as_slow_ends_later_than_foretold() -> None:
    late = finish([ended(TWO[0], started_s=0, ended_s=100), TWO[1]], 100, expected_s=100)
    assert 150 < late < 210


def test_nothing_foretold_ends_now() -> None:
    assert finish([], 12, expected_s=0) == 12


def test_it_says_by_how_much_the_window_is_missed() -> None:
    goes = Standing(elapsed_s=50, expected_s=100, finish_s=160, done=1, total=2, window_s=100)
    assert (goes.late_s, goes.left_s) == (60, 110)


_spans = st.lists(
    st.tuples(st.floats(0, 1000), st.floats(0.1, 500), st.one_of(st.none(), st.floats(0, 1000))), min_size=1
)


@given(_spans, st.floats(0, 5000))
def test_it_never_ends_before_now(spans: list[tuple[float, float, float | None]], elapsed: float) -> None:
    pieces = [Piece(expected_start_s=start, expected_s=length, started_s=began) for start, length, began in spans]
    whole = max(start + length for start, length, _ in spans)
    assert finish(pieces, elapsed, expected_s=whole) >= elapsed


@given(_spans, st.floats(0, 2000))
def test_what_is_done_more_of_ends_no_later(spans: list[tuple[float, float, float | None]], elapsed: float) -> None:
    pieces = [Piece(expected_start_s=start, expected_s=length, started_s=began) for start, length, began in spans]
    more = [ended(pieces[0], started_s=0, ended_s=elapsed), *pieces[1:]]
    whole = max(start + length for start, length, _ in spans)
    assert finish(more, elapsed, expected_s=whole) <= finish(pieces, elapsed, expected_s=whole) + 0.01
