"""Rules of notification: one's own, and those of the whole installation."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from datacenter import audit
from datacenter.access import SYSTEM, Verb, can
from datacenter.models import AlertKind, Channel, Delivery, NotificationRule
from datacenter.notify import address, outbox, recipients
from datacenter.orders.ask import require
from datacenter.orders.errors import Forbidden, Refused
from hosts.models import VM, Cluster, DataCenter, EventKind, Host, Severity

#: of one user: nobody needs more, and each costs a look at every alert
MOST_OWN = 50
_LEVELS = {"datacenter": DataCenter, "cluster": Cluster, "host": Host, "vm": VM}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """What a person wants a rule to be. ``target`` "" with mail: the user's own address."""

    name: str
    enabled: bool = True
    about: str = NotificationRule.About.ALERTS
    severity: str = Severity.WARNING
    kinds: tuple[str, ...] = ()
    level: str = NotificationRule.Level.SYSTEM
    row: int = 0
    channel: str = Channel.MAIL
    target: str = ""
    tell_resolved: bool = True
    fold_minutes: int = 10


def save_rule(user: Any, rule: NotificationRule | None, draft: RuleDraft, *, own: bool) -> NotificationRule:
    """Make a rule (None) or change one. Forbidden; Refused with the field."""
    row = rule or NotificationRule(owner=user if own else None, name=draft.name, made_by=user.get_username())
    may_change(user, row, order="save_notification_rule")
    try:
        _check(user, row, draft)
    except Refused as exc:
        audit.record(user, "save_notification_rule", row, detail=str(exc), refused=True)
        raise
    with transaction.atomic():
        before = _as_told(row) if row.pk else None
        for name in ("enabled", "about", "severity", "level", "channel", "tell_resolved", "fold_minutes"):
            setattr(row, name, getattr(draft, name))
        row.name, row.kinds = draft.name.strip(), list(draft.kinds)
        row.row, row.scope_name = _scope(user, draft)
        row.target = _target(user, row, draft)
        row.changed_at = timezone.now()
        row.save()
        audit.record(user, "save_notification_rule", row, before=before, after=_as_told(row))
    return row


def remove_rule(user: Any, rule: NotificationRule) -> None:
    """Take it away; what it sent stays in the list of deliveries. Forbidden."""
    may_change(user, rule, order="remove_notification_rule")
    with transaction.atomic():
        audit.record(user, "remove_notification_rule", rule)
        rule.delete()


def test_rule(user: Any, rule: NotificationRule) -> Delivery:
    """Send a test message by it; what came of it is the delivery's. Forbidden; Refused while one is on its way."""
    may_change(user, rule, order="test_notification_rule")
    with transaction.atomic():
        waiting = rule.deliveries.filter(stage=Delivery.Stage.TEST, sent_at=None, given_up_at=None)
        if waiting.exists():
            raise Refused("A test is on its way already.")
        audit.record(user, "test_notification_rule", rule)
        return outbox.test(rule, timezone.now())


def may_change(user: Any, rule: NotificationRule, *, order: str) -> None:
    """Forbidden, where the rule is another's, or of the installation and ``user`` is no administrator of it."""
    if rule.owner_id is None:
        require(user, Verb.ADMINISTER, SYSTEM, order=order)
    elif rule.owner_id != getattr(user, "pk", None):
        audit.record(user, order, rule, detail="Not permitted: it is another person's.", refused=True)
        raise Forbidden("This rule is another person’s.")


def _check(user: Any, row: NotificationRule, draft: RuleDraft) -> None:
    if not draft.name.strip() or len(draft.name) > 80 or any(ord(each) < 32 for each in draft.name):
        raise Refused("A rule has a name of up to 80 characters.", field="name")
    if draft.about not in NotificationRule.About.values or draft.severity not in Severity.values:
        raise Refused("There is no such severity.", field="severity")
    known = AlertKind.values if draft.about == NotificationRule.About.ALERTS else EventKind.values
    if unknown := [kind for kind in draft.kinds if kind not in known]:
        raise Refused(f"There is no kind “{unknown[0][:40]}”.", field="kinds")
    if not 0 <= draft.fold_minutes <= 1440:
        raise Refused("Repeats are folded for 24 hours at most.", field="fold_minutes")
    if row.pk is None and row.owner_id and NotificationRule.objects.filter(owner=row.owner_id).count() >= MOST_OWN:
        raise Refused(f"One person has {MOST_OWN} rules at most.")


def _scope(user: Any, draft: RuleDraft) -> tuple[int, str]:
    """The object's key and name. Refused where it is not there, or may not be seen: both alike."""
    if draft.level == NotificationRule.Level.SYSTEM:
        return 0, ""
    model = _LEVELS.get(draft.level)
    found = model._default_manager.filter(pk=draft.row).first() if model else None
    if found is None or not can(user, Verb.VIEW, found):
        raise Refused("There is no such object.", field="scope")
    return found.pk, str(found)[:300]


def _target(user: Any, row: NotificationRule, draft: RuleDraft) -> str:
    """Where it goes, checked. A person's own rule mails to that person only. Refused."""
    target = draft.target.strip()
    try:
        if draft.channel == Channel.WEBHOOK:
            _check_place(target)
            return target
        if draft.channel != Channel.MAIL:
            raise Refused("By mail or by webhook.", field="channel")
        if row.owner_id is not None:
            target = str(getattr(user, "email", "") or "")
            if not target:
                raise Refused("Your account has no mail address. An administrator can give it one.", field="target")
        recipients.check(target)
    except (address.UrlRefused, recipients.RecipientsRefused) as exc:
        raise Refused(str(exc), field="target") from exc
    if not target:
        raise Refused("To which mail addresses?", field="target")
    return target


def _check_place(url: str) -> None:
    """Refused where it leads into a network of our own, by its name too; one that is not known yet may come to be."""
    place = address.check_url(url)
    try:
        address.resolve(place)
    except OSError:
        return  # each delivery looks it up again, and checks what it finds


def _as_told(row: NotificationRule) -> dict[str, Any]:
    """For the audit: what the rule says, without the rest of a URL, which may hold a key of the receiver's."""
    where = row.target if row.channel == Channel.MAIL else address.check_url(row.target).host
    return {
        "enabled": row.enabled, "about": row.about, "severity": row.severity, "kinds": row.kinds,
        "scope": row.scope_name or row.level, "channel": row.channel, "to": where,
        "tell_resolved": row.tell_resolved, "fold_minutes": row.fold_minutes,
    }  # fmt: skip
