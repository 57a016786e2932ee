"""A frame fits into a NOTIFY and loses nothing."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from hosts import feed

NUMBERS = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.dictionaries(st.text("abcdefgh_", min_size=1, max_size=20), NUMBERS | st.text(max_size=2000), max_size=12)
TOPICS = st.builds(lambda noun, pk: f"{noun}:{pk}", st.sampled_from(["vm", "host"]), st.integers(1, 10**12))
ENTRIES = st.lists(
    st.tuples(TOPICS, st.just("changed"), st.none()) | st.tuples(TOPICS, st.just("figures"), VALUES), max_size=60
)


def unpacked(entries):
    return [tuple(entry) for frame in feed.frames(entries) for entry in orjson.loads(frame)]


@given(ENTRIES)
def test_it_never_exceeds_what_notify_takes(entries):
    assert all(0 < len(frame) < 8000 for frame in feed.frames(entries))


@given(ENTRIES)
def test_it_keeps_every_entry_in_order_and_whole_or_as_changed(entries):
    for (topic, kind, data), said in zip(entries, unpacked(entries), strict=True):
        assert said in ((topic, kind, data), (topic, "changed", None))


def test_it_keeps_an_ordinary_entry_as_it_is():
    entry = ("vm:1", "figures", {"cpu_percent": 12.5, "state": "up", "rss_bytes": None})
    assert unpacked([entry]) == [entry]


def test_it_makes_an_oversized_entry_a_changed():
    assert unpacked([("vm:1", "figures", {"note": "x" * 8000})]) == [("vm:1", "changed", None)]


def test_it_makes_what_json_cannot_say_a_changed_and_sends_the_rest(caplog):
    odd = ("vm:1", "figures", {"cpu_percent": object()})
    assert unpacked([odd, ("vm:2", "changed", None)]) == [("vm:1", "changed", None), ("vm:2", "changed", None)]
    assert "vm:1" in caplog.text


def test_it_sends_nothing_for_nothing():
    assert list(feed.frames([])) == []
