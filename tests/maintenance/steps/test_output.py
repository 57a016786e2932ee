"""A step's output …"""

from hypothesis import given
from hypothesis import strategies as st

from datacenter.maintenance.steps.output import MOST_BYTES, Tail, clean


def test_it_puts_a_character_together_that_came_in_two_pieces_of_one_stream() -> None:
    tail = Tail()
    tail.add(b"gr\xc3")
    tail.add(b"[err]", stream="stderr")
    tail.add(b"\xbcn")
    assert tail.text == "gr[err]ün"


def test_it_has_no_escapes_and_no_text_that_turns_its_direction() -> None:
    assert clean("\x1b]0;title\x07a\x1b[1;31mb\x1b[0m\x1b(Bc\u202ed") == "abcd"
    assert clean("10%\r20%\r\n") == "10%\n20%\n"


def test_it_goes_on_after_what_was_there() -> None:
    tail = Tail("first")
    tail.line("second")
    tail.add(b"third")
    assert tail.text == "first\nsecond\nthird"


def test_it_breaks_a_line_without_an_end() -> None:
    tail = Tail()
    tail.add(b"x" * 300_000)
    assert max(len(line) for line in tail.text.split("\n")) <= 4096


@given(st.lists(st.binary(max_size=400), max_size=30), st.integers(1, 500))
def test_it_can_always_be_stored_and_is_never_longer_than_it_may_be(pieces: list[bytes], times: int) -> None:
    tail = Tail()
    for piece in pieces:
        tail.add(piece * times)
    packed = tail.text.encode()
    assert len(packed) <= MOST_BYTES
    assert b"\x00" not in packed
    assert b"\x1b" not in packed
    assert clean(tail.text) == tail.text
