"""Five weeks of windows and plans, a cell a day, in one zone. Days behind show what happened, not what a rule says."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from datacenter.maintenance import windows
from datacenter.maintenance.policies import rule_of
from datacenter.models import MaintenancePolicy, Plan, WindowRun, holding
from datacenter.screens.errors import BadParameter

WEEKS = 5
#: a policy that opens more often than this in a day is shown as one line
MOST_A_DAY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a day. ``kind``: "" for a window, "plan" or "off"."""

    at: datetime
    words: str
    name: str
    url: str
    kind: str = ""
    title: str = ""


@dataclass(slots=True, kw_only=True)
class Day:
    date: date
    past: bool
    today: bool
    entries: list[Entry] = field(default_factory=list)

    @property
    def lines(self) -> list[Entry]:
        """By time; what a policy opens again and again stands there once."""
        by_url: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_url[entry.url].append(entry)
        lines = [line for entries in by_url.values() for line in _folded(entries)]
        return sorted(lines, key=lambda entry: (entry.at, entry.name))


@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """From Monday of this week on, in ``?zone=``; without it in the zone that most policies have."""
    policies = list(MaintenancePolicy.objects.select_related("cluster"))
    zones = sorted({policy.zone for policy in policies} & set(windows.zones()) | {"UTC"})
    zone = _zone(request.GET.get("zone", ""), policies)
    now = timezone.now()
    days = _days(now.astimezone(zone).date())
    begin, end = (_midnight(day, zone) for day in (days[0].date, days[-1].date + timedelta(days=1)))
    found = [*_runs(begin, now, zone), *_windows(policies, max(begin, now), end, zone), *_plans(begin, end, zone)]
    by_date = {day.date: day for day in days}
    for entry in found:
        if day := by_date.get(entry.at.date()):
            day.entries.append(entry)
    context = {"days": days, "zone": zone.key, "zones": sorted({*zones, zone.key}), "tab": "calendar"}
    return render(request, "maintenance_calendar/page.html", context | {"nothing": not found})


def _zone(wanted: str, policies: Iterable[MaintenancePolicy]) -> ZoneInfo:
    if wanted and wanted not in windows.zones():
        raise BadParameter(f"There is no time zone “{wanted[:40]}”.")
    theirs = [policy.zone for policy in policies if policy.zone in windows.zones()]
    return ZoneInfo(wanted or max(sorted(set(theirs)), key=theirs.count, default="UTC"))


def _days(today: date) -> list[Day]:
    monday = today - timedelta(days=today.weekday())
    dates = [monday + timedelta(days=number) for number in range(7 * WEEKS)]
    return [Day(date=each, past=each < today, today=each == today) for each in dates]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _windows(policies: Iterable[MaintenancePolicy], begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    """Those that are still to open."""
    for policy in policies:
        try:
            found = list(windows.between(rule_of(policy), begin, end))
        except windows.RuleRefused:
            continue  # its page says what is wrong
        for window in found:
            kind, said = ("", "") if policy.enabled else ("off", " Switched off: it does not open.")
            title = f"{policy.cluster.name}. {window.note}{said}".strip()
            yield _entry(policy, window.starts_at, window.ends_at, zone, kind=kind, title=title)


def _runs(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    """Those that began."""
    for run in WindowRun.objects.filter(starts_at__gte=begin, starts_at__lt=end).select_related("policy"):
        yield _entry(run.policy, run.starts_at, run.ends_at, zone, title=run.outcome)


def _plans(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Entry]:
    """Approved plans at their start, and those that began; a policy's own are its windows."""
    spanned = Q(started_at__gte=begin, started_at__lt=end) | Q(starts_at__gte=begin, starts_at__lt=end)
    rows = Plan.objects.filter(spanned, policy=None).filter(holding() | Q(started_at__isnull=False))
    for plan in rows:
        begins = plan.started_at or plan.starts_at
        assert begins is not None
        at = begins.astimezone(zone)
        url = reverse("plan", args=[plan.pk])
        yield Entry(at=at, words=f"{at:%H:%M}", name=plan.title, url=url, kind="plan", title=plan.reason)


def _entry(
    policy: MaintenancePolicy, begin: datetime, end: datetime, zone: ZoneInfo, *, kind: str = "", title: str = ""
) -> Entry:
    at, to = begin.astimezone(zone), end.astimezone(zone)
    words = f"{at:%H:%M}–{to:%H:%M}" if to - at < timedelta(days=1) else f"{at:%H:%M}–{to:%a %H:%M}"
    return Entry(
        at=at,
        words=words,
        name=policy.name,
        url=reverse("maintenance_policy", args=[policy.pk]),
        kind=kind,
        title=title,
    )


def _folded(entries: list[Entry]) -> list[Entry]:
    if len(entries) <= MOST_A_DAY:
        return entries
    first = min(entries, key=lambda entry: entry.at)
    words = f"{len(entries)} times from {first.at:%H:%M}"
    return [Entry(at=first.at, words=words, name=first.name, url=first.url, kind=first.kind, title=first.title)]
