"""A message …"""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from datacenter.models import Delivery
from datacenter.notify import outbox
from datacenter.notify.hook import secret_of
from hosts.virt.clock import ManualClock
from tests.alerts.found import NOW
from tests.maintenance.steps.receiver import Receiver
from tests.notify.mailbox import Mailbox
from tests.notify.told import alert, rule, tell, unknown

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=NOW)


def test_it_is_mailed_with_where_to_look(mailbox: Mailbox, clock: ManualClock) -> None:
    rule(target="ops@dc.example, night@dc.example")
    row = alert()
    tell([row, *unknown(2, by=row)])
    assert outbox.deliver_due(clock=clock) == 1
    assert mailbox.to == [["ops@dc.example", "night@dc.example"]]
    assert mailbox.subjects == ["Error: Host silent: h1 (and 2 more)"]
    assert "h1 does not answer." in mailbox.text()
    assert "- vm1\n- vm2\n" in mailbox.text()
    assert (
        f"https://godwit.example/alerts/{row.pk}\nhttps://godwit.example/alerts/runbooks/host_silent" in mailbox.text()
    )
    assert outbox.deliver_due(clock=clock) == 0
    assert Delivery.objects.get().sent_at == NOW


def test_it_is_posted_signed_with_the_secret_of_its_rule(hook_at: Receiver, clock: ManualClock) -> None:
    made = rule(channel="webhook", target=hook_at.url)
    tell([alert()])
    outbox.deliver_due(clock=clock)
    [got] = hook_at.got
    said = json.loads(got.body)
    assert (said["event"], said["alerts"][0]["kind"], said["rule"]["name"]) == ("alert.raised", "host_silent", "Night")
    stamp, given = (part.split("=")[1] for part in got.headers["Godwit-Signature"].split(","))
    wanted = hmac.new(secret_of(made.salt).encode(), stamp.encode() + b"." + got.body, hashlib.sha256).hexdigest()
    assert (given, stamp) == (wanted, str(int(NOW.timestamp())))
    assert secret_of(made.salt) != secret_of(rule(name="Other").salt)


def test_it_is_tried_again_ever_later_until_it_is_taken(hook_at: Receiver, clock: ManualClock) -> None:
    hook_at.answers = [503, 503, 200]
    rule(channel="webhook", target=hook_at.url)
    tell([alert()])
    tries = 0
    for _ in range(8):
        tries += outbox.deliver_due(clock=clock)
        clock.advance(60)
    row = Delivery.objects.get()
    assert (tries, row.attempts, row.error) == (3, 3, "")
    assert len({got.headers["Godwit-Delivery"] for got in hook_at.got}) == 1


def test_it_is_given_up_with_the_reason(hook_at: Receiver, clock: ManualClock) -> None:
    hook_at.answers = [404]
    rule(channel="webhook", target=hook_at.url)
    tell([alert()])
    outbox.deliver_due(clock=clock)
    row = Delivery.objects.get()
    assert (row.given_up_at, row.error) == (NOW, "It answered 404.")


def test_it_goes_to_no_network_of_our_own(settings: Settings, clock: ManualClock) -> None:
    settings.WEBHOOK_NETWORKS = []
    rule(channel="webhook", target="http://localhost:5432/")
    tell([alert()])
    outbox.deliver_due(clock=clock)
    assert "is not a public address" in Delivery.objects.get().error
    assert Delivery.objects.get().given_up_at is not None


def test_repeats_are_one_message_when_the_rules_time_is_over(mailbox: Mailbox, clock: ManualClock) -> None:
    rule()
    for minute in range(15):
        tell([alert(state="resolved")], now=NOW + timedelta(seconds=30 * minute))
    outbox.deliver_due(clock=clock)
    clock.advance(599)
    assert outbox.deliver_due(clock=clock) == 0
    clock.advance(1)
    assert outbox.deliver_due(clock=clock) == 1
    assert mailbox.subjects == ["Error: Host silent: h1", "Error: Host silent: h1 (and 14 more times)"]


def test_a_test_is_tried_once_and_says_what_happened(mailbox: Mailbox, clock: ManualClock) -> None:
    mailbox.answer = "451 come back later"
    outbox.test(rule(), NOW)
    outbox.deliver_due(clock=clock)
    row = Delivery.objects.get()
    assert "451" in row.error
    assert row.given_up_at is not None


def test_a_name_cannot_add_headers(mailbox: Mailbox, clock: ManualClock) -> None:
    rule()
    tell([alert("h1", sentence="x", kind="host_silent")])
    Delivery.objects.update(subject="Error: h1\r\nBcc: eve@evil.example")
    outbox.deliver_due(clock=clock)
    assert mailbox.letters[0]["Bcc"] is None
    assert mailbox.to == [["ops@dc.example"]]


def test_it_ends_with_its_rule(mailbox: Mailbox, clock: ManualClock) -> None:
    made = rule()
    tell([alert()])
    made.delete()
    outbox.deliver_due(clock=clock)
    row = Delivery.objects.get()
    assert (row.error, row.rule_name, mailbox.letters) == ("Its rule was removed meanwhile.", "Night", [])
