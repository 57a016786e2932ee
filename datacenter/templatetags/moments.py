"""Points in time as pages show them: UTC in the markup and on hover, the reader's zone on the screen (localtime.js)."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datacenter.units import UNKNOWN, duration

register = template.Library()


@register.simple_tag
def at_time(moment: datetime | None, *, exact: bool = False) -> SafeString | str:
    """A point in time: "23 Nov 14:32 UTC", rewritten in the reader's zone by localtime.js. ``exact``: with seconds."""
    if moment is None:
        return UNKNOWN
    moment = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-at{}>{}</time>',
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        SafeString('="exact"') if exact else "",
        moment.strftime("%-d %b %Y %H:%M:%S UTC" if exact else "%-d %b %H:%M UTC"),
    )


@register.filter
def until_then(moment: datetime) -> str:
    """How long until then: "14 min 3 s"."""
    return duration(max(0.0, (moment - timezone.now()).total_seconds()))


@register.simple_tag(takes_context=True)
def readers_zone(context: dict[str, Any]) -> str:
    """The zone this person has chosen; "" for the browser's."""
    return getattr(context.get("user"), "zone", "") or ""


def zone_of(user: Any) -> ZoneInfo:
    """The zone in which times that the server writes or reads for this person are meant; UTC where none is chosen."""
    return ZoneInfo(getattr(user, "zone", "") or "UTC")


@register.filter
def as_json(value: Any) -> str:
    """For a data attribute: the template escapes it."""
    return json.dumps(value, default=str)
