"""A plan's report on its way, by mail and webhook. A delivery is a row, no job: whatever ends, the next round goes on.

Once a plan has ended, each of its ends is reported once. A try is claimed before it is made; so a worker that dies in
the middle of it costs one try, and a mail that was sent twice has the same Message-ID. What cannot be sent is told in
the plan's history, and never makes the plan fail.
"""

import asyncio
import logging
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F

from datacenter.maintenance import hook, letter
from datacenter.maintenance.address import check_url
from datacenter.maintenance.recipients import addresses
from datacenter.maintenance.terms import Terms
from datacenter.models import Plan, ReportDelivery
from hosts import feed
from hosts.advance import note
from hosts.threads import blocking
from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

EVERY_S = 3.0
#: after a first try that failed, the next; a try that was claimed and not told of counts as one that failed
WAITS_S = (60.0, 300.0, 900.0, 3600.0, 10_800.0)
_WITHIN_S = 20.0


class NotSent(Exception):
    """A try that failed. ``again``: a later one may help."""

    def __init__(self, message: str, *, again: bool = True) -> None:
        super().__init__(message)
        self.again = again


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
    waiting = ReportDelivery.objects.filter(sent_at=None, given_up_at=None, next_at__lte=clock.now())
    for row in waiting.select_related("plan").order_by("next_at")[:20]:
        if _claim(row, clock):
            count += 1
            _deliver(row, clock)
    return count


def _claim(row: ReportDelivery, clock: Clock) -> bool:
    """This try is ours. False: another worker makes it."""
    wait = WAITS_S[min(row.attempts, len(WAITS_S) - 1)]
    same = ReportDelivery.objects.filter(pk=row.pk, attempts=row.attempts, sent_at=None, given_up_at=None)
    if not same.update(attempts=F("attempts") + 1, next_at=clock.now() + timedelta(seconds=wait)):
        return False
    row.attempts += 1
    return True


def _deliver(row: ReportDelivery, clock: Clock) -> None:
    try:
        to = _mail(row.plan) if row.channel == ReportDelivery.Channel.MAIL else _post(row.plan, clock)
    except NotSent as exc:
        _failed(row, exc, clock)
    except Exception as exc:  # a fault of ours must not be tried for ever, nor hold up the other reports
        log.exception("A report could not be made.", extra={"action": "report_broke", "row": row.plan_id})
        _failed(row, NotSent(f"It could not be made: {exc!r}", again=False), clock)
    else:
        _tell(row, f"sent by {row.channel}", f"The report went to {to}.", sent_at=clock.now(), error="")


def _failed(row: ReportDelivery, exc: NotSent, clock: Clock) -> None:
    log.warning("A report was not sent: %s", exc, extra={"action": "report_not_sent", "row": row.plan_id})
    if exc.again and row.attempts <= len(WAITS_S):
        ReportDelivery.objects.filter(pk=row.pk).update(error=str(exc)[:500])
        feed.changed("plan", row.plan_id)
        return
    tried = f"after {row.attempts} {'try' if row.attempts == 1 else 'tries'}"
    because = f"The report could not be sent by {row.channel}, {tried}: {exc}"
    _tell(row, f"not sent by {row.channel}", because, given_up_at=clock.now(), error=str(exc)[:500])


def _tell(row: ReportDelivery, new: str, because: str, **fields: object) -> None:
    """The delivery's end, and an event in the plan's history."""
    with transaction.atomic():
        ReportDelivery.objects.filter(pk=row.pk).update(**fields)
        note(row.plan, field="report", old="", new=new, because=because)
        feed.changed("plan", row.plan_id)


def _name(plan: Plan) -> str:
    """Which end of which plan: what makes a second copy of a report known as one."""
    return f"report-{plan.pk}-{int(plan.ended_at.timestamp()) if plan.ended_at else 0}"


def _mail(plan: Plan) -> str:
    """Mail it; to whom. NotSent."""
    if not settings.EMAIL_HOST:
        raise NotSent("No mail server is set up (GODWIT_SMTP_HOST).", again=False)
    to = addresses(Terms.from_json(plan.terms).report_mail)
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
    message = EmailMessage(
        subject=letter.subject(plan),
        body=letter.body(plan),
        to=to,
        headers={"Message-ID": f"<godwit-{_name(plan)}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    except (SMTPException, OSError) as exc:
        raise NotSent(f"The mail server {settings.EMAIL_HOST} did not take it: {exc}") from exc
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
