"""From findings to rows: raised once, renewed while they hold, resolved when they are over for a while.

Alerts that another one explains (the VMs of a silent host) are written in bulk and without an event each: their VM's
own event says the same, and there may be thousands.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from datacenter.alerts.limits import STANDARD
from datacenter.alerts.records import Finding, Key
from datacenter.models import Alert, AlertKind
from hosts import feed
from hosts.advance import advance, note
from hosts.models.event import Severity
from hosts.states import AlertState

#: evidence that ticks is written down again after so long
_EVIDENCE_EVERY = timedelta(seconds=60)
_UNTOLD_STATES = (AlertState.ACKNOWLEDGED, AlertState.SNOOZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one round did. ``raised``: new ones, those that became graver, and those whose snooze is over."""

    raised: list[Alert] = field(default_factory=list)
    resolved: list[Alert] = field(default_factory=list)


def rank(severity: str) -> int:
    """0 is the gravest, so that it sorts first."""
    return len(Severity.values) - 1 - Severity.values.index(severity)


def apply(
    findings: Iterable[Finding],
    now: datetime,
    *,
    unsaid: frozenset[str] = frozenset(),
    then: Callable[[Changes], None] = lambda changes: None,
) -> Changes:
    """Write down what the round found. ``unsaid``: kinds of which it knows nothing, so that none of them ends.

    ``then`` is called in the same transaction: what is told of is told once, with the row that says so.
    """
    found = {finding.key: finding for finding in findings}
    changes = Changes()
    with transaction.atomic():
        standing = {
            (row.kind, row.subject_noun, row.subject_pk): row
            for row in Alert.objects.exclude(state=AlertState.RESOLVED.value).order_by("pk")
        }
        fresh = _raise([each for key, each in found.items() if key not in standing], standing, now)
        changes.raised.extend(fresh)
        for key, finding in found.items():
            if key in standing and standing[key] not in fresh:
                _renew(standing[key], finding, standing, now, changes)
        Alert.objects.filter(pk__in=[standing[key].pk for key in found]).update(seen_at=now)
        gone = [row for key, row in standing.items() if key not in found and row.kind not in unsaid]
        _settle(gone, now, changes)
        then(changes)
    return changes


def _raise(new: Sequence[Finding], standing: dict[Key, Alert], now: datetime) -> list[Alert]:
    """Roots first, since the others point at them."""
    made: list[Alert] = []
    for finding in new:
        if finding.cause is None:
            row = _row(finding, now)
            row.save(force_insert=True)
            note(row, field="state", old="", new=AlertState.OPEN, because=finding.sentence)
            standing[finding.key] = row
            made.append(row)
    explained = [_row(each, now, cause=standing.get(each.cause)) for each in new if each.cause is not None]
    for row in Alert.objects.bulk_create(explained, batch_size=1000):
        standing[(row.kind, row.subject_noun, row.subject_pk)] = row
        made.append(row)
    for row in made:
        feed.changed("alert", row.pk)
    return made


def _row(finding: Finding, now: datetime, *, cause: Alert | None = None) -> Alert:
    return Alert(
        kind=str(finding.kind),
        subject_noun=finding.noun,
        subject_pk=finding.pk,
        name=finding.name[:300],
        cause=cause,
        because=finding.sentence[:500],
        raised_at=now,
        seen_at=now,
        state_since=now,
        **_told(finding),
    )


def _told(finding: Finding) -> dict[str, Any]:
    """The columns that follow the finding."""
    return {
        "datacenter_pk": finding.place.datacenter,
        "cluster_pk": finding.place.cluster,
        "host_pk": finding.place.host,
        "vm_pk": finding.place.vm,
        "severity": str(finding.severity),
        "rank": rank(finding.severity),
        "sentence": finding.sentence[:500],
        "evidence": [list(pair) for pair in finding.evidence],
    }


def _renew(row: Alert, finding: Finding, standing: dict[Key, Alert], now: datetime, changes: Changes) -> None:
    told = _told(finding)
    cause = standing.get(finding.cause) if finding.cause else None
    graver = told["rank"] < row.rank
    changed: dict[str, Any] = {key: value for key, value in told.items() if getattr(row, key) != value}
    if set(changed) == {"evidence"} and now - row.seen_at < _EVIDENCE_EVERY and now.minute == row.seen_at.minute:
        changed = {}
    if row.cause_id != (cause.pk if cause else None):
        changed["cause_id"] = cause.pk if cause else None
    if row.clear_since is not None:
        changed |= {"clear_since": None, "returns": row.returns + 1}
    if changed:
        Alert.objects.filter(pk=row.pk).update(**changed)
        for key, value in changed.items():
            setattr(row, key, value)
        feed.changed("alert", row.pk)
    _take_up_again(row, now, graver=graver, changes=changes)


def _take_up_again(row: Alert, now: datetime, *, graver: bool, changes: Changes) -> None:
    """An alert that somebody put aside is open again once it is graver, or once its time is over."""
    over = row.state == AlertState.SNOOZED and row.snoozed_until is not None and row.snoozed_until <= now
    if row.state in _UNTOLD_STATES and (graver or over):
        because = "It became graver." if graver else "Its snooze is over, and it holds still."
        if advance(row, AlertState.OPEN, because=because, snoozed_until=None):
            changes.raised.append(row)
    elif graver:
        changes.raised.append(row)


def _settle(gone: Sequence[Alert], now: datetime, changes: Changes) -> None:
    """What does not hold any more: waits for its time, then is resolved."""
    newly = [row for row in gone if row.clear_since is None]
    Alert.objects.filter(pk__in=[row.pk for row in newly]).update(clear_since=now)
    for row in newly:
        row.clear_since = now
    done = [row for row in gone if row.clear_since and now - row.clear_since >= _patience(row)]
    explained = [row for row in done if row.cause_id is not None]
    over = {"state": AlertState.RESOLVED.value, "state_since": now, "resolved_at": now, "because": "It is over."}
    Alert.objects.filter(pk__in=[row.pk for row in explained]).update(**over)
    for row in done:
        if row.cause_id is None:
            advance(row, AlertState.RESOLVED, because="It is over.", resolved_at=now)
        else:
            row.state, row.resolved_at = AlertState.RESOLVED.value, now
        feed.changed("alert", row.pk)
    changes.resolved.extend(done)


def _patience(row: Alert) -> timedelta:
    try:
        return timedelta(seconds=STANDARD[AlertKind(row.kind)].settle_s)
    except ValueError:  # of a kind that this version no longer has
        return timedelta(0)
