"""Making a plan, changing it, computing it anew: it …"""

import pytest

from datacenter.access import SHELL
from datacenter.maintenance import plans
from datacenter.maintenance.terms import Terms
from datacenter.models import Plan
from datacenter.orders.errors import Refused
from hosts.models import Host
from tests.factory import GIB, make_cluster, make_host, make_vm

pytestmark = pytest.mark.django_db


def plan_for(*hosts: Host, **fields: object) -> Plan:
    wanted = {"title": "Kernel", "reason": "CVE", "terms": Terms()} | fields
    return plans.make_plan(SHELL, list(hosts), **wanted)  # type: ignore[arg-type]


def test_it_sends_every_vm_of_the_host_to_another_one() -> None:
    source, other = make_host("a"), make_host("b", memory_free_bytes=60 * GIB)
    make_host("c")
    vms = [make_vm(host=source) for _ in range(3)]
    plan = plan_for(source)
    moves = list(plan.hosts.get().moves.all())
    assert {move.vm for move in moves} == set(vms)
    assert {(move.action, move.target, move.light) for move in moves} == {("migrate", other, "green")}
    assert (plan.state, plan.version) == ("draft", 1)


def test_it_refuses_hosts_of_two_clusters() -> None:
    with pytest.raises(Refused) as refused:
        plan_for(make_host("a"), make_host("b", cluster=make_cluster("green")))
    assert refused.value.field == "hosts"
    assert not Plan.objects.exists()
