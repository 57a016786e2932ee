"""Transition rows as people read them: a badge for the new state, and the page of the row it is about."""

from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datacenter.templatetags.godwit import badge
from hosts.models import Transition
from hosts.states import HostState, MigrationState, OperationState, State, VMState

register = template.Library()

_STATES: dict[str, type[State]] = {
    "host": HostState,
    "vm": VMState,
    "migration": MigrationState,
    "operation": OperationState,
}


@register.filter
def new_badge(change: Transition) -> SafeString:
    """The state it went to; the bare word where states.py no longer has it: history outlives the table."""
    try:
        return badge(_STATES[change.noun].of(change.new))
    except (KeyError, ValueError):
        return format_html("{}", change.new)


@register.filter
def leads_to(change: Transition) -> str:
    """The page of the row. A VM's address is its UUID, which a Transition does not keep: its list finds it by name."""
    if change.noun in ("host", "migration"):
        return reverse(change.noun, args=[change.row])
    return reverse("vms") + "?" + urlencode({"q": change.name[:200]})
