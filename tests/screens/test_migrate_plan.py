"""The migrate dialog's checks and forecast, for every candidate at once; it …"""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from datacenter.live.items import parse
from datacenter.live.paint import paint
from hosts.models import VM, Host, Migration, Operation
from tests.screens import factory

pytestmark = pytest.mark.django_db
GIB, MIB = 2**30, 2**20
HTMX = {"HX-Request": "true"}
MEASURED = {"memory_bytes": 512 * MIB, "rss_bytes": 400 * MIB, "dirty_rate": 46.0 * MIB}


def dialog(client: Client, vm: VM, **asked: str) -> str:
    address = f"/vms/{vm.uuid}/plan" if asked else f"/vms/{vm.uuid}/migrate"
    return client.get(address, asked, headers=HTMX).content.decode()


def two(**fields: object) -> tuple[VM, Host]:
    h1, h2 = factory.host("h1"), factory.host("h2")
    return factory.vm("web", on=h1, **fields), h2


def test_it_says_why_each_host_cannot_and_warns_of_the_others(otto: Client) -> None:
    vm, _ = two()
    factory.host("old", machine_types=["pc-q35-6.0"], qemu_version="6.0.0", networks=["other"])
    page = dialog(otto, vm)
    assert "No machine type pc-q35-7.2 (QEMU 6.0.0)." in page
    assert "No network “default”." in page  # not only the first
    assert "has not sent it a VM yet" in page
    assert "keepalive_interval = 1" in page


def test_it_forecasts_time_and_pause_for_every_candidate(otto: Client) -> None:
    vm, _ = two(**MEASURED, dirty_rate_at=timezone.now() - timedelta(seconds=9))
    factory.host("h3")
    page = dialog(otto, vm)
    assert re.search(r"It dirties 46 MiB/s against \d+ MiB/s: converges in", page)
    assert len(re.findall(r"<small>[^<]*\d s, pause ", page)) == 2
    assert "It changed 46 MiB/s of its memory" in page


def test_it_goes_by_the_bandwidth_that_is_typed(otto: Client) -> None:
    vm, h2 = two(**MEASURED)
    asked = {"destination": str(h2.pk), "bandwidth_mib": "20", "auto_converge": "no"}
    page = dialog(otto, vm, **asked, postcopy_allowed="no")
    assert "against 20 MiB/s: will not converge: throttle, allow post-copy, or allow" in page
    assert "By post-copy:" in dialog(otto, vm, **asked, postcopy_allowed="yes")
    assert "against 20 MiB/s" not in dialog(otto, vm, destination=str(h2.pk), bandwidth_mib="junk")


def test_it_says_that_nothing_was_measured_yet(otto: Client) -> None:
    vm, _ = two(dirty_rate=None)
    page = dialog(otto, vm)
    assert "Not measured yet" in page
    assert "time and pause not measured yet" in page


def test_it_names_what_keeps_the_vm_from_moving_anywhere(otto: Client) -> None:
    vm, _ = two(snapshots=3)
    page = dialog(otto, vm)
    assert "The VM has snapshots (3)" in page
    assert re.search(r'class="btn primary" disabled', page)


def test_it_refuses_wishes_that_contradict_each_other(otto: Client) -> None:
    vm, h2 = two()
    asked = {"destination": str(h2.pk), "parallel": "4", "postcopy_allowed": "yes"}
    answer = otto.post(f"/vms/{vm.uuid}/migrate", asked, headers=HTMX)
    assert answer.status_code == 422
    assert "below QEMU 10.1" in answer.content.decode()
    assert not Migration.objects.exists()


def test_it_shows_hostile_facts_as_text(otto: Client) -> None:
    evil = "<script>alert(1)</script>"
    vm, _ = two(nics=[{"kind": "bridge", "source": evil}, {"kind": None}, "junk"], disks=[{"source": evil}, 7])
    Host.objects.filter(name="h2").update(bridges=["br0"], cpu_model=evil, error=evil)
    page = dialog(otto, vm)
    assert evil not in page
    assert "&lt;script&gt;" in page


def test_it_orders_a_measurement_and_says_that_it_runs(otto: Client) -> None:
    vm, _ = two()
    assert otto.post(f"/vms/{vm.uuid}/measure", headers=HTMX).status_code == 204
    operation = Operation.objects.get()
    assert (operation.verb, operation.requested_by) == ("measure", "otto")
    assert "Measuring…" in dialog(otto, vm)
    assert otto.post(f"/vms/{vm.uuid}/measure", headers=HTMX).status_code == 409
    assert Operation.objects.count() == 1


def test_it_repaints_when_the_measurement_is_there_and_only_then_reads_the_plan_anew(otto: Client) -> None:
    vm, _ = two(**MEASURED, dirty_rate_at=timezone.now())
    item = parse(f"vm:{vm.pk}/dirty")
    assert item is not None
    assert 'hx-trigger="load"' not in (paint([item]).html[item.text] or "")
    Operation.objects.create(vm=vm, verb="measure", requested_by="otto", state="done")
    assert 'hx-trigger="load"' in (paint([item]).html[item.text] or "")


def test_it_measures_for_none_who_only_views_and_says_why_it_cannot(vera: Client, otto: Client) -> None:
    vm, _ = two()
    assert vera.post(f"/vms/{vm.uuid}/measure", headers=HTMX).status_code == 403
    VM.objects.filter(pk=vm.pk).update(state="down")
    answer = otto.post(f"/vms/{vm.uuid}/measure", headers=HTMX)
    assert answer.status_code == 409
    assert "Only a running VM" in answer.content.decode()
    assert not Operation.objects.exists()
