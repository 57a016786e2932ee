"""When a policy's windows open: a recurrence rule, a first local time, an IANA zone, a duration, blackout dates. Pure.

What daylight saving does to them (docs/decisions/0014-windows.md): a local time that does not exist opens at the first
moment after the gap; one that comes twice opens the first time, and never again; a day that a zone left out altogether
has no window. A duration is time that passes: a window of 4 h lasts 4 h, whatever the clocks on the wall do. Windows
never overlap: a rule whose windows would is refused, and where clocks put forward bring two nearer than the duration,
the earlier ends as the later begins. A window of which any moment lies on a blackout date does not open.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from datacenter.maintenance.recurrence import Recurrence, RuleRefused, expand, read

__all__ = ["Rule", "RuleRefused", "Window", "at", "between", "check", "occurrences", "parse"]

#: a rule is looked at for so long from now on
HORIZON = timedelta(days=5 * 366)
SHORTEST_MINUTES = 5
LONGEST_MINUTES = 7 * 24 * 60
MOST_BLACKOUTS = 100
FIRST_YEAR, LAST_YEAR = 2000, 2099
#: no zone ever moved its clocks by more: Pacific/Apia left out a day
_MOST_SHIFT = timedelta(days=1, hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When windows open. ``starts_at``: local, no zone; ``blackouts``: first and last local date of each."""

    recurrence: Recurrence
    starts_at: datetime
    zone: ZoneInfo
    duration: timedelta
    blackouts: tuple[tuple[date, date], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One occurrence; times in UTC. ``asked``: the local time the rule named."""

    starts_at: datetime
    ends_at: datetime
    zone: ZoneInfo
    asked: datetime

    @property
    def local_start(self) -> datetime:
        return self.starts_at.astimezone(self.zone)

    @property
    def local_end(self) -> datetime:
        return self.ends_at.astimezone(self.zone)

    @property
    def note(self) -> str:
        """What daylight saving did to its beginning; "" if nothing."""
        if self.local_start.replace(tzinfo=None) != self.asked:
            return f"{self.asked:%H:%M} does not exist that day: the clocks are put forward."
        if self.starts_at != self.asked.replace(tzinfo=self.zone, fold=1).astimezone(UTC):
            return f"{self.asked:%H:%M} comes twice that day: the first is meant."
        return ""


def parse(rule: str, *, starts_at: datetime, zone: str, duration_minutes: int, blackouts: Sequence[str] = ()) -> Rule:
    """What a row holds or a person typed. RuleRefused names the field. What it does over years, ``check`` says."""
    if not FIRST_YEAR <= starts_at.year <= LAST_YEAR:
        raise RuleRefused(f"The first window lies between {FIRST_YEAR} and {LAST_YEAR}.", field="starts_at_local")
    if not SHORTEST_MINUTES <= duration_minutes <= LONGEST_MINUTES:
        words = f"A window lasts from {SHORTEST_MINUTES} minutes to {LONGEST_MINUTES // 1440} days."
        raise RuleRefused(words, field="duration_minutes")
    return Rule(
        recurrence=read(rule),
        starts_at=starts_at.replace(tzinfo=None, second=0, microsecond=0, fold=0),
        zone=_zone(zone),
        duration=timedelta(minutes=duration_minutes),
        blackouts=_blackouts(blackouts),
    )


def check(rule: Rule, now: datetime) -> None:
    """RuleRefused where it never opens a window within five years of ``now``, or one before the last has ended."""
    local = _local(rule, now)
    times = list(_times(rule, local, local + HORIZON))
    if not times:
        raise RuleRefused("This rule opens no window within the next five years.", field="rule")
    nearest = min((later - earlier for earlier, later in pairwise(times)), default=None)
    if nearest is not None and nearest <= rule.duration:
        minutes = int(nearest.total_seconds() // 60)
        words = (
            f"Windows would overlap: one may open {minutes} minutes after another. Each has to be shorter than that."
        )
        raise RuleRefused(words, field="duration_minutes")
    if not occurrences(rule, now, 1):
        words = "Within the next five years every window lies on a blackout date, or on a day that does not exist."
        raise RuleRefused(words, field="blackouts")


def occurrences(rule: Rule, after: datetime, count: int) -> list[Window]:
    """The next windows that open at ``after`` or later, at most ``count``, within five years."""
    found: list[Window] = []
    for window in between(rule, after, after + HORIZON):
        if len(found) == count:
            break
        found.append(window)
    return found


def between(rule: Rule, since: datetime, until: datetime) -> Iterator[Window]:
    """Windows that open from ``since`` (included) to ``until`` (not), rising, one after the other."""
    previous: Window | None = None
    for window in _open(rule, _local(rule, since) - _MOST_SHIFT, _local(rule, until) + _MOST_SHIFT + rule.duration):
        if previous is not None and since <= previous.starts_at < until:
            yield _ended_by(previous, window)
        previous = window
        if window.starts_at >= until:
            return
    if previous is not None and since <= previous.starts_at < until:
        yield previous


def at(rule: Rule, moment: datetime) -> Window | None:
    """The window that is open at ``moment``; its end is no part of it."""
    found = None
    for window in between(rule, moment - rule.duration, moment + timedelta(seconds=1)):
        if window.starts_at <= moment < window.ends_at:
            found = window
    return found


def _times(rule: Rule, since: datetime, until: datetime) -> Iterator[datetime]:
    return expand(rule.recurrence, rule.starts_at, since=since, until=until)


def _open(rule: Rule, since: datetime, until: datetime) -> Iterator[Window]:
    """Windows by local time, without blackouts and without a moment twice; they may still overlap by a shift."""
    last: datetime | None = None
    for asked in _times(rule, since, until):
        begin = _moment(asked, rule.zone)
        if begin is None or (last is not None and begin <= last):
            continue
        last = begin
        window = Window(starts_at=begin, ends_at=begin + rule.duration, zone=rule.zone, asked=asked)
        if not _blacked_out(rule, window):
            yield window


def _ended_by(window: Window, following: Window) -> Window:
    if window.ends_at <= following.starts_at:
        return window
    return Window(starts_at=window.starts_at, ends_at=following.starts_at, zone=window.zone, asked=window.asked)


def _blacked_out(rule: Rule, window: Window) -> bool:
    first = window.local_start.date()
    last = (window.ends_at - timedelta(microseconds=1)).astimezone(window.zone).date()
    return any(begin <= last and first <= end for begin, end in rule.blackouts)


def _local(rule: Rule, moment: datetime) -> datetime:
    return moment.astimezone(rule.zone).replace(tzinfo=None)


def _moment(local: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment of a local time: the first of two; the end of the gap where there is none; None: no such day."""
    found = _exact(local, zone)
    if found is not None:
        return found
    begin, end = (_exact(datetime.combine(local.date(), each), zone) for each in (time(), time(23, 59, 59)))
    return None if begin is None and end is None else _after_gap(local, zone)


def _exact(local: datetime, zone: ZoneInfo) -> datetime | None:
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None


def _after_gap(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the zone's offset changes; by bisection, since zoneinfo tells no transitions."""
    # in a gap, fold=1 reads the time by the new offset and lands before the change, fold=0 by the old one and after it
    low, high = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    old = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high


@cache
def _zones() -> frozenset[str]:
    return frozenset(each for each in available_timezones() if each not in ("localtime", "Factory"))


def zones() -> list[str]:
    """The names of all zones there are, sorted."""
    return sorted(_zones())


def _zone(name: str) -> ZoneInfo:
    if name not in _zones():
        raise RuleRefused(
            f"There is no time zone “{name[:60]}”. An IANA name is needed, such as Europe/Berlin.", field="zone"
        )
    return ZoneInfo(name)


def _blackouts(given: Sequence[str]) -> tuple[tuple[date, date], ...]:
    if len(given) > MOST_BLACKOUTS:
        raise RuleRefused(f"There are {MOST_BLACKOUTS} blackout dates at most.", field="blackouts")
    return tuple(sorted(_blackout(each) for each in given))


def _blackout(text: str) -> tuple[date, date]:
    first, slash, last = text.partition("/")
    try:
        begin = _date(first)
        end = _date(last) if slash else begin
    except ValueError as exc:
        words = f"“{text[:30]}” is not a date such as 2026-12-24, or a span such as 2026-12-24/2027-01-01."
        raise RuleRefused(words, field="blackouts") from exc
    if end < begin:
        raise RuleRefused(f"The span “{text}” ends before it begins.", field="blackouts")
    return begin, end


def _date(text: str) -> date:
    if len(text) != 10:  # fromisoformat takes 20261224 and 2026-W52-4 too; one way of writing it is enough
        raise ValueError(text)
    return date.fromisoformat(text)
