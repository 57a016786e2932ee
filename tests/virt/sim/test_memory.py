"""Dirty pages: shares stay shares, and no byte is sent that was not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.virt.sim.memory import DirtyPages, PageClass, dirtied_bytes

MIB = 1 << 20

classes = st.lists(
    st.builds(
        PageClass,
        bytes=st.floats(0, 1e10),
        bytes_per_s=st.floats(0, 1e10),
        sequential=st.booleans(),
    ),
    max_size=4,
)
acts = st.lists(st.tuples(st.sampled_from(("send", "sync")), st.floats(0, 1e10)), max_size=30)


@given(classes, st.floats(0, 1e10), acts)
def test_remaining_is_never_negative_and_never_more_than_there_is(
    some: list[PageClass], touched: float, script: list[tuple[str, float]]
) -> None:
    pages = DirtyPages(some, touched_bytes=touched)
    most = sum(each.bytes for each in pages.classes)
    balance = pages.remaining
    for act, size in script:
        balance += -pages.send(size) if act == "send" else pages.sync(size / 1e9)
        assert 0.0 <= pages.remaining <= most * (1 + 1e-9) + 1e-6
        assert pages.remaining == pytest.approx(balance, rel=1e-6, abs=1.0)


@given(classes, st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_longer_time_dirties_no_less(some: list[PageClass], short: float, more: float) -> None:
    assert dirtied_bytes(some, short + more) >= dirtied_bytes(some, short) - 1e-3


def test_a_random_writer_meets_the_figures_of_its_docstring() -> None:
    writer = [PageClass(bytes=100 * MIB, bytes_per_s=60 * MIB)]
    assert dirtied_bytes(writer, 1.0) / MIB == pytest.approx(45, abs=0.5)
    assert dirtied_bytes(writer, 4.0) / MIB == pytest.approx(91, abs=0.5)


def test_a_sequential_writer_dirties_its_whole_set_and_no_more() -> None:
    writer = [PageClass(bytes=100 * MIB, bytes_per_s=20 * MIB, sequential=True)]
    assert dirtied_bytes(writer, 2.0) / MIB == pytest.approx(40)
    assert dirtied_bytes(writer, 60.0) / MIB == pytest.approx(100)
