"""A plan's report on its way …"""

import json
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.utils import timezone
from pytest_django.fixtures import Settings

from datacenter.maintenance import address, sending
from datacenter.maintenance.terms import Terms, TermsRefused, validate
from datacenter.models import Plan, PlanHost, PlanStep, ReportDelivery
from hosts.models import Transition
from hosts.virt.clock import ManualClock
from tests.factory import make_host
from tests.maintenance.steps.receiver import Receiver, receive
from tests.maintenance.steps.sshd import free_port

REPORT = {
    "expected_s": 1200.0,
    "actual_s": 1560.0,
    "moved": 2,
    "failed": ["h2: The host has not come back from its reboot within 15 min."],
    "hosts": [
        {"host": "h1", "state": "done", "because": "", "expected_s": 600.0, "actual_s": 580.0,
         "expected_empty_s": 60.0, "actual_empty_s": 75.0, "moves": [
             {"vm": "db", "leg": "out", "action": "migrate", "state": "done", "pause_ms": 41.0},
             {"vm": "web", "leg": "out", "action": "migrate", "state": "done", "pause_ms": 230.0},
             {"vm": "old", "leg": "out", "action": "shutdown", "state": "done", "pause_ms": None}]},
        {"host": "h2", "state": "failed", "because": "…", "expected_s": 600.0, "actual_s": 980.0,
         "expected_empty_s": 60.0, "actual_empty_s": 61.0, "moves": []},
    ],
}  # fmt: skip


class Mailbox:
    """What a real SMTP server got. ``answer``: what it says to each letter."""

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self.to: list[list[str]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            self.to.append(envelope.rcpt_tos)
            self.letters.append(message_from_bytes(envelope.content or b"", policy=default))  # type: ignore[arg-type]
        return self.answer


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", controller.port, False
    settings.DEFAULT_FROM_EMAIL = "Godwit <godwit@dc.example>"
    settings.CSRF_TRUSTED_ORIGINS = ["https://godwit.example"]
    yield box
    controller.stop()


@pytest.fixture
def receiver(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS, settings.WEBHOOK_SECRET = ["127.0.0.0/8"], "a secret of ours"
    monkeypatch.setattr(address, "_look_up", lambda host, port: ["127.0.0.1"])
    with receive() as server:
        yield server


def ended(**terms: str) -> Plan:
    now = timezone.now()
    plan = Plan.objects.create(
        title="Kernel update", reason="CVE-2026-1", state="failed", because="h2 failed.", made_by="ann",
        approved_by="bob", started_at=now - timedelta(seconds=1560), ended_at=now, report=REPORT,
        terms=Terms(**terms).as_json(),
    )  # fmt: skip
    for position, (name, state) in enumerate((("h1", "done"), ("h2", "failed")), start=1):
        PlanHost.objects.create(plan=plan, host=make_host(name), state=state, position=position)
    PlanStep.objects.create(
        plan_host=plan.hosts.get(host__name="h2"), kind="reboot", state="failed", because="It did not come back."
    )
    for when in ("after", "before"):
        PlanStep.objects.create(
            plan_host=plan.hosts.get(host__name="h1"), kind="health", when=when, state="done", because=when
        )
    return plan


def events(plan: Plan) -> list[tuple[str, str]]:
    return list(Transition.objects.filter(noun="plan", row=plan.pk, field="report").values_list("new", "because"))


def test_it_is_mailed_with_the_failures_first_and_forecast_against_fact(db: None, mailbox: Mailbox) -> None:
    plan = ended(report_mail="ops@dc.example, night@dc.example")
    sending.send(plan)
    sending.deliver_due()
    letter = mailbox.letters[0]
    assert mailbox.to == [["ops@dc.example", "night@dc.example"]]
    assert letter["Subject"] == "Maintenance failed: Kernel update (2 hosts, 1 failed)"
    assert letter["From"] == "Godwit <godwit@dc.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_content()  # type: ignore[attr-defined]
    order = [
        "Kernel update: failed", "Reason: CVE-2026-1", "What failed", "  h2: The host has not come back",
        "Forecast and fact", "Hosts", "Work on the hosts", f"https://godwit.example/maintenance/plans/{plan.pk}",
    ]  # fmt: skip
    assert sorted(order, key=text.index) == order
    assert "Whole plan           20 min        26 min" in text
    assert "  h1: done, 2 migrations, longest pause 230 ms, 1 shut down" in text
    assert "  h2: Reboot, and wait for libvirt: failed. It did not come back." in text
    assert text.index("Health check: done. before") < text.index("Health check: done. after")
    assert events(plan) == [("sent by mail", "The report went to ops@dc.example, night@dc.example.")]


def test_it_is_sent_once_however_often_it_is_ordered_and_looked_for(db: None, mailbox: Mailbox) -> None:
    plan = ended(report_mail="ops@dc.example")
    for _ in range(3):
        sending.send(plan)
        sending.deliver_due()
    assert len(mailbox.letters) == 1


def test_a_plan_that_is_resumed_and_ends_again_is_reported_again(db: None, mailbox: Mailbox) -> None:
    plan = ended(report_mail="ops@dc.example")
    sending.send(plan)
    sending.deliver_due()
    Plan.objects.filter(pk=plan.pk).update(state="finished", ended_at=timezone.now() + timedelta(hours=1))
    plan.refresh_from_db()
    sending.send(plan)
    sending.deliver_due()
    assert [letter["Subject"].split(":")[0] for letter in mailbox.letters] == [
        "Maintenance failed", "Maintenance finished",
    ]  # fmt: skip
    assert len({letter["Message-ID"] for letter in mailbox.letters}) == 2


def test_it_goes_nowhere_where_nothing_is_asked_for(db: None, mailbox: Mailbox) -> None:
    sending.send(ended())
    assert sending.deliver_due() == 0
    assert not ReportDelivery.objects.exists()


def test_it_is_tried_again_later_until_the_mail_server_takes_it(db: None, mailbox: Mailbox) -> None:
    plan = ended(report_mail="ops@dc.example")
    mailbox.answer = "451 come back later"
    sending.send(plan)
    clock = ManualClock(start=timezone.now())
    clock.advance(1.0)
    assert sending.deliver_due(clock=clock) == 1
    assert sending.deliver_due(clock=clock) == 0, "not before its time"
    row = ReportDelivery.objects.get()
    assert (row.attempts, row.sent_at, "451" in row.error) == (1, None, True)
    assert events(plan) == []
    mailbox.answer = "250 OK"
    clock.advance(61.0)
    assert sending.deliver_due(clock=clock) == 1
    row.refresh_from_db()
    assert (row.attempts, row.error, len(mailbox.letters)) == (2, "", 1)
    assert row.sent_at is not None


def test_it_is_given_up_in_the_end_with_an_event_and_the_plan_is_as_it_was(db: None, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", free_port(), False
    plan = ended(report_mail="ops@dc.example")
    sending.send(plan)
    clock = ManualClock(start=timezone.now())
    clock.advance(1.0)
    tries = 0
    for _ in range(40):
        tries += sending.deliver_due(clock=clock)
        clock.advance(1200.0)
    assert tries == 6
    assert ReportDelivery.objects.get().given_up_at is not None
    [(new, because)] = events(plan)
    assert new == "not sent by mail"
    assert "after 6 tries: The mail server 127.0.0.1 did not take it" in because
    plan.refresh_from_db()
    assert (plan.state, plan.because) == ("failed", "h2 failed.")


def test_a_try_whose_worker_died_costs_that_try_only(db: None, mailbox: Mailbox) -> None:
    plan = ended(report_mail="ops@dc.example")
    sending.send(plan)
    clock = ManualClock(start=timezone.now())
    clock.advance(1.0)
    assert sending._claim(ReportDelivery.objects.get(), clock)  # and then nothing
    clock.advance(61.0)
    sending.deliver_due(clock=clock)
    assert len(mailbox.letters) == 1


def test_a_try_is_made_by_one_worker(db: None, mailbox: Mailbox) -> None:
    sending.send(ended(report_mail="ops@dc.example"))
    clock = ManualClock(start=timezone.now())
    one, other = ReportDelivery.objects.get(), ReportDelivery.objects.get()
    assert (sending._claim(one, clock), sending._claim(other, clock)) == (True, False)


def test_it_is_posted_with_its_figures(db: None, receiver: Receiver) -> None:
    plan = ended(report_webhook=receiver.url)
    sending.send(plan)
    sending.deliver_due()
    told = json.loads(receiver.got[0].body)
    assert (told["event"], told["plan"]["state"], told["report"]) == ("maintenance.report", "failed", REPORT)
    assert receiver.got[0].headers["Godwit-Delivery"].startswith(f"report-{plan.pk}-")
    assert events(plan) == [("sent by webhook", "The report went to hook.test.")]


def test_one_channel_that_fails_does_not_hold_up_the_other(db: None, receiver: Receiver, mailbox: Mailbox) -> None:
    receiver.answers = [404]
    plan = ended(report_webhook=receiver.url, report_mail="ops@dc.example")
    sending.send(plan)
    sending.deliver_due()
    assert len(mailbox.letters) == 1
    assert {new for new, _ in events(plan)} == {"sent by mail", "not sent by webhook"}


def test_a_title_cannot_add_headers(db: None, mailbox: Mailbox) -> None:
    plan = ended(report_mail="ops@dc.example")
    Plan.objects.filter(pk=plan.pk).update(title="Update\r\nBcc: eve@evil.example")
    plan.refresh_from_db()
    sending.send(plan)
    sending.deliver_due()
    assert mailbox.letters[0]["Bcc"] is None
    assert mailbox.to == [["ops@dc.example"]]


def test_a_plan_without_any_report_still_makes_a_letter(db: None, mailbox: Mailbox) -> None:
    plan = ended(report_mail="ops@dc.example")
    Plan.objects.filter(pk=plan.pk).update(report=None)
    sending.send(plan)
    sending.deliver_due()
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"report_mail": "nobody"}, "report_mail"),
        ({"report_mail": "a@b.example, c"}, "report_mail"),
        ({"report_mail": ",".join(f"a{n}@b.example" for n in range(21))}, "report_mail"),
        ({"report_webhook": "http://127.0.0.1/"}, "report_webhook"),
        ({"report_webhook": "gopher://x"}, "report_webhook"),
    ],
)
def test_terms_that_lead_nowhere_are_refused(settings: Settings, terms: dict[str, str], field: str) -> None:
    settings.EMAIL_HOST = "mail.example"
    with pytest.raises(TermsRefused) as refused:
        validate(Terms(**terms))  # type: ignore[arg-type]
    assert refused.value.field == field


def test_mail_is_refused_where_there_is_no_mail_server(settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    with pytest.raises(TermsRefused, match="GODWIT_SMTP_HOST"):
        validate(Terms(report_mail="ops@dc.example"))
    validate(Terms())
