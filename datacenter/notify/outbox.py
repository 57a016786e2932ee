"""Messages on their way: folded when they repeat, tried, tried again, and given up with a reason that can be read.

The first message of a thread goes at once. What follows in it within the rule's time is counted, and sent as one when
that time is over: "and 14 more times". A rule that has sent its fill within that time counts everything.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from datacenter.models import Channel, Delivery, NotificationRule
from datacenter.notify import hook, mail, tries
from datacenter.notify.address import check_url
from datacenter.notify.recipients import addresses
from datacenter.notify.tries import NotSent
from datacenter.notify.words import Message, of_test
from hosts import feed
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

EVERY_S = 2.0
#: messages of one rule within its time; what comes then is counted in one thread
MOST_IN_TIME = 20
_FLOOD = "flood"
_WITHIN_S = 20.0


def say(rule: NotificationRule, message: Message, now: datetime) -> Delivery:
    """Order a message, in the caller's transaction; or count it, where the rule has told of the same lately."""
    span = timedelta(minutes=rule.fold_minutes)
    lately = Delivery.objects.filter(rule=rule, made_at__gt=now - span).exclude(stage=Delivery.Stage.TEST)
    same = lately.filter(thread=message.thread, stage__in=[message.stage, Delivery.Stage.MORE])
    first = same.order_by("made_at").first()
    if first is not None:
        return _count(rule, message, thread=message.thread, now=now, at=first.made_at + span)
    if rule.fold_minutes and lately.count() >= MOST_IN_TIME:
        oldest = lately.order_by("made_at").values_list("made_at", flat=True).first()
        return _count(rule, message, thread=_FLOOD, now=now, at=(oldest or now) + span)
    return _make(rule, message, now)


def test(rule: NotificationRule, now: datetime) -> Delivery:
    """Order a test message: one try, whose outcome is shown."""
    return _make(rule, of_test(rule.name), now)


def _make(rule: NotificationRule, message: Message, now: datetime, **fields: Any) -> Delivery:
    given: dict[str, Any] = {
        "rule": rule,
        "rule_name": rule.name,
        "owner_id": rule.owner_id,
        "channel": rule.channel,
        "target": rule.target,
        "thread": message.thread,
        "stage": message.stage,
        "alerts": list(message.alerts),
        "subject": message.subject,
        "lines": list(message.lines),
        "told": message.told,
        "made_at": now,
        "next_at": now,
    }
    row = Delivery.objects.create(**{**given, **fields})
    feed.changed("delivery", row.pk)
    return row


def _count(rule: NotificationRule, message: Message, *, thread: str, now: datetime, at: datetime) -> Delivery:
    """Into the message that waits for the end of the rule's time; what is over adds nothing to the count."""
    counts = 0 if message.stage is Delivery.Stage.RESOLVED else message.counts
    waiting = Delivery.objects.filter(rule=rule, thread=thread, stage=Delivery.Stage.MORE, attempts=0, sent_at=None)
    row = waiting.select_for_update().order_by("-pk").first()
    if row is None:
        return _make(rule, message, now, thread=thread, stage=Delivery.Stage.MORE, folded=counts, next_at=at)
    row.folded += counts
    row.subject, row.lines, row.told = message.subject, list(message.lines), message.told
    row.alerts = sorted({*row.alerts, *message.alerts})
    row.save(update_fields=["folded", "subject", "lines", "told", "alerts"])
    return row


def deliver_due(*, clock: Clock = WALL) -> int:
    """Try each message that is due, once. How many were tried."""
    count = 0
    for row in tries.due(Delivery.objects.select_related("rule"), clock):
        if tries.claim(row, clock):
            count += 1
            _deliver(row, clock)
    return count


def _deliver(row: Delivery, clock: Clock) -> None:
    try:
        tries.once(row, lambda each: _mail(each) if each.channel == Channel.MAIL else _post(each, clock))
    except NotSent as exc:
        extra = {"action": "message_not_sent", "row": row.pk}
        log.warning("The message “%s” was not sent: %s", row.subject, exc, extra=extra)
        fields: dict[str, Any] = {"error": str(exc)[:500]}
        if tries.over(row, exc) or row.stage == Delivery.Stage.TEST:
            fields["given_up_at"] = clock.now()
    else:
        fields = {"sent_at": clock.now(), "error": ""}
    with transaction.atomic():
        Delivery.objects.filter(pk=row.pk).update(**fields)
        feed.changed("delivery", row.pk)


def subject_of(row: Delivery) -> str:
    """With the count of what was folded into it."""
    if row.stage != Delivery.Stage.MORE or not row.folded:
        return row.subject
    times = "once more" if row.folded == 1 else f"{row.folded} more times"
    return f"{row.subject} (and {times})"


def _mail(row: Delivery) -> str:
    if row.rule is None:
        raise NotSent("Its rule was removed meanwhile.", again=False)
    subject = subject_of(row)
    body = "\n".join([subject, "", *row.lines, "", f"Rule: {row.rule_name}"]) + "\n"
    mail.send(subject=subject, body=body, to=addresses(row.target), name=f"message-{row.pk}")
    return row.target


def _post(row: Delivery, clock: Clock) -> str:
    if row.rule is None:
        raise NotSent("Its rule was removed meanwhile.", again=False)
    told = {
        **row.told,
        "stage": row.stage,
        "subject": subject_of(row),
        "lines": row.lines,
        "more": row.folded,
        "rule": {"id": row.rule.pk, "name": row.rule_name},
        "at": clock.now().isoformat(),
    }
    answer = hook.post(
        row.target,
        told,
        delivery=f"message-{row.pk}",
        at=clock.now(),
        within_s=_WITHIN_S,
        key=hook.secret_of(row.rule.salt).encode(),
    )
    if not answer.taken:
        raise NotSent(answer.error, again=answer.again)
    return check_url(row.target).host
