"""What a client may name, and what is refused whatever it looks like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter.live.items import Kind, coarse_of, parse


@pytest.mark.parametrize(
    ("text", "kind", "topic", "fragment"),
    [
        ("vm:12/row", Kind.HTML, "vm:12", "vm/row"),
        ("vm:12", Kind.TEXT, "vm:12", ""),
        ("migration:5/points", Kind.POINTS, "migration:5", ""),
        ("plan_move:7/tile", Kind.HTML, "plan_move:7", "plan_move/tile"),
        ("plans", Kind.TOPICS, "plans", ""),
        ("vms", Kind.TOPICS, "vms", ""),
        ("counts/running", Kind.HTML, "counts", "counts/running"),
    ],
)
def test_it_understands(text, kind, topic, fragment):
    item = parse(text)
    assert (item.kind, item.topic, item.fragment) == (kind, topic, fragment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vm",
        "vm:0",
        "vm:-1",
        "vm:１２",
        "vm:12/../../settings",
        "vm:12/row\n",
        "vm:12/xml",
        "vms/row",
        "vms:3",
        "counts:1/running",
        "user:1/row",
        "user:1",
        "vm:99999999999999999999",
        "operation:1",
        "points",
        "counts/points",
        "*",
    ],
)
def test_it_refuses(text):
    assert parse(text) is None


@given(st.text(max_size=80))
def test_it_never_fails_on_any_text(text):
    item = parse(text)
    assert item is None or item.text == text


@pytest.mark.parametrize(
    ("topic", "coarse"),
    [
        ("vm:1", {"vms", "counts"}),
        ("plan:1", {"plans", "counts"}),
        ("plan_host:1", {"plans", "counts"}),
        ("plan_move:1", {"counts"}),
    ],
)
def test_a_row_is_news_for_its_kind(topic, coarse):
    assert coarse_of(topic) == coarse
