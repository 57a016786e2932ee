"""A maintenance policy, saved where it makes sense, refused with the field and the reason where not: it …"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from datacenter.access import SHELL
from datacenter.maintenance import policies
from datacenter.maintenance.policies import save_policy
from datacenter.maintenance.terms import After, StepTerms, Terms
from datacenter.models import AuditEntry, HostHold, MaintenancePolicy, Plan, User
from datacenter.orders.errors import Forbidden, Refused
from hosts.models import Host
from hosts.virt.clock import ManualClock
from tests.factory import GIB, make_host, make_vm
from tests.maintenance.drafts import START, draft, make_policy, make_rack

pytestmark = pytest.mark.django_db
CLOCK = ManualClock(start=START)


def refused(of: Any, *, policy: MaintenancePolicy | None = None, version: int | None = None) -> Refused:
    """The refusal; nothing is saved."""
    before = list(MaintenancePolicy.objects.values())
    with pytest.raises(Refused) as caught:
        save_policy(SHELL, policy, of, version=version, clock=CLOCK)
    assert list(MaintenancePolicy.objects.values()) == before
    return caught.value


def test_keeps_what_was_said() -> None:
    rack = make_rack()
    made = make_policy(rack, rule="rrule:freq=weekly;byday=su", blackouts=("2026-12-24/2026-12-26",))
    made.refresh_from_db()
    assert (made.version, made.rule, made.made_by) == (1, "FREQ=WEEKLY;BYDAY=SU", "command line")
    assert made.changed_at == START
    assert policies.hosts_of(made) == list(Host.objects.order_by("name"))
    assert Terms.from_json(made.terms) == Terms()
    (first, second) = policies.preview(made, 2, clock=CLOCK)
    assert f"{first.local_start:%a %Y-%m-%d %H:%M %z}" == "Sun 2026-01-04 02:00 +0100"
    assert second.starts_at - first.starts_at == timedelta(days=7)
    assert AuditEntry.objects.get(verb="save_maintenance_policy").detail == "version 1"


def test_has_the_hosts_of_a_tag_as_they_are_now() -> None:
    rack = make_rack()
    Host.objects.filter(name="rack-2").update(tags=["canary", "ssd"])
    made = make_policy(rack, tag="canary")
    Host.objects.filter(name="rack-3").update(tags=["canary"])
    make_host("elsewhere", cluster=make_rack(name="other"), tags=["canary"])
    assert [host.name for host in policies.hosts_of(made)] == ["rack-2", "rack-3"]


def test_has_the_hosts_of_a_list() -> None:
    rack = make_rack()
    made = make_policy(rack, hosts=tuple(Host.objects.exclude(name="rack-2")))
    assert [host.name for host in policies.hosts_of(made)] == ["rack-1", "rack-3"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"rule": "FREQ=SECONDLY"}, "rule"),
        ({"rule": "FREQ=MINUTELY;INTERVAL=5"}, "rule"),
        ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rule"),
        ({"rule": "FREQ=DAILY;UNTIL=20251231"}, "rule"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"starts_at_local": datetime(1970, 1, 1)}, "starts_at_local"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"rule": "FREQ=DAILY", "duration_minutes": 1440}, "duration_minutes"),
        ({"blackouts": ("never",)}, "blackouts"),
        ({"blackouts": ("2026-01-01/2099-12-31",)}, "blackouts"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"tag": "nobody-has-it"}, "tag"),
        ({"terms": Terms(at_once=0)}, "at_once"),
        ({"terms": Terms(at_once=3)}, "at_once"),
        ({"terms": Terms(at_once=100)}, "at_once"),
        ({"terms": Terms(follow=After.STAY)}, "follow"),
        ({"terms": Terms(home_stagger_s=float("nan"))}, "home_stagger_s"),
        ({"terms": Terms(report_webhook="file:///etc/passwd")}, "report_webhook"),
        ({"terms": Terms(steps=(StepTerms(kind="magic", params={}),))}, "steps-0-kind"),
        ({"terms": Terms(steps=(StepTerms(kind="webhook", params={"url": "gopher://h"}),))}, "steps-0-url"),
        ({"terms": Terms(steps=(StepTerms(kind="confirm", params={"text": "ok?"}),) * 21)}, "steps"),
    ],
)
def test_refuses(given: dict[str, Any], field: str) -> None:
    said = refused(draft(make_rack(), **given))
    assert said.field == field
    assert str(said).endswith(".")
    assert AuditEntry.objects.get(refused=True).verb == "save_maintenance_policy"


def test_refuses_a_window_shorter_than_any_hosts_forecast() -> None:
    rack = make_rack(hosts=2)
    for host in Host.objects.all():
        make_vm(host=host, memory_bytes=900 * GIB)
    said = refused(draft(rack, duration_minutes=10))
    assert said.field == "duration_minutes"
    assert "nothing would ever begin" in str(said)


def test_takes_a_window_that_one_host_fits_into() -> None:
    rack = make_rack(hosts=3)
    for host in Host.objects.exclude(name="rack-2"):
        make_vm(host=host, memory_bytes=900 * GIB)
    assert make_policy(rack, duration_minutes=10).pk


def test_refuses_to_empty_a_clusters_last_host() -> None:
    assert refused(draft(make_rack(hosts=1))).field == "cluster"
    rack = make_rack(hosts=2, name="two")
    Host.objects.filter(name="two-1").update(state="maintenance")
    assert refused(draft(rack)).field == "cluster"
    assert refused(draft(rack, hosts=tuple(Host.objects.filter(name="two-2")))).field == "hosts"


def test_refuses_a_cluster_without_hosts() -> None:
    assert refused(draft(make_rack(hosts=0))).field == "cluster"


def test_refuses_hosts_of_two_clusters() -> None:
    rack = make_rack()
    make_rack(name="other")
    said = refused(draft(rack, hosts=tuple(Host.objects.filter(name__in=("rack-1", "other-1")))))
    assert said.field == "hosts"
    assert "A policy is about one cluster" in str(said)


def test_lets_part_of_a_cluster_stay_in_maintenance() -> None:
    rack = make_rack()
    listed = tuple(Host.objects.filter(name="rack-1"))
    assert make_policy(rack, hosts=listed, terms=Terms(follow=After.STAY)).pk


def test_refuses_a_name_that_is_taken() -> None:
    rack = make_rack()
    make_policy(rack)
    assert refused(draft(rack)).field == "name"


def test_refuses_a_change_of_an_older_version() -> None:
    rack = make_rack()
    made = make_policy(rack)
    save_policy(SHELL, made, draft(rack, duration_minutes=60), version=1, clock=CLOCK)
    said = refused(draft(rack, duration_minutes=120), policy=made, version=1)
    assert "at version 2" in str(said)


def test_a_change_takes_the_tag_and_the_list_away_with_it() -> None:
    rack = make_rack()
    made = make_policy(rack, hosts=tuple(Host.objects.exclude(name="rack-2")))
    changed = save_policy(SHELL, made, draft(rack), clock=CLOCK)
    assert (changed.pk, changed.version, changed.hosts.count()) == (made.pk, 2, 0)


def test_is_an_administrators_to_change(django_user_model: type[User]) -> None:
    rack = make_rack()
    made = make_policy(rack)
    vera = django_user_model.objects.create_user("vera")
    with pytest.raises(Forbidden):
        save_policy(vera, None, draft(rack, name="Mine"), clock=CLOCK)
    with pytest.raises(Forbidden):
        policies.delete(vera, made)
    with pytest.raises(Forbidden):
        policies.enable(vera, made, enabled=False, clock=CLOCK)
    assert AuditEntry.objects.filter(refused=True, actor="vera").count() == 3


def test_is_switched_off_and_on() -> None:
    made = make_policy(make_rack())
    policies.enable(SHELL, made, enabled=False, clock=CLOCK)
    policies.enable(SHELL, made, enabled=False, clock=CLOCK)
    made.refresh_from_db()
    assert (made.enabled, made.version) == (False, 2)
    policies.enable(SHELL, made, enabled=True, clock=CLOCK)
    assert AuditEntry.objects.filter(verb__endswith="able_maintenance_policy").count() == 2


def test_stays_while_a_plan_of_it_holds_hosts() -> None:
    made = make_policy(make_rack())
    plan = Plan.objects.create(title="Tonight", policy=made, state="stopped", made_by="policy Patches")
    HostHold.objects.create(host=Host.objects.earliest("pk"), plan=plan)
    with pytest.raises(Refused, match="“Tonight” holds hosts"):
        policies.delete(SHELL, made)
    Plan.objects.update(state="finished")
    policies.delete(SHELL, made)
    plan.refresh_from_db()
    assert plan.policy is None


def test_covers_a_host_as_it_would_be_chosen() -> None:
    rack = make_rack()
    Host.objects.filter(name="rack-2").update(tags=["canary"])
    by_name = {host.name: host for host in Host.objects.all()}
    stranger = make_host("elsewhere", cluster=make_rack(name="other"), tags=["canary"])
    for given in ({}, {"tag": "canary"}, {"hosts": (by_name["rack-1"],)}):
        made = make_policy(rack, name=f"By {given}"[:80], **given)
        assert [host for host in by_name.values() if policies.covers(made, host)] == policies.hosts_of(made)
        assert not policies.covers(made, stranger)


def test_leaves_nothing_of_the_plan_that_the_forecast_was_read_from() -> None:
    make_vm(host=make_rack().hosts.get(name="rack-1"))
    make_policy(Host.objects.earliest("pk").cluster)
    assert not Plan.objects.exists()
    assert not AuditEntry.objects.filter(verb="plan_maintenance").exists()
