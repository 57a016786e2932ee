"""What happened is told …"""

from datetime import timedelta

import pytest
from django.utils import timezone

from datacenter.models import Delivery, User
from datacenter.notify import announce
from hosts.models import Event
from tests.alerts.found import NOW
from tests.notify.told import alert, rule, sent, tell, unknown

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, True),
        ({"enabled": False}, False),
        ({"severity": "critical"}, False),
        ({"severity": "error"}, True),
        ({"kinds": ["vm_unknown"]}, False),
        ({"kinds": ["vm_unknown", "host_silent"]}, True),
        ({"level": "cluster", "row": 1}, True),
        ({"level": "cluster", "row": 2}, False),
        ({"level": "host", "row": 1}, True),
        ({"level": "vm", "row": 1}, False),
        ({"about": "events"}, False),
    ],
)
def test_by_rules_that_are_about_it(fields: dict[str, object], told: bool) -> None:
    rule(**fields)
    tell([alert()])
    assert Delivery.objects.exists() is told


def test_to_whom_may_see_it_only() -> None:
    vera = User.objects.create_user("vera", password="x", email="vera@dc.example")
    gone = User.objects.create_user("gone", password="x", is_active=False)
    rule(owner=vera)
    rule(owner=gone, name="Of one who left")
    tell([alert("h1"), alert("h2")], sees=lambda user, row: row.name == "h2")
    assert sent() == [("raised", "Error: Host silent: h2")]


def test_of_five_hundred_vms_of_one_silent_host_in_one_message() -> None:
    rule()
    host = alert()
    vms = unknown(500, by=host)
    tell([host, *vms])
    assert sent() == [("raised", "Error: Host silent: h1 (and 500 more)")]
    row = Delivery.objects.get()
    assert len(row.alerts) == 501
    assert "With it: 500 × VM unknown." in row.lines
    assert "… and 450 more" in row.lines


def test_of_vms_that_follow_their_host_later_not_again() -> None:
    rule()
    host = alert()
    tell([host])
    tell(unknown(500, by=host), now=NOW + timedelta(seconds=5))
    assert sent() == [("raised", "Error: Host silent: h1")]


def test_of_vms_in_one_message_where_a_rule_is_not_about_their_host() -> None:
    rule(kinds=["vm_unknown"])
    host = alert()
    vms = unknown(40, by=host)
    tell([host, *vms])
    assert sent() == [("raised", "Error: VM unknown: vm1 (and 39 more)")]
    tell([], [host, *vms], now=NOW + timedelta(minutes=1))
    assert sent()[1:] == [("resolved", "Resolved: VM unknown: vm1 (and 39 more)")]


def test_of_many_at_once_in_one_message() -> None:
    rule()
    tell([alert(f"h{n}") for n in range(1, 41)])
    assert sent() == [("raised", "Error: 40 alerts: 40 × Host silent")]
    assert Delivery.objects.get().lines[0] == "- h1 does not answer."


def test_of_what_is_over_to_those_who_heard_of_it() -> None:
    rule()
    host = alert()
    vms = unknown(3, by=host)
    tell([host, *vms])
    rule(name="Made later")
    tell([], [host], now=NOW + timedelta(minutes=1))
    tell([], vms, now=NOW + timedelta(minutes=2))
    assert sent()[1:] == [("resolved", "Resolved: Host silent: h1")]


def test_of_what_is_over_only_where_that_is_wanted() -> None:
    rule(tell_resolved=False)
    host = alert()
    tell([host])
    tell([], [host])
    assert len(sent()) == 1


def test_once_and_then_counted() -> None:
    rule()
    for minute in range(5):
        row = alert(state="resolved")
        tell([row], now=NOW + timedelta(minutes=minute))
        tell([], [row], now=NOW + timedelta(minutes=minute, seconds=30))
    assert [stage for stage, _ in sent()] == ["raised", "resolved", "more"]
    more = Delivery.objects.get(stage="more")
    assert (more.folded, more.next_at) == (4, NOW + timedelta(minutes=10))
    assert more.subject == "Resolved: Host silent: h1", "the message says how it stands in the end"


def test_again_when_the_rules_time_is_over() -> None:
    rule(fold_minutes=10)
    tell([alert(state="resolved")])
    tell([alert(state="resolved")], now=NOW + timedelta(minutes=10))
    assert [stage for stage, _ in sent()] == ["raised", "raised"]


def test_every_time_where_a_rule_folds_nothing() -> None:
    rule(fold_minutes=0)
    for second in range(3):
        tell([alert(state="resolved")], now=NOW + timedelta(seconds=second))
    assert len(sent()) == 3


def test_in_a_flood_of_different_things_by_a_count() -> None:
    rule()
    for n in range(1, 60):
        tell([alert(f"h{n}")], now=NOW + timedelta(seconds=n))
    assert len(sent()) == 21
    flood = Delivery.objects.get(thread="flood")
    assert (flood.stage, flood.folded) == ("more", 39)


def test_of_events_to_rules_about_events() -> None:
    rule(about="events", kinds=["failure"], severity="info")
    rule(name="Alerts only")
    given = {"noun": "operation", "row": 3, "name": "db", "actor": "otto", "verb": "start", "because": "No disk."}
    failed = Event.objects.create(kind="failure", severity="error", at=timezone.now(), **given)
    fine = Event.objects.create(kind="order", severity="notice", at=timezone.now(), **given)
    announce.events([failed, fine, failed], may=lambda user, row: True, now=NOW)
    assert sent() == [("event", "Error: db: start"), ("more", "Error: db: start")]
