"""Recurrence rules (RRULE of RFC 5545) on local time, without any zone: read, refused where unbounded, expanded. Pure.

Expanding costs at most one look at each day between ``since`` and ``until``. That is why python-dateutil does not do it
here: its iterator looks at UNTIL only when a day matches, so a rule that matches none runs to the year 9999 (from
seconds to minutes of CPU). The tests hold every rule that this reads against dateutil's result.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice

LONGEST = 300
MOST_A_DAY = 24
MOST_COUNT = 1000
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PERIODS = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
#: part -> least, most, whether it may count from the end
_NUMBERS = {
    "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSETPOS": (1, 366, True),
}
_PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST", *_NUMBERS)
_BYDAY = re.compile(r"([+-]?[1-9]\d?)?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2}))?")


class RuleRefused(ValueError):
    """What makes no window; ``field``: rule, starts_at_local, zone, duration_minutes or blackouts."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """A rule as it was read. ``days``: (nth or 0, weekday with Monday 0); ``until``: local, inclusive."""

    freq: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    months: tuple[int, ...] = ()
    monthdays: tuple[int, ...] = ()
    days: tuple[tuple[int, int], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0


def read(text: str) -> Recurrence:
    """The rule in ``text``. RuleRefused where a part is unknown, out of its range, or fires too often."""
    parts = _parts(text)
    numbers = {name: _numbers(name, parts.get(name, "")) for name in _NUMBERS}
    found = Recurrence(
        freq=_freq(parts),
        interval=_number(parts, "INTERVAL", 1, 1000),
        count=_number(parts, "COUNT", 1, MOST_COUNT) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        months=numbers["BYMONTH"],
        monthdays=numbers["BYMONTHDAY"],
        days=_days(parts.get("BYDAY", "")),
        hours=numbers["BYHOUR"],
        minutes=numbers["BYMINUTE"],
        positions=numbers["BYSETPOS"],
        week_start=_weekday(parts.get("WKST", "MO")),
    )
    _contradictions(found)
    return found


def expand(rule: Recurrence, start: datetime, *, since: datetime, until: datetime) -> Iterator[datetime]:
    """Local times at which it fires, rising, from ``since`` to ``until`` inclusive, none before ``start``."""
    rule = _completed(rule, start)
    if rule.until is not None:
        until = min(until, rule.until)
    skipped = _first_period(rule, start, start if rule.count is not None else max(start, since))
    fired = (each for period in _periods(rule, start, skipped, until) for each in _within(rule, start, period))
    fired = (each for each in fired if each >= start)
    for each in fired if rule.count is None else islice(fired, rule.count):
        if each > until:
            return
        if each >= since:
            yield each


# reading


def _refuse(words: str) -> RuleRefused:
    return RuleRefused(words, field="rule")


def _parts(text: str) -> dict[str, str]:
    text = text.strip().upper().removeprefix("RRULE:")
    if not text:
        raise _refuse("A recurrence rule is needed, such as FREQ=WEEKLY;BYDAY=SU.")
    if len(text) > LONGEST:
        raise _refuse(f"A rule has {LONGEST} characters at most.")
    parts: dict[str, str] = {}
    for part in text.rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if name not in _PARTS:
            raise _refuse(f"The part “{name[:20]}” is not known here. Known are {', '.join(_PARTS)}.")
        if not equals or not value:
            raise _refuse(f"{name} has no value.")
        if name in parts:
            raise _refuse(f"{name} stands there twice.")
        parts[name] = value
    return parts


def _freq(parts: dict[str, str]) -> str:
    freq = parts.get("FREQ", "")
    if freq in ("SECONDLY", "MINUTELY"):
        raise _refuse(f"FREQ={freq} would open windows all the time. HOURLY is the most often there is.")
    if freq not in PERIODS:
        raise _refuse(f"FREQ is one of {', '.join(PERIODS)}.")
    return freq


def _integer(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,6}", text):
        raise _refuse(f"{name}: “{text[:20]}” is not a number.")
    return int(text)


def _number(parts: dict[str, str], name: str, least: int, most: int) -> int:
    value = _integer(name, parts.get(name, "1"))
    if not least <= value <= most:
        raise _refuse(f"{name} is a number from {least} to {most}.")
    return value


def _numbers(name: str, text: str) -> tuple[int, ...]:
    if not text:
        return ()
    least, most, backwards = _NUMBERS[name]
    values = {_integer(name, each) for each in text.split(",")}
    if any(not least <= (abs(value) if backwards else value) <= most for value in values):
        span = f"{least} to {most}" + (f", or -{most} to -1 from the end" if backwards else "")
        raise _refuse(f"{name} takes numbers from {span}.")
    return tuple(sorted(values))


def _days(text: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for each in text.split(",") if text else ():
        match = _BYDAY.fullmatch(each)
        if match is None or abs(int(match[1] or 0)) > 53:
            raise _refuse(f"BYDAY: “{each[:20]}” is not a weekday such as SU, 2TU or -1FR.")
        found.add((int(match[1] or 0), DAYS.index(match[2])))
    return tuple(sorted(found))


def _weekday(text: str) -> int:
    if text not in DAYS:
        raise _refuse(f"WKST is one of {', '.join(DAYS)}.")
    return DAYS.index(text)


def _until(text: str) -> datetime:
    match = _UNTIL.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        day = date(int(match[1]), int(match[2]), int(match[3]))
        at = time(23, 59, 59) if match[4] is None else time(int(match[4]), int(match[5]), int(match[6]))
    except ValueError as exc:
        raise _refuse(f"UNTIL: “{text[:20]}” is not a local date such as 20261231 or 20261231T060000.") from exc
    return datetime.combine(day, at)


def _contradictions(rule: Recurrence) -> None:
    if rule.count is not None and rule.until is not None:
        raise _refuse("COUNT and UNTIL exclude each other.")
    if any(nth for nth, _ in rule.days) and rule.freq not in ("MONTHLY", "YEARLY"):
        raise _refuse("A numbered weekday such as 2TU goes with MONTHLY and YEARLY only.")
    if len({nth == 0 for nth, _ in rule.days}) > 1:
        raise _refuse("Weekdays with and without a number do not mix.")
    if rule.monthdays and rule.freq == "WEEKLY":
        raise _refuse("BYMONTHDAY does not go with WEEKLY.")
    if rule.positions and (rule.freq == "HOURLY" or not (rule.days or rule.monthdays or rule.hours or rule.minutes)):
        raise _refuse("BYSETPOS picks among several days or times of a period; there are none here.")
    hours = len(rule.hours) or (-(-24 // rule.interval) if rule.freq == "HOURLY" else 1)
    if hours * max(1, len(rule.minutes)) > MOST_A_DAY:
        raise _refuse(f"This fires more than {MOST_A_DAY} times a day.")


# expanding


def _completed(rule: Recurrence, start: datetime) -> Recurrence:
    """With what RFC 5545 takes from the first date where the rule does not say it."""
    months, monthdays, days = rule.months, rule.monthdays, rule.days
    if not (monthdays or days):
        if rule.freq in ("YEARLY", "MONTHLY"):
            monthdays = (start.day,)
            months = months or ((start.month,) if rule.freq == "YEARLY" else ())
        elif rule.freq == "WEEKLY":
            days = ((0, start.weekday()),)
    return Recurrence(
        freq=rule.freq,
        interval=rule.interval,
        count=rule.count,
        until=rule.until,
        months=months,
        monthdays=monthdays,
        days=days,
        hours=rule.hours or (() if rule.freq == "HOURLY" else (start.hour,)),
        minutes=rule.minutes or (start.minute,),
        positions=rule.positions,
        week_start=rule.week_start,
    )


def _first_day(rule: Recurrence, day: date) -> date:
    """The first day of the period that ``day`` lies in."""
    match rule.freq:
        case "YEARLY":
            return day.replace(month=1, day=1)
        case "MONTHLY":
            return day.replace(day=1)
        case "WEEKLY":
            return day - timedelta(days=(day.weekday() - rule.week_start) % 7)
    return day


def _first_period(rule: Recurrence, start: datetime, since: datetime) -> int:
    """How many periods may be passed over since none of them reaches ``since``."""
    a, b = _first_day(rule, start.date()), _first_day(rule, since.date())
    match rule.freq:
        case "YEARLY":
            periods = b.year - a.year
        case "MONTHLY":
            periods = (b.year - a.year) * 12 + b.month - a.month
        case "WEEKLY":
            periods = (b - a).days // 7
        case "DAILY":
            periods = (b - a).days
        case _:
            return (b - a).days  # the hours of each day are counted from the start
    return periods // rule.interval


def _periods(rule: Recurrence, start: datetime, skipped: int, until: datetime) -> Iterator[list[date]]:
    """The days of each period, one period after the other, up to ``until``."""
    begin, number = _first_day(rule, start.date()), skipped
    while True:
        steps = number * (1 if rule.freq == "HOURLY" else rule.interval)
        first, length = _period(rule.freq, begin, steps)
        if first > until.date():
            return
        yield [first + timedelta(days=each) for each in range(length)]
        number += 1


def _period(freq: str, begin: date, steps: int) -> tuple[date, int]:
    """The first day of the period ``steps`` after ``begin``'s, and how many days it has."""
    if freq == "YEARLY":
        first = begin.replace(year=min(begin.year + steps, 9998))
        return first, (first.replace(year=first.year + 1) - first).days
    if freq == "MONTHLY":
        months = begin.year * 12 + begin.month - 1 + steps
        year, month = min(months // 12, 9998), months % 12 + 1
        return date(year, month, 1), monthrange(year, month)[1]
    length = 7 if freq == "WEEKLY" else 1
    return begin + timedelta(days=steps * length), length


def _within(rule: Recurrence, start: datetime, days: list[date]) -> list[datetime]:
    """When it fires in one period."""
    matching = [day for day in days if _matches(rule, day)]
    fired = [datetime.combine(day, at) for day in matching for at in _times(rule, start, day)]
    if not rule.positions:
        return fired
    picked = {place - 1 if place > 0 else len(fired) + place for place in rule.positions}
    return [fired[place] for place in sorted(picked) if 0 <= place < len(fired)]


def _times(rule: Recurrence, start: datetime, day: date) -> list[time]:
    hours = rule.hours
    if rule.freq == "HOURLY":
        midnight = int((datetime.combine(day, time()) - start.replace(minute=0)).total_seconds()) // 3600
        hours = tuple(hour for hour in hours or range(24) if (midnight + hour) % rule.interval == 0)
    return [time(hour, minute) for hour in hours for minute in rule.minutes]


def _matches(rule: Recurrence, day: date) -> bool:
    if rule.months and day.month not in rule.months:
        return False
    if rule.monthdays:
        last = monthrange(day.year, day.month)[1]
        if day.day not in rule.monthdays and day.day - last - 1 not in rule.monthdays:
            return False
    return not rule.days or any(_is_day(rule, day, nth, weekday) for nth, weekday in rule.days)


def _is_day(rule: Recurrence, day: date, nth: int, weekday: int) -> bool:
    """Whether it is that weekday, and the nth of its month (of its year, where a yearly rule names no month)."""
    if day.weekday() != weekday:
        return False
    if nth == 0:
        return True
    if rule.freq == "YEARLY" and not rule.months:
        number, length = day.timetuple().tm_yday, (date(day.year + 1, 1, 1) - date(day.year, 1, 1)).days
    else:
        number, length = day.day, monthrange(day.year, day.month)[1]
    place = (number - 1) // 7 + 1 if nth > 0 else -((length - number) // 7 + 1)
    return place == nth
