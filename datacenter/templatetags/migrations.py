"""What the migration's fragments read of it: its newest sample, its phases, its log. Each one query."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from datacenter.units import UNKNOWN, figure, milliseconds, rate
from hosts.livemigration.guardian.notes import FIELD as GUARDIAN_FIELD
from hosts.livemigration.journal import RECENT
from hosts.livemigration.outlook import outlook
from hosts.livemigration.queue import in_words, ordinal
from hosts.livemigration.readings import progress
from hosts.models import Adjustment, Migration, Transition
from hosts.states import CANCELLABLE, MigrationState, State

register = template.Library()

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One state that the migration was in; ``lasted`` None: it is in it now."""

    state: State
    since: datetime
    lasted: timedelta | None
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log; ``mark`` is the word that stands on the curve, "" for none."""

    at: datetime
    who: str
    text: str
    mark: str
    kind: str  # "state", "adjustment", "refused"


@register.simple_tag
def phases(migration: Migration) -> list[Phase]:
    """Its states in the order they came, from the request on."""
    changes = [(each.at, MigrationState.of(each.new), each.because) for each in _transitions(migration)]
    ends = [*(at for at, _, _ in changes[1:]), None][: len(changes)]
    return [
        Phase(state=state, since=at, lasted=end - at if end else None, because=because)
        for (at, state, because), end in zip(changes, ends, strict=True)
    ]


@register.simple_tag
def log_entries(migration: Migration) -> list[Entry]:
    """State changes and what people turned, newest first."""
    entries = [_of_transition(each) for each in _transitions(migration)]
    acts = Transition.objects.filter(noun="migration", row=migration.pk, field=GUARDIAN_FIELD)
    entries += [
        Entry(at=each.at, who=each.actor, text=each.because, mark="Guardian", kind="adjustment") for each in acts
    ]
    entries += [_of_adjustment(each) for each in migration.adjustments.all()]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


@register.simple_tag
def other_tries(migration: Migration) -> list[Migration]:
    """The tries before it, the first one first, and the next one, if it failed and is tried again. A query each."""
    found: list[Migration] = []
    before = migration
    while before.retry_of_id is not None:
        before = Migration.objects.select_related("vm", "source", "destination").get(pk=before.retry_of_id)
        found.insert(0, before)
    if migration.state == MigrationState.FAILED:
        found += Migration.objects.select_related("vm", "source", "destination").filter(retry_of=migration)
    return found


@register.filter
def waits(migration: Migration) -> str:
    """What a queued one waits for: "3rd in line; h2 already receives 2 of 2."; "" for all others."""
    return in_words(migration.queue_place, migration.waits_for) if migration.state == MigrationState.QUEUED else ""


@register.filter
def nth(number: int) -> str:
    """2 -> "2nd"."""
    return ordinal(number)


@register.filter
def can_cancel(migration: Migration) -> bool:
    """Whether cancelling is still possible: never from post-copy, where neither side alone holds the guest."""
    return migration.ours and migration.state in CANCELLABLE and migration.cancel_requested_at is None


@register.filter
def can_postcopy(migration: Migration) -> bool:
    """Whether it may be switched to post-copy now."""
    return migration.ours and migration.postcopy_allowed and migration.state == MigrationState.COPYING


@register.filter
def is_open(migration: Migration) -> bool:
    """Whether it has not ended."""
    return not MigrationState.of(migration.state).is_final


@register.simple_tag
def what_is_to_come(migration: Migration) -> dict[str, Any]:
    """Verdict, progress and forecast from its samples of the last minute, as the ticks have them. Three queries."""
    newest = migration.samples.order_by("-at").first()
    if newest is None:
        return outlook(migration, []) | {"sample": None}
    recent = list(migration.samples.filter(at__gte=newest.at - RECENT))
    beginnings = migration.samples.order_by("iteration", "at").distinct("iteration")
    done_so_far = progress([*beginnings, newest])
    return outlook(migration, recent, done_so_far=done_so_far) | {"sample": newest}


@register.simple_tag
def tick(migration: Migration, name: str, value: Any) -> SafeString:
    """A figure of the running migration that the live path replaces with each tick."""
    text = figure(name, None if value == "" else value)
    return format_html('<span data-figure="migration:{}:{}">{}</span>', migration.pk, name, text)


@register.filter
def colour(migration: Migration) -> str:
    """The colour token of its state."""
    return MigrationState.of(migration.state).colour


@register.filter
def took(migration: Migration) -> timedelta | None:
    """From asking libvirt to the end; None where it never started or has not ended."""
    if migration.started_at is None or migration.ended_at is None:
        return None
    return migration.ended_at - migration.started_at


@register.filter
def paused(migration: Migration) -> str:
    """How long the guest stood still, by the hosts' own events; libvirt's figure is not that."""
    return UNKNOWN if migration.pause_ms is None else milliseconds(migration.pause_ms)


@register.filter
def unlocalized(number: float) -> str:
    """A number for a script: always a dot, never grouped."""
    return f"{number:.3f}"


@register.filter
def in_mib(number: int | None) -> str:
    """Bytes as whole MiB for a form field; empty where there is no limit."""
    return "" if number is None else str(number // MIB)


def _transitions(migration: Migration) -> list[Transition]:
    rows = Transition.objects.filter(noun="migration", row=migration.pk, field="state")
    return list(rows.order_by("at", "pk"))


def _of_transition(change: Transition) -> Entry:
    state = MigrationState.of(change.new)
    mark = state.label if state is not MigrationState.CHECKING else ""
    return Entry(at=change.at, who=change.actor, text=f"{state.label}. {change.because}", mark=mark, kind="state")


def _of_adjustment(turned: Adjustment) -> Entry:
    words = {
        Adjustment.CANCEL: "Cancel",
        Adjustment.POSTCOPY: "Switch to post-copy",
        Adjustment.MAX_DOWNTIME: f"Allowed pause {turned.value} ms",
        Adjustment.BANDWIDTH: "No bandwidth limit" if turned.value is None else f"Bandwidth {rate(turned.value)}",
    }[turned.kind]
    text = words + (f": refused, {turned.error}" if turned.error else "" if turned.applied_at else ": waiting")
    text += f". {turned.because}" if turned.because else ""
    kind = "refused" if turned.error else "adjustment"
    return Entry(at=turned.applied_at or turned.at, who=turned.actor, text=text, mark=words, kind=kind)
