"""Events as people read them."""

from typing import Any

from django import template
from django.db.models import Model
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datacenter.events import KEYS, about, seen_by
from datacenter.screens.event_columns import COLUMNS
from datacenter.screens.listing import Column
from datacenter.templatetags.godwit import badge, icon
from hosts.advance import STATES
from hosts.models import Event, EventKind, Severity
from hosts.states import Look, State

register = template.Library()

_LOOKS = {
    Severity.INFO: Look("Info", "off", "info"),
    Severity.NOTICE: Look("Notice", "busy", "flag"),
    Severity.WARNING: Look("Warning", "warning", "alert"),
    Severity.ERROR: Look("Error", "failed", "cross"),
    Severity.CRITICAL: Look("Critical", "failed", "alert"),
}
_STATES: dict[str, type[State]] = {str(getattr(model, "noun", "")): states for model, states in STATES.items()}
#: what a tab shows at first; the list has the rest
MOST_ON_A_TAB = 100


@register.filter
def severity_badge(event: Event) -> SafeString:
    """Icon, word and colour: never by colour alone."""
    look = _LOOKS[Severity(event.severity)]
    return format_html('<span class="state state-{}">{}{}</span>', look.colour, icon(look.icon), look.label)


@register.filter
def what(event: Event) -> SafeString | str:
    """What happened, in a few words or as the badge of the new state; history outlives the table of states."""
    if event.kind == EventKind.REFUSED:
        return f"Refused: {_words(event.verb)}"
    if event.verb:
        return _words(event.verb).capitalize()
    if event.field == "host":
        return f"Moved from {event.old} to {event.new}"
    if event.field == "state":
        try:
            return badge(_STATES[event.noun].of(event.new))
        except (KeyError, ValueError):
            return event.new
    return f"{_words(event.field).capitalize()}: {_words(event.new) or 'over'}"


@register.filter
def noun_words(event: Event) -> str:
    """ "plan_host" -> "Plan host"."""
    return "VM" if event.noun == "vm" else _words(event.noun).capitalize()


@register.filter
def changes(event: Event) -> list[tuple[str, Any, Any]]:
    """Settings by name with their values before and after; those that stayed are left out."""
    before, after = _named(event.before), _named(event.after)
    names = [*before, *(name for name in after if name not in before)]
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


@register.simple_tag(takes_context=True)
def events_of(context: dict[str, Any], row: Model) -> list[Event]:
    """The newest events about one object that this person may see. One query."""
    return list(seen_by(context["user"]).filter(about(row))[:MOST_ON_A_TAB])


@register.simple_tag
def event_columns() -> tuple[Column, ...]:
    """The columns of every list of events."""
    return COLUMNS


@register.filter
def events_query(row: Model) -> str:
    """The list's filter for the same: "vm=12"."""
    return f"{KEYS[type(row)]}={row.pk}"


def _named(settings: Any) -> dict[str, Any]:
    return settings if isinstance(settings, dict) else {} if settings is None else {"": settings}


def _words(key: str) -> str:
    return key.replace("_", " ").replace("vm", "VM")
