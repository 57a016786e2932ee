"""What people do with alerts: take them up, put them aside, take that back; and when each kind is raised."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from datacenter import audit
from datacenter.access import SYSTEM, Verb
from datacenter.models import Alert, AlertKind, AlertLimit
from datacenter.orders.ask import require
from datacenter.orders.errors import Refused
from hosts import feed
from hosts.advance import advance
from hosts.models import Cluster
from hosts.states import AlertState

LONGEST_NOTE = 500
LONGEST_SNOOZE = timedelta(days=30)


def acknowledge_alert(user: Any, alert: Alert, *, note: str = "") -> Alert:
    """Take it up, and all that it explains: nobody else has to. Forbidden; Refused once it is resolved."""
    words = _words(note)
    who = user.get_username()
    because = f"{who}: {words}" if words else f"{who} has taken it up."
    given = {"acknowledged_by": who, "acknowledged_at": timezone.now(), "note": words, "snoozed_until": None}
    return _order(user, alert, AlertState.ACKNOWLEDGED, order="acknowledge_alert", because=because, **given)


def snooze_alert(user: Any, alert: Alert, *, until: datetime, note: str = "") -> Alert:
    """Put it aside until then; then it is open again, if it holds still. Forbidden; Refused."""
    words = _words(note)
    now = timezone.now()
    if not now < until <= now + LONGEST_SNOOZE:
        raise Refused("An alert can be put aside for 30 days at most.", field="until")
    who = user.get_username()
    because = f"{who} has put it aside until {until:%Y-%m-%d %H:%M} UTC." + (f" {words}" if words else "")
    given = {"acknowledged_by": who, "note": words, "snoozed_until": until}
    return _order(user, alert, AlertState.SNOOZED, order="snooze_alert", because=because, **given)


def reopen_alert(user: Any, alert: Alert) -> Alert:
    """Take back that somebody took it up or put it aside. Forbidden; Refused."""
    given = {"acknowledged_by": "", "acknowledged_at": None, "note": "", "snoozed_until": None}
    because = f"{user.get_username()} has opened it again."
    return _order(user, alert, AlertState.OPEN, order="reopen_alert", because=because, **given)


def set_alert_limit(user: Any, kind: AlertKind, cluster: Cluster | None, **said: Any) -> None:
    """Say when a kind is raised: ``enabled``, ``threshold``, ``for_s``; None: as above. Forbidden."""
    target = cluster or SYSTEM
    require(user, Verb.EDIT_CLUSTER if cluster else Verb.ADMINISTER, target, order="set_alert_limit")
    with transaction.atomic():
        row = AlertLimit.objects.select_for_update().filter(kind=kind, cluster=cluster).first()
        before = {name: getattr(row, name) if row else None for name in said}
        if before == said:
            return
        row = row or AlertLimit(kind=kind, cluster=cluster)
        for name, value in said.items():
            setattr(row, name, value)
        row.save()
        audit.record(user, "set_alert_limit", row, detail=str(row), before=before, after=said)


def _order(user: Any, alert: Alert, to: AlertState, *, order: str, because: str, **fields: Any) -> Alert:
    require(user, Verb.ACKNOWLEDGE, alert, order=order)
    with transaction.atomic():
        row = Alert.objects.select_for_update().get(pk=alert.pk)
        if row.state == AlertState.RESOLVED:
            raise Refused("It is resolved: there is nothing left to do.")
        if row.state == to:
            Alert.objects.filter(pk=row.pk).update(because=because[:500], **fields)
        else:
            advance(row, to, because=because, actor=user.get_username(), **fields)
        audit.record(user, order, row, detail=because)
        with_it = Alert.objects.filter(cause=row).exclude(state=AlertState.RESOLVED.value)
        with_it.update(state=str(to), state_since=timezone.now(), because=because[:500], **fields)
        feed.changed("alert", row.pk)
    row.refresh_from_db()
    return row


def _words(note: str) -> str:
    """One line. Refused where it is too long."""
    words = " ".join(note.split())
    if len(words) > LONGEST_NOTE or "\x00" in words:
        raise Refused(f"A note has up to {LONGEST_NOTE} characters.", field="note")
    return words
