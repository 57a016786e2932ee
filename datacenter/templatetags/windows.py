"""Windows as pages show them: in their policy's zone, and in the reader's own (localtime.js; UTC without it)."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datacenter.maintenance.patterns import in_words
from datacenter.maintenance.policies import rule_of
from datacenter.maintenance.windows import RuleRefused, Window, occurrences
from datacenter.models import MaintenancePolicy
from datacenter.units import UNKNOWN, duration

register = template.Library()


def span(begin: datetime, end: datetime) -> str:
    """Two local times: "Sun 4 Jan 2026, 02:00–06:00 CET"; a weekday stands before the end on another day."""
    last = f"{end:%H:%M}" if end.date() == begin.date() else f"{end:%a %H:%M}"
    names = begin.tzname() if begin.tzname() == end.tzname() else f"{begin.tzname()}/{end.tzname()}"
    return f"{begin:%a %-d %b %Y, %H:%M}–{last} {names}"


@register.filter
def in_its_zone(window: Window) -> str:
    """When it is, in its policy's zone."""
    return span(window.local_start, window.local_end)


@register.simple_tag
def in_readers_zone(begin: datetime, end: datetime) -> SafeString:
    """When it is, in the zone of whoever reads: localtime.js rewrites it."""
    return format_html(
        '<time datetime="{}" data-local-to="{}">{}</time>',
        begin.isoformat(timespec="seconds"),
        end.isoformat(timespec="seconds"),
        span(begin, end),
    )


@register.filter
def next_window(policy: MaintenancePolicy) -> Window | None:
    """The next one that opens; None where it is switched off or has none."""
    try:
        found = occurrences(rule_of(policy), timezone.now(), 1) if policy.enabled else []
    except RuleRefused:
        return None
    return found[0] if found else None


@register.filter
def rule_in_words(policy: MaintenancePolicy) -> str:
    """ "Every week on Sunday, at 02:00 for 4 h, Europe/Berlin"."""
    try:
        said = in_words(policy.rule)
    except RuleRefused as exc:
        return str(exc)
    at = "" if " at " in said else f" from {policy.starts_at_local:%H:%M}"
    return f"{said}{at}, for {duration(policy.duration_minutes * 60)}, {policy.zone}"


@register.filter
def hosts_in_words(policy: MaintenancePolicy) -> str:
    """Which hosts: "All", "Tagged canary", or their names."""
    listed = [host.name for host in policy.hosts.all()]
    if listed:
        return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
    return f"Tagged {policy.tag}" if policy.tag else "All"


@register.filter
def starts_in(moment: datetime) -> str:
    """How long until then: "in 2 d 4 h"."""
    left = moment - timezone.now()
    return f"in {duration(left.total_seconds())}" if left > timedelta() else UNKNOWN
