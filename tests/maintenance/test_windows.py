"""A maintenance window …"""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st

from datacenter.maintenance import recurrence
from datacenter.maintenance.windows import Rule, RuleRefused, at, between, check, occurrences, parse

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Nuuk",
    "America/Sao_Paulo", "Asia/Kathmandu", "Africa/Casablanca", "Antarctica/Troll",
)  # fmt: skip


def rule(
    text: str = "FREQ=DAILY",
    zone: str = "Europe/Berlin",
    *,
    start: str = "2025-01-01 02:00",
    minutes: int = 120,
    blackouts: tuple[str, ...] = (),
) -> Rule:
    begin = datetime.fromisoformat(start)
    return parse(text, starts_at=begin, zone=zone, duration_minutes=minutes, blackouts=blackouts)


def opens(of: Rule, day: str, days: int = 1) -> list[str]:
    """Local beginnings with their offsets, within ``days`` from the local ``day`` on."""
    begin = datetime.fromisoformat(day).replace(tzinfo=of.zone).astimezone(UTC)
    return [f"{each.local_start:%Y-%m-%d %H:%M %z}" for each in between(of, begin, begin + timedelta(days=days))]


# daylight saving


def test_opens_at_the_end_of_the_gap_where_its_time_does_not_exist() -> None:
    it = rule(start="2025-01-01 02:30")
    assert opens(it, "2026-03-28", 3) == ["2026-03-28 02:30 +0100", "2026-03-29 03:00 +0200", "2026-03-30 02:30 +0200"]
    assert [each.note for each in occurrences(it, datetime(2026, 3, 28, 12, tzinfo=UTC), 2)] == [
        "02:30 does not exist that day: the clocks are put forward.", "",
    ]  # fmt: skip


def test_opens_once_where_its_time_comes_twice() -> None:
    it = rule(start="2025-01-01 02:30")
    assert opens(it, "2026-10-25", 2) == ["2026-10-25 02:30 +0200", "2026-10-26 02:30 +0100"]
    (first,) = occurrences(it, datetime(2026, 10, 24, 12, tzinfo=UTC), 1)
    assert first.note == "02:30 comes twice that day: the first is meant."
    assert first.ends_at == datetime(2026, 10, 25, 2, 30, tzinfo=UTC)  # two hours later, at 03:30 by the wall
    assert at(it, datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == first  # 02:30 for the second time: the same window


def test_lasts_as_long_as_it_says_while_the_clocks_change() -> None:
    for day, end in (("2026-03-29", "05:00 +0200"), ("2026-10-25", "03:00 +0100")):
        (window,) = between(
            rule(start="2025-01-01 00:00", minutes=240),
            datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin")),
            datetime.fromisoformat(day).replace(hour=12, tzinfo=ZoneInfo("Europe/Berlin")),
        )
        assert window.ends_at - window.starts_at == timedelta(hours=4)
        assert f"{window.local_end:%H:%M %z}" == end


def test_keeps_new_yorks_days() -> None:
    it = rule(zone="America/New_York", start="2025-01-01 02:15")
    assert opens(it, "2026-03-08") == ["2026-03-08 03:00 -0400"]
    it = rule(zone="America/New_York", start="2025-01-01 01:15")
    assert opens(it, "2026-11-01") == ["2026-11-01 01:15 -0400"]


def test_knows_the_half_hour_of_lord_howe() -> None:
    it = rule(zone="Australia/Lord_Howe", start="2025-01-01 02:15", minutes=60)
    assert opens(it, "2026-10-04") == ["2026-10-04 02:30 +1100"]
    it = rule(zone="Australia/Lord_Howe", start="2025-01-01 01:45", minutes=60)
    assert opens(it, "2026-04-05") == ["2026-04-05 01:45 +1100"]


def test_has_none_on_the_day_that_apia_left_out() -> None:
    it = rule(zone="Pacific/Apia", start="2011-12-28 02:00")
    assert opens(it, "2011-12-28", 3) == ["2011-12-28 02:00 -1000", "2011-12-29 02:00 -1000", "2011-12-31 02:00 +1400"]
    friday = rule("FREQ=WEEKLY;BYDAY=FR", "Pacific/Apia", start="2011-12-01 02:00")
    assert opens(friday, "2011-12-24", 14) == ["2012-01-06 02:00 +1400"]


def test_opens_the_next_day_where_the_gap_ends_at_midnight() -> None:
    it = rule("FREQ=WEEKLY;BYDAY=SA", "America/Nuuk", start="2024-01-06 23:30")
    assert opens(it, "2024-03-30", 2) == ["2024-03-31 00:00 -0100"]


def test_every_hour_fires_once_an_hour_whatever_the_clocks_do() -> None:
    it = rule("FREQ=HOURLY", start="2025-01-01 00:00", minutes=30)
    assert len(opens(it, "2026-03-29", 1)) == 24  # 23 hours of that day and one of the next
    spring = list(between(it, datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)))
    assert len(spring) == 23
    autumn = list(between(it, datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)))
    assert len(autumn) == 24  # of 25 hours: 02:00 comes twice and opens once


def test_ends_early_where_clocks_put_forward_bring_two_together() -> None:
    it = rule(start="2025-01-01 02:00", minutes=23 * 60 + 30)
    windows = list(between(it, datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)))
    assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(windows))
    assert [(each.ends_at - each.starts_at) / timedelta(hours=1) for each in windows] == [23.5, 23.5, 23, 23.5]


# leap days


def test_opens_on_leap_days_only_in_leap_years() -> None:
    it = rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", start="2024-02-29 02:00")
    assert [each.local_start.year for each in occurrences(it, NOW, 5)] == [2028]
    check(it, NOW)
    assert opens(it, "2028-02-29") == ["2028-02-29 02:00 +0100"]


def test_the_31st_is_left_out_of_short_months() -> None:
    it = rule("FREQ=MONTHLY", start="2025-01-31 02:00")
    assert [each.local_start.month for each in occurrences(it, NOW, 4)] == [1, 3, 5, 7]
    last = rule("FREQ=MONTHLY;BYMONTHDAY=-1", start="2025-01-01 02:00")
    assert [each.local_start.day for each in occurrences(last, NOW, 3)] == [31, 28, 31]


# blackouts


def test_does_not_open_on_a_blackout_date() -> None:
    it = rule(blackouts=("2026-12-24/2026-12-26", "2027-01-01"))
    days = [each[:10] for each in opens(it, "2026-12-23", 11)]
    assert days == ["2026-12-23", *(f"2026-12-{day}" for day in range(27, 32)), "2027-01-02"]


def test_does_not_open_where_it_would_run_into_a_blackout_date() -> None:
    it = rule(start="2025-01-01 22:00", minutes=240, blackouts=("2026-12-24",))
    assert [each[:10] for each in opens(it, "2026-12-22", 4)] == ["2026-12-22", "2026-12-25"]
    it = rule(start="2025-01-01 22:00", minutes=120, blackouts=("2026-12-24",))  # ends as the day begins
    assert [each[:10] for each in opens(it, "2026-12-22", 3)] == ["2026-12-22", "2026-12-23"]


# at


def test_is_open_from_its_first_moment_to_before_its_last() -> None:
    it = rule("FREQ=WEEKLY;BYDAY=SU", minutes=120)
    begin = datetime(2026, 1, 4, 1, tzinfo=UTC)
    for seconds, is_open in ((-1, False), (0, True), (7199, True), (7200, False)):
        assert (at(it, begin + timedelta(seconds=seconds)) is not None) is is_open


# refusals


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is needed"),
        ("FREQ=SECONDLY", "all the time"),
        ("FREQ=MINUTELY;INTERVAL=30", "all the time"),
        ("FREQ=SOMETIMES", "FREQ is one of"),
        ("INTERVAL=2", "FREQ is one of"),
        ("FREQ=DAILY;BYSECOND=1,2,3", "not known here"),
        ("FREQ=DAILY;BYEASTER=0", "not known here"),
        ("FREQ=YEARLY;BYWEEKNO=20", "not known here"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", "not a number"),
        ("FREQ=DAILY;INTERVAL=٣", "not a number"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=5;UNTIL=20270101", "exclude each other"),
        ("FREQ=DAILY;UNTIL=20270231", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", "UNTIL"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;BYHOUR", "no value"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYHOUR=1,", "not a number"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "WEEKLY"),
        ("FREQ=WEEKLY;BYDAY=2SU", "numbered weekday"),
        ("FREQ=MONTHLY;BYDAY=MO,1MO", "do not mix"),  # where dateutil differs from RFC 5545
        ("FREQ=MONTHLY;BYDAY=XX", "not a weekday"),
        ("FREQ=MONTHLY;BYDAY=99MO", "not a weekday"),
        ("FREQ=MONTHLY;BYSETPOS=1", "none here"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=0,30", "24 times a day"),
        ("FREQ=HOURLY;BYMINUTE=0,30", "24 times a day"),
        ("FREQ=DAILY;" + "BYHOUR=" + "1," * 200, "300 characters"),
        ("DTSTART:20260101T000000\nRRULE:FREQ=DAILY", "not known here"),
        ("FREQ=DAILY\x00", "FREQ is one of"),
    ],
)
def test_refuses_a_rule_that(text: str, said: str) -> None:
    with pytest.raises(RuleRefused, match=said) as refused:
        rule(text)
    assert refused.value.field == "rule"


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",  # every seventh day from a Wednesday on
        "FREQ=DAILY;UNTIL=20251231",
        "FREQ=DAILY;COUNT=3",
        "FREQ=YEARLY;INTERVAL=40",
        "FREQ=MONTHLY;BYDAY=SU;BYSETPOS=6",
    ],
)
def test_refuses_a_rule_that_never_fires(text: str) -> None:
    with pytest.raises(RuleRefused, match="opens no window within the next five years") as refused:
        check(rule(text), NOW)
    assert refused.value.field == "rule"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("FREQ=HOURLY", 60),
        ("FREQ=HOURLY;INTERVAL=6", 400),
        ("FREQ=DAILY", 24 * 60),
        ("FREQ=DAILY;BYHOUR=2,4", 180),
        ("FREQ=WEEKLY;BYDAY=SA,SU", 2000),
        ("FREQ=MONTHLY;BYMONTHDAY=1,-1", 3000),
    ],
)
def test_refuses_windows_that_overlap(text: str, minutes: int) -> None:
    with pytest.raises(RuleRefused, match="overlap") as refused:
        check(rule(text, minutes=minutes), NOW)
    assert refused.value.field == "duration_minutes"


def test_refuses_blackouts_that_leave_nothing() -> None:
    it = rule("FREQ=YEARLY", start="2025-12-25 02:00", blackouts=("2026-01-01/2099-12-31",))
    with pytest.raises(RuleRefused, match="blackout") as refused:
        check(it, NOW)
    assert refused.value.field == "blackouts"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "europe/berlin", "../../etc/passwd", "/etc/localtime", "A\x00B"])
def test_refuses_a_zone_that_does_not_exist(zone: str) -> None:
    with pytest.raises(RuleRefused, match="no time zone") as refused:
        rule(zone=zone)
    assert refused.value.field == "zone"


@pytest.mark.parametrize(
    "dates", [("tomorrow",), ("2026-02-30",), ("2026-12-24/",), ("2026-12-26/2026-12-24",), ("20261224",)]
)
def test_refuses_a_blackout_that_is_no_date(dates: tuple[str, ...]) -> None:
    with pytest.raises(RuleRefused) as refused:
        rule(blackouts=dates)
    assert refused.value.field == "blackouts"


@pytest.mark.parametrize("minutes", [0, 4, 7 * 24 * 60 + 1, 10**9])
def test_refuses_a_duration(minutes: int) -> None:
    with pytest.raises(RuleRefused) as refused:
        rule(minutes=minutes)
    assert refused.value.field == "duration_minutes"


# for any rule


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Rules of every shape that is read here."""
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY"]))
    parts = [f"FREQ={freq}", f"INTERVAL={draw(st.integers(1, 5))}"]

    def some(name: str, values: st.SearchStrategy[object], most: int = 3) -> None:
        if draw(st.booleans()):
            chosen = draw(st.lists(values, min_size=1, max_size=most, unique=True))
            parts.append(f"{name}=" + ",".join(map(str, chosen)))

    some("BYMONTH", st.integers(1, 12))
    days = st.sampled_from(recurrence.DAYS)
    numbered = st.builds("{}{}".format, st.sampled_from([1, 2, 5, -1, -2]), days)
    some("BYDAY", numbered if freq in ("MONTHLY", "YEARLY") and draw(st.booleans()) else days)
    if freq != "WEEKLY":
        some("BYMONTHDAY", st.one_of(st.integers(1, 31), st.integers(-31, -1)))
    some("BYHOUR", st.integers(0, 23))
    if freq != "HOURLY":
        some("BYMINUTE", st.sampled_from([0, 15, 30, 59]), 2)
        if len(parts) > 2 and not all(part.startswith("BYMONTH=") for part in parts[2:]):
            some("BYSETPOS", st.sampled_from([1, 2, -1, 3]), 2)
    if draw(st.booleans()):
        parts.append(draw(st.sampled_from(["COUNT=7", "UNTIL=20270630", "UNTIL=20260701T120000"])))
    if freq == "WEEKLY" and draw(st.booleans()):
        parts.append("WKST=SU")
    return ";".join(parts)


STARTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)).map(
    lambda each: each.replace(second=0, microsecond=0)
)


@given(text=texts(), start=STARTS)
def test_opens_when_dateutil_says(text: str, start: datetime) -> None:
    text = text.replace("UNTIL=20270630", "UNTIL=20270630T235959")  # dateutil takes the bare date for its first moment
    until = start + timedelta(days=40 if "HOURLY" in text else 700)
    ours = list(recurrence.expand(recurrence.read(text), start, since=start, until=until))
    assume(ours)  # where nothing more matches, dateutil runs on to the year 9999
    try:
        theirs = list(islice(rrulestr(text, dtstart=start), len(ours)))
    except ValueError:  # it refuses hours that the interval never reaches
        return
    assert ours == theirs


@given(text=texts(), start=STARTS, zone=st.sampled_from(ZONES), days=st.integers(0, 500))
def test_comes_later_than_the_one_before_and_never_twice(text: str, start: datetime, zone: str, days: int) -> None:
    it = parse(text, starts_at=start, zone=zone, duration_minutes=45, blackouts=["2026-03-01/2026-03-10"])
    begin = start.replace(tzinfo=UTC) + timedelta(days=days)
    windows = list(between(it, begin, begin + timedelta(days=60)))
    for window in windows:
        asked, real = window.asked, window.local_start.replace(tzinfo=None)
        assert begin <= window.starts_at < begin + timedelta(days=60)
        assert timedelta() <= real - asked <= timedelta(hours=2)  # never before the time it names, never a day late
        assert real == asked or window.note
        for moment in (window.local_start, window.local_end - timedelta(microseconds=1)):
            assert not date(2026, 3, 1) <= moment.date() <= date(2026, 3, 10)
        assert at(it, window.starts_at) == window
    for earlier, later in pairwise(windows):
        assert earlier.starts_at < later.starts_at
        assert earlier.ends_at <= later.starts_at
    assert len({each.asked for each in windows}) == len(windows)


@given(text=texts(), start=STARTS, zone=st.sampled_from(ZONES), hours=st.integers(0, 9000))
def test_is_the_same_however_one_asks(text: str, start: datetime, zone: str, hours: int) -> None:
    it = parse(text, starts_at=start, zone=zone, duration_minutes=45)
    moment = start.replace(tzinfo=UTC) + timedelta(hours=hours)
    whole = list(between(it, moment - timedelta(days=30), moment + timedelta(days=30)))
    assert [each for each in whole if each.starts_at >= moment] == list(
        between(it, moment, moment + timedelta(days=30))
    )
    assert at(it, moment) == next((each for each in whole if each.starts_at <= moment < each.ends_at), None)


@given(text=st.text(max_size=80))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        check(rule(text), NOW)
    except RuleRefused as exc:
        assert exc.field in ("rule", "duration_minutes")  # noqa: PT017
