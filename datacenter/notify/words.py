"""What a message says: a subject, lines for a letter, and JSON for a webhook."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.urls import reverse

from datacenter.models import Alert, Delivery
from datacenter.notify.matching import moment
from hosts.models import Event
from hosts.models.event import Severity

#: of one message
MOST_LINES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """``thread`` is what it is about: a repeat in the same thread is folded. ``alerts``: primary keys it tells of."""

    thread: str
    stage: Delivery.Stage
    subject: str
    lines: tuple[str, ...]
    told: dict[str, Any]
    alerts: tuple[int, ...] = ()
    counts: int = 1  # how many happenings it stands for
    fields: dict[str, Any] = field(default_factory=dict)


def of_group(stage: Delivery.Stage, group: Sequence[Alert]) -> Message:
    """One alert, and those that it explains: the first is the head."""
    head, rest = group[0], group[1:]
    over = stage is Delivery.Stage.RESOLVED
    word = "Resolved" if over else Severity(head.severity).label
    more = f" (and {len(rest)} more)" if rest else ""
    lines = [head.sentence if not over else f"It is over: {head.sentence}"]
    lines.append(f"Raised {moment(head.raised_at)}" + (f", resolved {moment(head.resolved_at)}." if over else "."))
    if rest:
        kinds = Counter(each.get_kind_display() for each in rest)
        lines.append("With it: " + ", ".join(f"{count} × {kind}" for kind, count in kinds.items()) + ".")
        lines += _listed([each.name for each in rest])
    lines += links(head)
    return Message(
        thread=thread_of(head),
        stage=stage,
        subject=f"{word}: {head.get_kind_display()}: {head.name}{more}"[:200],
        lines=tuple(lines),
        told=_told(f"alert.{stage.value}", group),
        alerts=tuple(each.pk for each in group),
    )


def of_many(stage: Delivery.Stage, groups: Sequence[Sequence[Alert]]) -> Message:
    """So many at once that each of them alone would be a flood."""
    heads = [group[0] for group in groups]
    kinds = Counter(each.get_kind_display() for each in heads)
    said = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common())
    word = "Resolved" if stage is Delivery.Stage.RESOLVED else Severity(min(heads, key=_gravest).severity).label
    every = [alert for group in groups for alert in group]
    return Message(
        thread=f"many:{stage.value}",
        stage=stage,
        subject=f"{word}: {len(heads)} alerts: {said}"[:200],
        lines=(*_listed([each.sentence for each in heads]), *_overview()),
        told=_told(f"alert.{stage.value}", every),
        alerts=tuple(each.pk for each in every),
        counts=len(heads),
    )


def of_event(event: Event) -> Message:
    """One event, as the list of events has it."""
    what = event.verb.replace("_", " ") or f"{event.old} → {event.new}".strip(" →")
    lines = [f"{event.noun.replace('_', ' ')} {event.name}: {what}.", event.because]
    lines.append(f"{event.actor}, {moment(event.at)}.")
    told = {
        "id": event.pk, "kind": event.kind, "severity": event.severity, "noun": event.noun, "row": event.row,
        "name": event.name, "verb": event.verb, "old": event.old, "new": event.new, "because": event.because,
        "actor": event.actor, "at": event.at.isoformat(), "correlation": str(event.correlation),
    }  # fmt: skip
    return Message(
        thread=f"event:{event.kind}:{event.noun}:{event.row}:{event.verb or event.field}"[:160],
        stage=Delivery.Stage.EVENT,
        subject=f"{Severity(event.severity).label}: {event.name}: {what}"[:200],
        lines=tuple(line[:700] for line in lines if line),
        told={"event": "event", "events": [told]},
    )


def of_test(name: str) -> Message:
    """What the button sends."""
    return Message(
        thread="test",
        stage=Delivery.Stage.TEST,
        subject=f"Test of the rule {name}"[:200],
        lines=("This is a test: nothing is wrong. Somebody pressed the button on the rule’s page.", *_overview()),
        told={"event": "test"},
    )


def thread_of(alert: Alert) -> str:
    """An alert that comes back is about the same."""
    return f"alert:{alert.kind}:{alert.subject_noun}:{alert.subject_pk}"


def links(alert: Alert) -> list[str]:
    """Where it and its runbook can be read, if it is known how we are reached."""
    origin = _origin()
    if not origin:
        return []
    return [f"{origin}{reverse('alert', args=[alert.pk])}", f"{origin}{reverse('runbook', args=[alert.kind])}"]


def _overview() -> list[str]:
    origin = _origin()
    return [f"{origin}{reverse('alerts')}"] if origin else []


def _origin() -> str:
    return next(iter(settings.CSRF_TRUSTED_ORIGINS), "")


def _listed(words: Sequence[str]) -> list[str]:
    more = [f"… and {len(words) - MOST_LINES} more"] if len(words) > MOST_LINES else []
    return [f"- {each}"[:700] for each in words[:MOST_LINES]] + more


def _gravest(alert: Alert) -> int:
    return alert.rank


def _told(event: str, alerts: Sequence[Alert]) -> dict[str, Any]:
    return {"event": event, "count": len(alerts), "alerts": [_json(each) for each in alerts[:MOST_LINES]]}


def _json(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.pk,
        "kind": alert.kind,
        "severity": alert.severity,
        "state": alert.state,
        "subject": {"noun": alert.subject_noun, "id": alert.subject_pk, "name": alert.name},
        "sentence": alert.sentence,
        "raised_at": alert.raised_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
    }
