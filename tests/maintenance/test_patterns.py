"""A rule that people say in words …"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter.maintenance.patterns import NTHS, Kind, Pattern, in_words, recognise, write
from datacenter.maintenance.recurrence import DAYS, RuleRefused, read

PATTERNS = st.builds(
    Pattern,
    kind=st.sampled_from([Kind.DAILY, Kind.WEEKLY, Kind.MONTHLY]),
    every=st.integers(1, 99),
    days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(tuple),
    nth=st.sampled_from(list(NTHS)),
    day=st.sampled_from(DAYS),
)


@given(pattern=PATTERNS)
def test_is_read_back_as_it_was_said(pattern: Pattern) -> None:
    rule = write(pattern)
    read(rule)
    assert write(recognise(rule)) == rule
    assert recognise(rule).kind is pattern.kind
    assert in_words(rule).startswith("Every ")


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY",
        "FREQ=DAILY;COUNT=3",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=SU,MO",
        "FREQ=MONTHLY;BYDAY=MO",
        "junk",
        "",
    ],
)
def test_is_left_as_it_stands_where_no_pattern_writes_it(rule: str) -> None:
    assert recognise(rule).kind is Kind.CUSTOM


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("FREQ=DAILY", "Every day"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU", "Every 2 weeks on Saturday and Sunday"),
        ("FREQ=MONTHLY;BYDAY=2TU", "Every month on the second Tuesday"),
        ("FREQ=MONTHLY;BYDAY=SU;BYSETPOS=-1", "Every month on Sunday, of these the last"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,-1", "Every month on the last day and the 1."),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=1SU;BYHOUR=2;BYMINUTE=5", "Every year on the first Sunday in March at 02:05"),
        ("FREQ=DAILY;UNTIL=20261231", "Every day, until 31 December 2026"),
        ("FREQ=HOURLY;INTERVAL=6;COUNT=8", "Every 6 hours, 8 times in all"),
    ],
)  # fmt: skip
def test_is_told_in_words(rule: str, words: str) -> None:
    assert in_words(rule) == words


def test_needs_a_day_where_it_is_weekly() -> None:
    with pytest.raises(RuleRefused) as refused:
        write(Pattern(kind=Kind.WEEKLY, days=()))
    assert refused.value.field == "weekdays"
