"""From what happened to messages: each rule is asked, what belongs together is one message, floods are one too.

Nothing is sent here: a message is a row that is written in the transaction of what it tells of (outbox.py).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from datacenter.models import Alert, Delivery, NotificationRule
from datacenter.notify import outbox, words
from datacenter.notify.matching import matches
from hosts.models import Event

#: so many things of one round are a message each; more are one message
MOST_SINGLE = 5

#: whether the owner of a rule may see what it would tell
May = Callable[[Any, Any], bool]


def alerts(raised: Sequence[Alert], resolved: Sequence[Alert], *, may: May, now: datetime) -> None:
    """Tell what was raised and what is over to whom it concerns."""
    if not raised and not resolved:
        return
    for rule in rules(NotificationRule.About.ALERTS):
        _raised(rule, [each for each in raised if _concerns(rule, each, may)], now)
        if rule.tell_resolved:
            _resolved(rule, [each for each in resolved if _concerns(rule, each, may)], now)


def events(happened: Iterable[Event], *, may: May, now: datetime) -> None:
    """Tell of events; repeats in one thread are folded by the outbox."""
    told = list(happened)
    for rule in rules(NotificationRule.About.EVENTS) if told else ():
        for event in told:
            if _concerns(rule, event, may):
                outbox.say(rule, words.of_event(event), now)


def rules(about: NotificationRule.About) -> list[NotificationRule]:
    """Those that are switched on, of people who may still sign in. One query."""
    rows = NotificationRule.objects.filter(enabled=True, about=about).select_related("owner").order_by("pk")
    return [row for row in rows if row.owner is None or row.owner.is_active]


def _concerns(rule: NotificationRule, told: Alert | Event, may: May) -> bool:
    return matches(rule, told) and (rule.owner is None or may(rule.owner, told))


def _raised(rule: NotificationRule, mine: Sequence[Alert], now: datetime) -> None:
    """What an alert explains goes with it, and is not told of again later."""
    known = _told_of(rule, [each.cause_id for each in mine if each.cause_id])
    _send(rule, Delivery.Stage.RAISED, _groups([each for each in mine if each.cause_id not in known]), now)


def _resolved(rule: NotificationRule, mine: Sequence[Alert], now: datetime) -> None:
    """Only of what this rule told of; and of what went with another alert, only where that one was not told of."""
    known = _told_of(rule, [each.pk for each in mine] + [each.cause_id for each in mine if each.cause_id])
    over = [each for each in mine if each.pk in known and each.cause_id not in known]
    _send(rule, Delivery.Stage.RESOLVED, _groups(over), now)


def _told_of(rule: NotificationRule, pks: Sequence[int]) -> set[int]:
    if not pks:
        return set()
    rows = Delivery.objects.filter(rule=rule, alerts__overlap=list(set(pks))).values_list("alerts", flat=True)
    return {pk for told in rows for pk in told}


def _groups(mine: Sequence[Alert]) -> list[list[Alert]]:
    """The head first: the alert that explains the others, where it is among them."""
    groups: dict[int, list[Alert]] = {}
    for alert in sorted(mine, key=lambda each: (each.cause_id is not None, each.rank, each.name)):
        groups.setdefault(alert.cause_id or alert.pk, []).append(alert)
    return list(groups.values())


def _send(rule: NotificationRule, stage: Delivery.Stage, groups: Sequence[Sequence[Alert]], now: datetime) -> None:
    if len(groups) > MOST_SINGLE:
        outbox.say(rule, words.of_many(stage, groups), now)
        return
    for group in groups:
        outbox.say(rule, words.of_group(stage, group), now)
