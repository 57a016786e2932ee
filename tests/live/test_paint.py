"""Rows are read once a noun, each fragment is painted once, and one that fails takes no other with it."""

import pytest
from django.template import loader

from datacenter.live import paint as module
from datacenter.live.items import parse
from datacenter.live.paint import paint, related
from datacenter.models import Plan, PlanHost, PlanMove
from tests.factory import make_host, make_migration, make_vm

pytestmark = pytest.mark.django_db


def items(*texts):
    return [parse(text) for text in texts]


def render(template, context):
    (row,) = context.values()
    return f"<tr>{template} {row}</tr>\n"


def test_it_paints_fifty_rows_with_a_handful_of_queries(django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr(module, "render_to_string", render)
    vms = [make_vm() for _ in range(50)]
    with django_assert_max_num_queries(3):
        painted = paint(items(*[f"vm:{vm.pk}/row" for vm in vms], *[f"vm:{vm.pk}" for vm in vms]))
    assert painted.html[f"vm:{vms[0].pk}/row"] == f"<tr>vms/_row.html {vms[0].name}</tr>"
    assert len(painted.html) == len(painted.text) == 50


def test_it_reads_the_figures_of_the_row():
    vm = make_vm(cpu_percent=12.5, net_rx_rate=None)
    said = paint(items(f"vm:{vm.pk}")).text[f"vm:{vm.pk}"]
    assert said["cpu_percent"] == ["12 %", 12.5]
    assert said["net_rx_rate"] == ["–", None]


def test_a_row_that_is_gone_is_painted_as_none():
    assert paint(items("vm:999999999/row")).html == {"vm:999999999/row": None}


def test_a_template_that_fails_takes_no_other_with_it(monkeypatch, caplog):
    def sometimes(template, context):
        if template == "vms/_header.html":
            raise ValueError("a template's mistake")
        return render(template, context)

    monkeypatch.setattr(module, "render_to_string", sometimes)
    vm = make_vm()
    painted = paint(items(f"vm:{vm.pk}/header", f"vm:{vm.pk}/row"))
    assert set(painted.html) == {f"vm:{vm.pk}/row"}
    assert "a template's mistake" in caplog.text


def test_the_real_row_template_paints_with_nothing_but_its_row():
    vm = make_vm("db1")
    html = paint(items(f"vm:{vm.pk}/row")).html[f"vm:{vm.pk}/row"]
    assert html.startswith("<tr")
    assert "db1" in html
    assert loader.get_template("vms/_row.html")


def test_a_migration_concerns_its_vm_both_hosts_and_their_cluster():
    migration = make_migration()
    assert related({f"migration:{migration.pk}"}) == {
        f"migration:{migration.pk}",
        f"vm:{migration.vm_id}",
        f"host:{migration.source_id}",
        f"host:{migration.destination_id}",
        f"cluster:{migration.source.cluster_id}",
    }


def test_a_host_concerns_its_vms_but_a_vm_not_its_neighbours():
    host = make_host()
    one, two = make_vm(host=host), make_vm(host=host)
    assert {f"vm:{one.pk}", f"vm:{two.pk}"} <= related({f"host:{host.pk}"})
    assert f"vm:{two.pk}" not in related({f"vm:{one.pk}"})


def test_an_odd_topic_concerns_nobody_else():
    assert related({"vm:x", "nonsense", ":"}) == {"vm:x", "nonsense", ":"}


def test_a_vm_that_moves_repaints_its_tile_and_the_head_of_its_plan():
    vm = make_vm()
    plan = Plan.objects.create(title="p", made_by="ada", state="running")
    seat = PlanHost.objects.create(plan=plan, host=vm.host)
    move = PlanMove.objects.create(plan_host=seat, vm=vm)
    found = related({f"vm:{vm.pk}"})
    assert {f"plan_move:{move.pk}", f"plan_host:{seat.pk}", f"plan:{plan.pk}"} <= found
    html = paint(items(f"plan_move:{move.pk}/tile")).html[f"plan_move:{move.pk}/tile"]
    assert f'data-at="{vm.host_id}"' in html


def test_a_vm_of_a_plan_that_has_ended_repaints_nothing_of_it():
    vm = make_vm()
    plan = Plan.objects.create(title="p", made_by="ada", state="finished")
    seat = PlanHost.objects.create(plan=plan, host=vm.host)
    PlanMove.objects.create(plan_host=seat, vm=vm)
    assert not {topic for topic in related({f"vm:{vm.pk}"}) if topic.startswith("plan")}


def test_a_plans_change_repaints_its_hosts():
    host = make_host()
    plan = Plan.objects.create(title="p", made_by="ada")
    PlanHost.objects.create(plan=plan, host=host)
    assert f"host:{host.pk}" in related({f"plan:{plan.pk}"})
    for fragment in ("row", "header", "verdict"):
        assert paint(items(f"plan:{plan.pk}/{fragment}")).html[f"plan:{plan.pk}/{fragment}"]
