"""Recurrence rules that people say in words: every day, weekly on some days, monthly on the nth weekday. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from datacenter.maintenance.recurrence import DAYS, Recurrence, RuleRefused, read

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
NTHS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"}
_FREQS = {"YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day", "HOURLY": "hour"}
_SIMPLE = re.compile(r"FREQ=(DAILY|WEEKLY|MONTHLY)(?:;INTERVAL=(\d{1,2}))?(?:;BYDAY=([-A-Z0-9,]+))?")


class Kind(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"  # on the nth weekday
    CUSTOM = "custom"  # as the rule says


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """``every``: nth day, week or month; ``days``: two letters each; ``nth`` and ``day`` of a month."""

    kind: Kind
    every: int = 1
    days: tuple[str, ...] = ("SU",)
    nth: int = 1
    day: str = "SU"


def write(pattern: Pattern) -> str:
    """The rule. RuleRefused where a weekly pattern has no day; CUSTOM is written by its person."""
    every = f";INTERVAL={pattern.every}" if pattern.every != 1 else ""
    match pattern.kind:
        case Kind.DAILY:
            return f"FREQ=DAILY{every}"
        case Kind.WEEKLY:
            days = [day for day in DAYS if day in pattern.days]
            if not days:
                raise RuleRefused("Choose at least one day of the week.", field="weekdays")
            return f"FREQ=WEEKLY{every};BYDAY={','.join(days)}"
        case Kind.MONTHLY:
            return f"FREQ=MONTHLY{every};BYDAY={pattern.nth}{pattern.day}"
    raise ValueError("A custom rule is its own text.")


def recognise(rule: str) -> Pattern:
    """The pattern that writes this rule; CUSTOM if none does."""
    found = _SIMPLE.fullmatch(rule)
    if found is None:
        return Pattern(kind=Kind.CUSTOM)
    freq, every, days = found[1], int(found[2] or 1), tuple((found[3] or "").split(","))
    pattern = Pattern(kind=Kind(freq.lower()), every=every)
    if freq == "WEEKLY":
        pattern = Pattern(kind=Kind.WEEKLY, every=every, days=days)
    elif freq == "MONTHLY" and (one := re.fullmatch(r"(-?[1-5])([A-Z]{2})", days[0])):
        pattern = Pattern(kind=Kind.MONTHLY, every=every, nth=int(one[1]), day=one[2])
    return pattern if _writes(pattern, rule) else Pattern(kind=Kind.CUSTOM)


def _writes(pattern: Pattern, rule: str) -> bool:
    try:
        return write(pattern) == rule
    except RuleRefused:
        return False


def in_words(rule: str) -> str:
    """ "Every 2 weeks on Saturday and Sunday". What is not said in words here is in the rule itself. RuleRefused."""
    said = read(rule)
    parts = [
        f"Every {_FREQS[said.freq]}" if said.interval == 1 else f"Every {said.interval} {_FREQS[said.freq]}s",
        _on(said),
        f"in {_list([MONTHS[month - 1] for month in said.months])}" if said.months else "",
        f"at {_list(_times(said))}" if said.hours else "",
        f"of these the {_list([NTHS.get(place, f'{place}th') for place in said.positions])}" if said.positions else "",
        f"until {said.until:%-d %B %Y}" if said.until else "",
        f"{said.count} times in all" if said.count else "",
    ]
    return ", ".join(part for part in (" ".join(part for part in parts[:4] if part), *parts[4:]) if part)


def _on(said: Recurrence) -> str:
    days = [f"the {NTHS.get(nth, f'{nth}th')} {DAY_NAMES[day]}" if nth else DAY_NAMES[day] for nth, day in said.days]
    dates = [f"the {day}." if day > 0 else ("the last day" if day == -1 else f"day {day}") for day in said.monthdays]
    if days and dates:
        return f"on {_list(days)} where it is {_list(dates)}"
    return f"on {_list(days or dates)}" if days or dates else ""


def _times(said: Recurrence) -> list[str]:
    if not said.minutes:
        return [f"{hour} h" for hour in said.hours]
    return [f"{hour:02}:{minute:02}" for hour in said.hours for minute in said.minutes]


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
