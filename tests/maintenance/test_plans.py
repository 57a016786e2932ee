"""Making a plan, changing it, computing it anew: it …"""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from datacenter.access import SHELL
from datacenter.maintenance import drain, orders, plans
from datacenter.maintenance.terms import Order, StepTerms, Terms
from datacenter.models import AffinityGroup, AuditEntry, HostHold, MaintenancePolicy, Plan, PlanHost, PlanMove
from datacenter.orders.errors import Forbidden, Refused
from hosts.advance import advance
from hosts.models import VM, Host
from hosts.states import HostState, MigrationState, PlanHostState, PlanMoveState
from tests.factory import GIB, make_cluster, make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db


def plan_for(*hosts: Host, **fields: Any) -> Plan:
    wanted = {"title": "Kernel", "reason": "CVE", "terms": Terms(keep_spare=False)} | fields
    return plans.make_plan(SHELL, list(hosts), **wanted)


def move_of(plan: Plan, vm: VM) -> PlanMove:
    return PlanMove.objects.select_related("target", "plan_host").get(plan_host__plan=plan, vm=vm, leg="out")


def refused(*hosts: Host, field: str, **fields: Any) -> str:
    with pytest.raises(Refused) as caught:
        plan_for(*hosts, **fields)
    assert caught.value.field == field
    assert not Plan.objects.filter(state="draft").exists(), "nothing is saved"
    return str(caught.value)


# making
def test_it_sends_every_vm_of_the_host_to_another_one_and_foretells_when() -> None:
    source, other = make_host("a"), make_host("b", memory_free_bytes=60 * GIB)
    make_host("c")
    vms = [make_vm(host=source) for _ in range(3)]
    plan = plan_for(source)
    moves = list(plan.hosts.get().moves.all())
    assert {move.vm for move in moves} == set(vms)
    assert {(move.action, move.target, move.light) for move in moves} == {("migrate", other, "green")}
    assert (plan.state, plan.version) == ("draft", 1)
    assert plan.expected_s == pytest.approx(12 * GIB / (200 * 2**20) + 6, abs=3)
    assert plan.hosts.get().expected_end_s == pytest.approx(plan.expected_s, abs=0.1)
    assert AuditEntry.objects.get(verb="plan_maintenance").detail == "a"


def test_it_refuses_hosts_of_two_clusters() -> None:
    assert "belong to one cluster" in refused(
        make_host("a"), make_host("b", cluster=make_cluster("green")), field="hosts"
    )


def test_it_refuses_to_empty_the_last_host_of_a_cluster() -> None:
    source = make_host("a")
    make_host("b", state=str(HostState.MAINTENANCE))
    make_vm(host=source)
    assert "the last host of its cluster" in refused(source, field="hosts")


def test_it_refuses_all_hosts_of_a_cluster_at_once_and_takes_them_one_by_one() -> None:
    known = [make_host(name) for name in ("a", "b")]
    make_vm(host=known[0])
    assert "at least one stays up" in refused(*known, field="at_once", terms=Terms(at_once=2, keep_spare=False))
    assert plan_for(*known).hosts.count() == 2


def test_it_refuses_a_host_of_another_plan_and_names_it() -> None:
    source, _ = make_host("a"), make_host("b")
    first = plan_for(source, title="Firmware")
    orders.approve(SHELL, first, version=first.version)
    assert "a belongs to the plan “Firmware”" in refused(source, field="hosts")


def test_it_refuses_people_who_may_not_and_terms_that_make_no_sense() -> None:
    source = make_host("a")
    with pytest.raises(Forbidden):
        plans.make_plan(AnonymousUser(), [source], title="x", reason="", terms=Terms())
    assert "no migration policy" in refused(source, field="migration_policy", terms=Terms(migration_policy="Fast"))
    refused(source, field="at_once", terms=Terms(at_once=0))
    refused(field="hosts")


@pytest.mark.parametrize(
    ("order", "names"),
    [(Order.NAME, "abc"), (Order.LISTED, "cab"), (Order.FEWEST_VMS, "bac"), (Order.LEAST_MEMORY, "bca")],
)
def test_it_takes_hosts_in_the_order_of_the_terms(order: Order, names: str) -> None:
    a, b, c = (make_host(name) for name in "abc")
    make_host("d")
    make_vm(host=a, memory_bytes=16 * GIB)
    for _ in range(2):
        make_vm(host=c)
    plan = plan_for(c, a, b, terms=Terms(order=order, keep_spare=False))
    assert "".join(row.host.name for row in plan.hosts.select_related("host")) == names


# what stands in the rows
def test_it_goes_by_preflight_and_says_why_a_vm_cannot_move() -> None:
    source = make_host("a")
    make_host("b", machine_types=["pc-q35-6.0"])
    vm = make_vm(host=source)
    move = move_of(plan_for(source), vm)
    assert (move.light, move.target) == ("red", None)
    assert "No machine type pc-q35-7.2" in move.why


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"migration_mode": "pinned"}, "pinned to its host"),
        ({"snapshots": 2}, "The VM has snapshots"),
        ({"devices": ["hostdev pci 0000:01:00.0"]}, "a device of its host"),
        ({"maintenance_rule": "ask"}, "asks a person"),
    ],
)
def test_it_is_red_where_a_vm_stays(fields: dict[str, Any], words: str) -> None:
    source, _ = make_host("a"), make_host("b")
    vm = make_vm(host=source, **fields)
    move = move_of(plan_for(source), vm)
    assert move.light == "red"
    assert words in move.why
    assert move.remedy


def test_a_vm_that_only_people_move_stays_where_a_policy_asks() -> None:
    source, other = make_host("a"), make_host("b")
    vm = make_vm(host=source, migration_mode="manual")
    assert move_of(plan_for(source), vm).target == other
    policy = MaintenancePolicy.objects.create(
        name="Sundays", cluster=source.cluster, rule="FREQ=WEEKLY", starts_at_local="2026-11-22T02:00Z", zone="UTC",
        duration_minutes=60, made_by="ann",
    )  # fmt: skip
    plan = plan_for(source, policy=policy)
    move = move_of(plan, vm)
    assert "Only a person may move it" in move.why
    plans.change_move(SHELL, plan, move, version=plan.version, target=other)
    assert move_of(plan, vm).light != "red"


def test_it_sends_nothing_to_hosts_that_another_plan_holds() -> None:
    source, held, free = make_host("a"), make_host("b", memory_free_bytes=60 * GIB), make_host("c")
    other = plan_for(held, title="Firmware")
    HostHold.objects.create(host=held, plan=other)
    vm = make_vm(host=source)
    assert move_of(plan_for(source), vm).target == free


def test_a_drain_in_need_of_another_host_keeps_off_those_of_other_plans() -> None:
    source, held, free = make_host("a"), make_host("b", memory_free_bytes=60 * GIB), make_host("c")
    HostHold.objects.create(host=held, plan=plan_for(held, title="Firmware"))
    vm = make_vm(host=source)
    row = plan_for(source).hosts.get()
    assert drain._rank(row, [vm.pk]) == {vm.pk: [free]}
    HostHold.objects.update(plan=row.plan)
    assert drain._rank(row, [vm.pk]) == {vm.pk: [held, free]}


def test_it_counts_memory_that_is_promised_already() -> None:
    source, other = make_host("a"), make_host("b", memory_free_bytes=9 * GIB)
    make_host("c", memory_free_bytes=6 * GIB)
    make_migration(make_vm(host=make_host("d")), destination=other, state=str(MigrationState.COPYING))
    Host.objects.filter(name="d").update(state="maintenance")
    vm = make_vm(host=source)
    assert move_of(plan_for(source), vm).target.name == "c"  # type: ignore[union-attr]


def test_it_keeps_groups_apart() -> None:
    source, _, _ = make_host("a"), make_host("b"), make_host("c")
    vms = [make_vm(host=source) for _ in range(2)]
    group = AffinityGroup.objects.create(name="dns", together=False, hard=True)
    group.vms.set(vms)
    plan = plan_for(source)
    assert len({move_of(plan, vm).target for vm in vms}) == 2


def test_it_learns_the_line_and_the_storage_from_earlier_migrations() -> None:
    from datetime import timedelta

    from django.utils import timezone

    source, other = make_host("a"), make_host("b")
    make_host("c")
    vm = make_vm(host=source, disks=[{"target": "vda", "kind": "file", "source": "/srv/vms/a.qcow2"}])
    plan = plan_for(source)
    assert move_of(plan, vm).light == "yellow"
    slow = plan.expected_s or 0
    end = timezone.now()
    make_migration(
        make_vm(host=other, disks=vm.disks), destination=source, state="done", transferred_bytes=50 * GIB,
        started_at=end - timedelta(seconds=52), ended_at=end,
    )  # fmt: skip
    plans.compute(plan)
    assert move_of(plan, vm).light == "green"
    assert (plan.expected_s or 0) < slow / 2


def test_it_asks_the_database_the_same_number_of_times_whatever_the_size(django_assert_max_num_queries: Any) -> None:
    source = make_host("a")
    for _ in range(8):
        make_host()
    vms = [make_vm(host=source) for _ in range(20)]
    group = AffinityGroup.objects.create(name="dns", together=False, hard=False)
    group.vms.set(vms[:5])
    plan = plan_for(source)
    with django_assert_max_num_queries(26):
        plans.compute(plan)


# changing
def test_a_persons_target_is_kept_when_computed_anew() -> None:
    source, other, _ = make_host("a"), make_host("b", memory_free_bytes=20 * GIB), make_host("c")
    vm = make_vm(host=source)
    plan = plan_for(source)
    plans.change_move(SHELL, plan, move_of(plan, vm), version=1, target=other)
    plans.compute(plan)
    move = move_of(plan, vm)
    assert (move.target, move.target_chosen, move.chosen_by, plan.version) == (other, True, "command line", 3)
    Host.objects.filter(pk=other.pk).update(memory_free_bytes=GIB)
    plans.compute(plan)
    assert (move_of(plan, vm).light, move_of(plan, vm).target) == ("red", other)


def test_a_persons_action_and_place_are_kept() -> None:
    source, _ = make_host("a"), make_host("b")
    vms = [make_vm(f"v{n}", host=source, memory_bytes=(9 - n) * GIB) for n in range(3)]
    plan = plan_for(source)
    plans.change_move(SHELL, plan, move_of(plan, vms[2]), version=1, position=1)
    plans.change_move(SHELL, plan, move_of(plan, vms[0]), version=2, action="shutdown")
    plans.compute(plan)
    assert (move_of(plan, vms[2]).position, move_of(plan, vms[0]).action) == (1, "shutdown")
    assert PlanMove.objects.get(plan_host__plan=plan, leg="home").action == "start"


def test_it_refuses_changes_for_an_older_version_and_what_cannot_be() -> None:
    source, far = make_host("a"), make_host("z", cluster=make_cluster("green"))
    make_host("b")
    plan, vm = plan_for(source), make_vm(host=source)
    plans.compute(plan)
    move = move_of(plan, vm)
    for fields, field in (
        ({"version": 1, "position": 1}, "version"),
        ({"version": 2, "target": far}, "target"),
        ({"version": 2, "target": source}, "target"),
        ({"version": 2, "action": "explode"}, "action"),
        ({"version": 2, "position": 0}, "position"),
    ):
        with pytest.raises(Refused) as caught:
            plans.change_move(SHELL, plan, move, **fields)  # type: ignore[arg-type]
        assert caught.value.field == field
    assert Plan.objects.get().version == 2
    assert AuditEntry.objects.filter(verb="change_plan", refused=True).count() == 5


def test_hosts_change_places_and_are_left_out_and_taken_in_again() -> None:
    a, b, c = (make_host(name) for name in "abc")
    make_vm(host=a)
    plan = plan_for(a, b, c)

    def rows() -> str:
        return " ".join(f"{row.host.name}:{row.state}" for row in plan.hosts.select_related("host"))

    plans.change_host(SHELL, plan, plan.hosts.get(host=c), version=1, position=1)
    assert rows() == "c:waiting a:waiting b:waiting"
    plans.change_host(SHELL, plan, plan.hosts.get(host=a), version=2, skip=True)
    assert rows() == "c:waiting a:skipped b:waiting"
    assert not PlanMove.objects.exists()
    plans.change_host(SHELL, plan, plan.hosts.get(host=a), version=3, skip=False)
    assert rows() == "c:waiting a:waiting b:waiting"
    assert PlanMove.objects.count() == 1


def test_new_terms_bring_new_steps_and_a_new_order() -> None:
    a, b = make_host("a"), make_host("b")
    make_host("c")
    make_vm(host=a)
    plan = plan_for(a, b)
    reboot = StepTerms(kind="reboot", params={})
    plans.change_terms(SHELL, plan, version=1, terms=Terms(order=Order.FEWEST_VMS, keep_spare=False, steps=(reboot,)))
    assert [row.host.name for row in plan.hosts.select_related("host")] == ["b", "a"]
    assert [step.kind for row in plan.hosts.all() for step in row.steps.all()] == ["reboot", "reboot"]
    assert (plan.expected_s or 0) > 480


def test_a_plan_that_runs_computes_only_what_has_not_begun() -> None:
    a, b, c = (make_host(name) for name in "abc")
    begun, waits = make_vm(host=a), make_vm(host=b)
    plan = plan_for(a, b)
    orders.approve(SHELL, plan, version=plan.version)
    with pytest.raises(Refused, match="Take the approval back"):
        plans.change_move(SHELL, plan, move_of(plan, waits), version=plan.version, target=c)
    orders.start(SHELL, plan)
    advance(plan.hosts.get(host=a), PlanHostState.DRAINING, because="Its turn has come.")
    advance(move_of(plan, begun), PlanMoveState.RUNNING, because="Asked for.")
    before = PlanMove.objects.values().get(vm=begun)
    Host.objects.filter(pk=a.pk).update(state="preparing")
    plans.compute(plan)
    assert PlanMove.objects.values().get(vm=begun) == before
    with pytest.raises(Refused, match="has begun already"):
        plans.change_move(SHELL, plan, move_of(plan, begun), version=plan.version, target=c)
    plans.change_move(SHELL, plan, move_of(plan, waits), version=plan.version, target=c)
    assert move_of(plan, waits).target == c


def test_it_says_which_host_of_the_roll_has_to_be_done_first() -> None:
    a, b = make_host("a"), make_host("b")
    make_host("c", memory_free_bytes=0)
    make_vm(host=b)
    plan_for(a, b)
    second = PlanHost.objects.get(host=b)
    assert plans.waits_for(second) == ""
    advance(PlanHost.objects.get(host=a), PlanHostState.DRAINING, because="Its turn has come.")
    assert plans.waits_for(second) == "Its VMs are to go to a, which has to be done first."
