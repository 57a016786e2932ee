"""The ledger of the alerts …"""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from datacenter.alerts import ledger
from datacenter.alerts.records import Finding
from datacenter.models import Alert, User
from datacenter.orders import alerts as orders
from datacenter.orders.errors import Forbidden, Refused
from hosts.models import Event
from hosts.models.event import Severity
from tests.alerts.found import NOW, finding, unknown

pytestmark = pytest.mark.django_db


def at(seconds: float, *found: Finding, unsaid: Sequence[str] = ()) -> ledger.Changes:
    return ledger.apply(found, NOW + timedelta(seconds=seconds), unsaid=frozenset(unsaid))


def only() -> Alert:
    return Alert.objects.get()


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password="analytical-engine")


def test_it_raises_once_and_renews_while_it_holds() -> None:
    assert [each.name for each in at(0, finding()).raised] == ["h1"]
    assert not at(5, finding()).raised
    row = only()
    assert (row.state, row.raised_at, row.seen_at) == ("open", NOW, NOW + timedelta(seconds=5))
    assert Event.changes.filter(noun="alert").count() == 1


def test_it_resolves_only_what_is_over_for_a_while() -> None:
    at(0, finding())
    assert not at(5).resolved
    assert not at(34).resolved
    assert [each.name for each in at(35).resolved] == ["h1"]
    assert only().state == "resolved"
    assert only().resolved_at is not None


def test_it_does_not_flap() -> None:
    at(0, finding())
    for second in range(5, 120, 10):
        changes = [at(second), at(second + 5, finding())]
        assert not any(each.raised or each.resolved for each in changes)
    assert only().returns == 12
    assert Event.changes.filter(noun="alert").count() == 1


def test_what_comes_back_later_is_a_new_alert() -> None:
    at(0, finding())
    at(5)
    at(40)
    assert at(50, finding()).raised
    assert sorted(Alert.objects.values_list("state", flat=True)) == ["open", "resolved"]


def test_it_ends_nothing_of_which_nothing_is_known() -> None:
    at(0, finding())
    at(5, unsaid=["host_silent"])
    assert not at(300, unsaid=["host_silent"]).resolved
    assert only().clear_since is None


def test_it_writes_down_what_explains_what() -> None:
    root = finding()
    raised = at(0, root, *(unknown(pk, of=root) for pk in range(100, 130))).raised
    assert len(raised) == 31
    head = Alert.objects.get(kind="host_silent")
    assert Alert.objects.filter(cause=head).count() == 30
    assert Event.changes.filter(noun="alert").count() == 1, "thirty events would say what the VMs' own say already"
    at(5)
    assert len(at(40).resolved) == 31


def test_it_costs_the_same_few_queries_for_thirty_vms_and_for_three(django_assert_max_num_queries: object) -> None:
    root = finding()
    with django_assert_max_num_queries(14):
        at(0, root, *(unknown(pk, of=root) for pk in range(100, 400)))
    with django_assert_max_num_queries(8):
        at(5, root, *(unknown(pk, of=root) for pk in range(100, 400)))


def test_what_becomes_graver_is_told_again_and_opened_again(ada: User) -> None:
    at(0, finding(severity=Severity.WARNING))
    orders.acknowledge_alert(ada, only(), note="Looking.")
    assert not at(5, finding(severity=Severity.WARNING)).raised
    assert [each.state for each in at(10, finding(severity=Severity.CRITICAL)).raised] == ["open"]
    assert (only().severity, only().rank) == ("critical", 0)


def test_a_snooze_ends_by_itself(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders.timezone, "now", lambda: NOW)
    at(0, finding())
    orders.snooze_alert(ada, only(), until=NOW + timedelta(hours=1), note="Known.")
    assert not at(3599, finding()).raised
    assert [each.state for each in at(3600, finding()).raised] == ["open"]


def test_an_acknowledged_alert_is_resolved_by_itself_too(ada: User) -> None:
    at(0, finding())
    orders.acknowledge_alert(ada, only())
    at(5)
    assert [each.state for each in at(40).resolved] == ["resolved"]
    assert only().acknowledged_by == "ada"


def test_acknowledging_takes_up_what_it_explains(ada: User) -> None:
    root = finding()
    at(0, root, unknown(100, of=root))
    orders.acknowledge_alert(ada, Alert.objects.get(kind="host_silent"), note="On it")
    assert set(Alert.objects.values_list("state", "note")) == {("acknowledged", "On it")}
    assert Event.orders.get().verb == "acknowledge_alert"


def test_who_may_not_acknowledge_is_refused_and_written_down() -> None:
    vera = User.objects.create_user("vera", password="search-engine")
    at(0, finding())
    with pytest.raises(Forbidden):
        orders.acknowledge_alert(vera, only())
    assert only().state == "open"
    assert Event.objects.get(kind="refused").verb == "acknowledge_alert"


@pytest.mark.parametrize("minutes", [-1, 0, 60 * 24 * 31])
def test_a_snooze_has_an_end_that_comes(ada: User, minutes: int) -> None:
    at(0, finding())
    with pytest.raises(Refused):
        orders.snooze_alert(ada, only(), until=orders.timezone.now() + timedelta(minutes=minutes))


def test_a_resolved_alert_cannot_be_taken_up(ada: User) -> None:
    at(0, finding())
    at(5)
    at(40)
    with pytest.raises(Refused):
        orders.acknowledge_alert(ada, only())


def test_evidence_that_ticks_is_written_once_a_minute() -> None:
    for second in range(0, 55, 5):
        at(second, finding(evidence=(("Now", f"{second} %"),)))
    assert only().evidence == [["Now", "0 %"]]
    at(65, finding(evidence=(("Now", "65 %"),)))
    assert only().evidence == [["Now", "65 %"]]
