"""Filters and tags that every template has: sizes, rates, times, states, icons. A template never picks a colour."""

from datetime import datetime
from functools import cache
from html import escape
from typing import Any

from django import template
from django.db.models import Model
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datacenter import units
from datacenter.templatetags.vendored import vendored
from hosts.advance import STATES
from hosts.models import VM, Host, Migration
from hosts.states import HostState, Look, State, VMState

register = template.Library()

register.filter("size", units.size)
register.filter("rate", units.rate)
register.filter("mib", units.mib)
register.filter("percent", units.percent)
register.filter("duration", units.duration)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """One symbol of the vendored sprite, hidden from screen readers: a word always stands beside it."""
    sprite = vendored("@tabler/icons", "icons.svg")
    return format_html('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>', sprite, name)


@register.filter
def state(row: Model | State) -> State:
    """The state of a host, VM, migration or operation, with its look."""
    return row if isinstance(row, State) else STATES[type(row)].of(row.state)  # type: ignore[attr-defined]


@register.filter
def badge(row: Model | State) -> SafeString:
    """A state as icon and word, in the colour that states.py names."""
    return _badge(state(row).look)


@cache
def _badge(look: Look) -> SafeString:
    return format_html('<span class="state state-{}">{}{}</span>', look.colour, icon(look.icon), look.label)


@register.filter
def since(moment: datetime | None) -> str:
    """How long ago, in words that units.duration has: "4 min 3 s". Unknown: "–"."""
    return units.UNKNOWN if moment is None else units.duration(max(0, (timezone.now() - moment).total_seconds()))


@register.simple_tag
def ago(moment: datetime | None, suffix: str = " ago") -> SafeString | str:
    """A relative time with the exact one on hover; frame.js keeps it moving. ``suffix`` "" reads as an age."""
    if moment is None:
        return units.UNKNOWN
    exact = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    iso = moment.isoformat(timespec="seconds")
    return SafeString(f'<time datetime="{iso}" title="{exact}" data-ago="{suffix}">{since(moment)}{suffix}</time>')


@register.filter
def of(part: float | None, whole: float | None) -> float | None:
    """``part`` of ``whole`` in percent; None where either is unknown. More than 100 where more was promised than is."""
    return 100.0 * part / whole if part is not None and whole else None


@register.simple_tag
def figure(row: Any, name: str) -> SafeString:
    """A number that ticks: {% figure vm "cpu_percent" %}. The live path replaces its text."""
    text = escape(units.figure(name, getattr(row, name)))
    # 400 stand on a page of 50 rows: format_html took a sixth of its time. All else is our own word or a number.
    return SafeString(f'<span class="figure" data-figure="{row.noun}:{row.pk:d}:{name}">{text}</span>')


@register.simple_tag
def bar(row: Any, name: str, largest: float | None = 100, look: str = "") -> SafeString:
    """A bar behind a figure: <meter> whose value follows the raw figure. Hidden from readers: the figure is its text.

    ``look`` "free" fills from the right, so that the coloured part of "memory_free_bytes" is what is used.
    """
    value = getattr(row, name)
    if value is None or not largest:
        return SafeString("")
    numbers = f'min="0" max="{largest}" value="{round(value, 1)}"'
    return SafeString(
        f'<meter class="bar {look}" aria-hidden="true" {numbers} data-bar="{row.noun}:{row.pk:d}:{name}"></meter>'
    )


@register.filter
def is_stale(row: VM | Host) -> bool:
    """Whether what is shown of it is old: its host does not answer, or nobody has it."""
    if isinstance(row, VM):
        return row.state in (VMState.UNKNOWN, VMState.MISSING)
    return row.state in (HostState.NON_RESPONSIVE, HostState.CONNECTING)


@register.simple_tag
def uptime(vm: VM) -> SafeString | str:
    """How long it runs; "≥" where Godwit did not see its start. A migration does not touch it."""
    if vm.up_since is None:
        return units.UNKNOWN
    if vm.up_since_exact:
        return ago(vm.up_since, "")
    words = "It ran already when Godwit first saw it: at least this long."
    return format_html('<span class="at-least" title="{}">≥&nbsp;{}</span>', words, ago(vm.up_since, ""))


@register.filter
def took_s(migration: Migration) -> float | None:
    """Seconds from asking libvirt to the end; None where it never started or has not ended."""
    if migration.started_at is None or migration.ended_at is None:
        return None
    return (migration.ended_at - migration.started_at).total_seconds()
