"""A plan's report on its way, by mail and webhook. A delivery is a row, no job: whatever ends, the next round goes on.

Once a plan has ended, each of its ends is reported once. A try is claimed before it is made; so a worker that dies in
the middle of it costs one try, and a mail that was sent twice has the same Message-ID. What cannot be sent is told in
the plan's history, and never makes the plan fail.
"""

import asyncio
import logging
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction

from datacenter.maintenance import letter
from datacenter.maintenance.terms import Terms
from datacenter.models import Plan, ReportDelivery
from datacenter.notify import hook, mail, tries
from datacenter.notify.address import check_url
from datacenter.notify.recipients import addresses
from datacenter.notify.tries import NotSent
from hosts import feed
from hosts.advance import note
from hosts.models import EventKind, Severity
from hosts.threads import blocking
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

EVERY_S = 3.0
_WITHIN_S = 20.0


def send(plan: Plan) -> None:
    """Order the report of a plan that has ended, in the caller's transaction. Any number of times: it goes once."""
    plan = Plan.objects.get(pk=plan.pk)
    terms = Terms.from_json(plan.terms)
    for channel, wanted in (("mail", terms.report_mail), ("webhook", terms.report_webhook)):
        if wanted:
            ReportDelivery.objects.get_or_create(plan=plan, channel=channel)
    # a plan that failed may be resumed and end again: that end is told too
    earlier = ReportDelivery.objects.filter(plan=plan)
    anew = {"attempts": 0, "sent_at": None, "given_up_at": None, "error": "", "next_at": WALL.now()}
    for stamp in ("sent_at", "given_up_at"):
        earlier.filter(**{f"{stamp}__lt": plan.ended_at}).update(**anew)


async def keep() -> None:
    """The round of ``manage.py work``; until cancelled."""
    while True:
        try:
            await blocking(deliver_due)
        except DatabaseError as exc:
            log.warning("Reports could not be looked for: %s", exc, extra={"action": "reports_unread"})
        await asyncio.sleep(EVERY_S)


def deliver_due(*, clock: Clock = WALL) -> int:
    """Try each delivery that is due, once. How many were tried."""
    count = 0
    for row in tries.due(ReportDelivery.objects.select_related("plan"), clock):
        if tries.claim(row, clock):
            count += 1
            _deliver(row, clock)
    return count


def _deliver(row: ReportDelivery, clock: Clock) -> None:
    mails = row.channel == ReportDelivery.Channel.MAIL
    try:
        to = tries.once(row, lambda each: _mail(each.plan) if mails else _post(each.plan, clock))
    except NotSent as exc:
        _failed(row, exc, clock)
    else:
        _tell(row, f"sent by {row.channel}", f"The report went to {to}.", sent_at=clock.now(), error="")


def _failed(row: ReportDelivery, exc: NotSent, clock: Clock) -> None:
    log.warning("A report was not sent: %s", exc, extra={"action": "report_not_sent", "row": row.plan_id})
    if not tries.over(row, exc):
        ReportDelivery.objects.filter(pk=row.pk).update(error=str(exc)[:500])
        feed.changed("plan", row.plan_id)
        return
    because = f"The report could not be sent by {row.channel}, after {tries.counted(row)}: {exc}"
    _tell(row, f"not sent by {row.channel}", because, given_up_at=clock.now(), error=str(exc)[:500])


def _tell(row: ReportDelivery, new: str, because: str, **fields: object) -> None:
    """The delivery's end, and an event in the plan's history."""
    with transaction.atomic():
        ReportDelivery.objects.filter(pk=row.pk).update(**fields)
        failed: Any = {"kind": EventKind.FAILURE, "severity": Severity.WARNING} if "given_up_at" in fields else {}
        note(row.plan, field="report", old="", new=new, because=because, **failed)
        feed.changed("plan", row.plan_id)


def _name(plan: Plan) -> str:
    """Which end of which plan: what makes a second copy of a report known as one."""
    return f"report-{plan.pk}-{int(plan.ended_at.timestamp()) if plan.ended_at else 0}"


def _mail(plan: Plan) -> str:
    """Mail it; to whom. NotSent."""
    to = addresses(Terms.from_json(plan.terms).report_mail)
    mail.send(subject=letter.subject(plan), body=letter.body(plan), to=to, name=_name(plan))
    return ", ".join(to)


def _post(plan: Plan, clock: Clock) -> str:
    """Post it; to which host. NotSent."""
    url = Terms.from_json(plan.terms).report_webhook
    told = {
        "event": "maintenance.report",
        "at": clock.now().isoformat(),
        "plan": {
            "id": plan.pk,
            "title": plan.title,
            "reason": plan.reason,
            "state": plan.state,
            "because": plan.because,
            "started_at": plan.started_at,
            "ended_at": plan.ended_at,
        },
        "report": plan.report,
    }
    answer = hook.post(url, told, delivery=_name(plan), at=clock.now(), within_s=_WITHIN_S)
    if not answer.taken:
        raise NotSent(answer.error, again=answer.again)
    return check_url(url).host
