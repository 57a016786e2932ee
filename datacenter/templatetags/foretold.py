"""What was said before a migration against what came, and what was checked: for its page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import template

from datacenter.units import UNKNOWN, duration, milliseconds, size
from hosts.livemigration.foretold import Compared, compared
from hosts.models import Migration
from hosts.states import Look

register = template.Library()

_NAMES = {"seconds": ("Time", duration), "pause_ms": ("Pause", milliseconds), "bytes": ("Sent", size)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure as text. ``error``: "+12 %", more than came, or the unknown mark."""

    name: str
    expected: str
    between: str
    fact: str
    error: str
    inside: bool | None


@register.simple_tag
def foretold(migration: Migration) -> list[Line]:
    """Time, pause and bytes; empty where nothing was foretold."""
    return [_line(each) for each in compared(migration)]


def _line(it: Compared) -> Line:
    name, write = _NAMES[it.name]
    known = it.low is not None and it.high is not None
    return Line(
        name=name,
        expected=write(it.expected),
        between=f"{write(it.low)} to {write(it.high)}" if known else UNKNOWN,
        fact=write(it.fact),
        error=UNKNOWN if it.error is None else f"{100 * it.error:+.0f} %",
        inside=it.inside,
    )


#: outcome -> how it is shown; those that hinder come first
LOOKS = {
    "refuses": Look("Refuses", "failed", "cross"),
    "warns": Look("Warns", "warning", "alert"),
    "unknown": Look("Not known", "unknown", "question"),
    "passes": Look("Passes", "ok", "check"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One finding of preflight as the page shows it."""

    name: str
    look: Look
    text: str
    remedy: str


@register.simple_tag
def checked(migration: Migration) -> list[Checked]:
    """What was found right before the start; refusals first, what passes last."""
    stored = [each for each in migration.checks if isinstance(each, dict)] if isinstance(migration.checks, list) else []
    return in_order(stored)


def in_order(stored: Iterable[dict[str, Any]]) -> list[Checked]:
    """Findings as dicts, those that hinder first."""
    order = list(LOOKS.values())
    return sorted(map(_checked, stored), key=lambda each: order.index(each.look))


def _checked(stored: dict[str, Any]) -> Checked:
    return Checked(
        name=str(stored.get("check", "")).replace("_", " "),
        look=LOOKS.get(str(stored.get("outcome")), LOOKS["warns"]),
        text=str(stored.get("text", "")),
        remedy=str(stored.get("remedy", "")),
    )


@register.filter
def passing(found: list[Checked]) -> list[Checked]:
    """Those that pass: of interest only on request."""
    return [each for each in found if each.look is LOOKS["passes"]]


@register.filter
def telling(found: list[Checked]) -> list[Checked]:
    """Those that say something: refusals, warnings, what is not known."""
    return [each for each in found if each.look is not LOOKS["passes"]]
