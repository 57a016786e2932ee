"""What a list of events can be narrowed to."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from datacenter.access import Verb, can
from datacenter.events import about
from datacenter.models import Plan
from datacenter.screens.errors import BadParameter
from datacenter.screens.listing import Facet
from hosts.models import ActorKind, Event, EventKind, Migration, Severity

_RANGES = {
    "hour": ("Last hour", timedelta(hours=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "month": ("Last 30 days", timedelta(days=30)),
    "all": ("All that is kept", None),
}
DAY = timedelta(hours=24)
_NOUNS = (
    "host", "vm", "migration", "operation", "plan", "cluster", "datacenter", "policy", "maintenance_policy", "user",
    "role", "token", "display", "alert",
)  # fmt: skip
#: what already says which events are meant: then the last 24 hours are no bound
_NARROW = ("follows", "vm", "host", "cluster", "datacenter", "migration", "plan")


def within(rows: QuerySet[Event], asked: Any) -> QuerySet[Event]:
    """The last 24 hours, unless a time or one object is asked for."""
    if asked.get("when") or any(asked.get(key) for key in _NARROW):
        return rows
    return rows.filter(at__gte=timezone.now() - DAY)


def may_export(user: Any) -> bool:
    """Whether ``user`` may audit anything at all; the rows of an export are those they may audit."""
    return can(user, Verb.AUDIT)


def _since(value: str) -> Q:
    span = _RANGES[value][1]
    return Q() if span is None else Q(at__gte=timezone.now() - span)


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise BadParameter(f"“{value[:40]}” is not the number of anything.")
    return int(value)


def _follows(value: str) -> Q:
    try:
        return Q(correlation=UUID(value))
    except ValueError as exc:
        raise BadParameter(f"“{value[:40]}” is not the number of an order.") from exc


def _one(model: type[Migration] | type[Plan], value: str) -> Q:
    row = model._default_manager.filter(pk=_number(value)).first()
    return about(row) if row else Q(noun=model.noun, row=_number(value))


def _linked(key: str, make: Callable[[str], Q]) -> Facet:
    return Facet(key=key, label=key, lookup=make, options=None)


FACETS = (
    Facet(
        key="severity", label="Severity", lookup=lambda value: Q(severity__in=Severity.at_least(value)),
        options=lambda: [(each.value, f"{each.label} and graver") for each in list(Severity)[1:]],
    ),
    Facet(key="kind", label="Kind", lookup="kind", options=lambda: list(EventKind.choices)),
    Facet(
        key="about", label="About", lookup="noun",
        options=lambda: [(each, each.replace("_", " ").capitalize().replace("Vm", "VM")) for each in _NOUNS],
    ),
    Facet(key="by", label="By", lookup="actor_kind", options=lambda: list(ActorKind.choices)),
    Facet(
        key="when", label="When", lookup=_since, unset="Last 24 hours",
        options=lambda: [(key, words) for key, (words, _) in _RANGES.items()],
    ),
    _linked("follows", _follows),
    _linked("vm", lambda value: Q(vm_pk=_number(value))),
    _linked("host", lambda value: Q(host_pk=_number(value))),
    _linked("cluster", lambda value: Q(cluster_pk=_number(value))),
    _linked("datacenter", lambda value: Q(datacenter_pk=_number(value))),
    _linked("migration", lambda value: _one(Migration, value)),
    _linked("plan", lambda value: _one(Plan, value)),
)  # fmt: skip
