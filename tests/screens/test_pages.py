"""What the pages say."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hosts.models import VM, HostLoad, Transition, VMLoad
from hosts.states import HostState, MigrationState, VMState
from tests.screens import factory

pytestmark = pytest.mark.django_db
GIB = 2**30


def test_it_counts_by_state_and_leads_to_the_filtered_lists(otto: Client) -> None:
    host = factory.host()
    for name in ("a", "b"):
        factory.vm(name, on=host)
    factory.vm("c", on=host, state=VMState.DOWN.value)
    page = otto.get("/").content.decode()
    assert 'href="/vms?state=up"' in page
    assert 'href="/vms?state=down"' in page
    assert 'href="/hosts?state=up"' in page
    assert 'href="/vms?state=paused"' not in page  # zeros are left out


def test_it_says_how_to_begin_where_nothing_is(ada: Client) -> None:
    assert 'href="/hosts/add"' in ada.get("/").content.decode()


def test_it_shows_what_moves_on_the_overview_and_again_alone_for_htmx(otto: Client) -> None:
    factory.migration(factory.vm("mover"), factory.host("h2"), state=MigrationState.COPYING.value)
    assert "mover" in otto.get("/").content.decode()
    part = otto.get("/", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<section id="moving"')
    assert "mover" in part


def test_it_says_what_a_lost_host_means(otto: Client) -> None:
    gone = timezone.now() - timedelta(seconds=42)
    host = factory.host("h3", state=HostState.NON_RESPONSIVE.value, answered_at=gone, error="No answer within 15 s.")
    factory.vm(on=host, state=VMState.UNKNOWN.value)
    page = otto.get(f"/hosts/{host.pk}").content.decode()
    assert "h3 has not answered for" in page
    assert "Its 1 VM may be running: nothing is started elsewhere." in page
    assert "No answer within 15 s." in page


def test_it_shows_an_odd_host_of_which_little_is_known(otto: Client) -> None:
    bare = dict.fromkeys(
        (
            "uuid",
            "cpus",
            "memory_bytes",
            "cpu_percent",
            "memory_free_bytes",
            "answered_at",
            "net_rx_rate",
            "net_tx_rate",
        )
    )
    empty = dict.fromkeys(
        ("hostname", "libvirt_version", "qemu_version", "cpu_model", "cpu_arch", "manufacturer", "product"), ""
    )
    host = factory.host("bare", networks=[], bridges=[], state=HostState.CONNECTING.value, **bare, **empty)
    for address in (f"/hosts/{host.pk}", "/hosts", "/", f"/clusters/{host.cluster_id}", "/tree"):
        assert otto.get(address).status_code == 200, address


def test_it_shows_a_vm_without_disks_or_networks(otto: Client) -> None:
    nothing = dict.fromkeys(("cpu_percent", "memory_used_bytes", "rss_bytes", "net_rx_rate", "net_tx_rate", "up_since"))
    vm = factory.vm(
        "bare", disks=[], nics=[{"kind": "user"}], devices=[], xml="", machine="", cpu_mode="", cpu_model="", **nothing
    )
    for tab in ("disks", "networks", "xml"):
        assert otto.get(f"/vms/{vm.uuid}?tab={tab}").status_code == 200
    assert "no disk" in otto.get(f"/vms/{vm.uuid}").content.decode()


def test_it_puts_the_migration_above_the_tabs_of_its_vm(otto: Client) -> None:
    vm = factory.vm()
    migration = factory.migration(vm, factory.host("h2"), state=MigrationState.COPYING.value)
    for tab in ("disks", "xml", "events"):
        page = otto.get(f"/vms/{vm.uuid}?tab={tab}").content.decode()
        assert page.index(f"migration-{migration.pk}-progress") < page.index('class="tabs"')


def test_it_lists_every_migration_a_vm_ever_made(otto: Client) -> None:
    vm, other = factory.vm(), factory.host("h2")
    for state in ("done", "failed", "cancelled"):
        factory.migration(vm, other, state=state)
    page = otto.get(f"/vms/{vm.uuid}?tab=migrations").content.decode()
    assert page.count('-row" data-live="migration:') == 3


def test_it_tells_what_changed_who_and_why(otto: Client) -> None:
    vm = factory.vm()
    Transition.objects.create(
        noun="vm", row=vm.pk, name=vm.name, old="up", new="paused", because="By hand.", actor="mallory"
    )
    Transition.objects.create(
        noun="vm", row=vm.pk, name=vm.name, field="host", old="h1", new="h2", because="Migrated.", actor="ada"
    )
    page = otto.get(f"/vms/{vm.uuid}?tab=events").content.decode()
    for word in ("Paused", "By hand.", "mallory", "moved from h1 to h2"):
        assert word in page


def test_it_gives_the_last_hour_as_columns(otto: Client) -> None:
    vm, now = factory.vm(), timezone.now()
    for minutes, percent in ((90, 1.0), (20, 2.0), (10, None)):
        VMLoad.objects.create(vm=vm, at=now - timedelta(minutes=minutes), cpu_percent=percent)
    HostLoad.objects.create(host=vm.host, at=now, cpu_percent=7.0, memory_free_bytes=GIB)
    told = otto.get(f"/vms/{vm.uuid}/loads").json()
    assert told["cpu_percent"] == [2.0, None]
    assert len(told["at"]) == 2
    assert otto.get(f"/hosts/{vm.host_id}/loads").json()["memory_free_bytes"] == [GIB]


def test_it_never_reads_the_xml_of_vms_for_a_list(otto: Client, django_assert_num_queries: object) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    factory.vm()
    with CaptureQueriesContext(connection) as queries:
        otto.get("/vms")
    assert not [query for query in queries if '"hosts_vm"."xml"' in query["sql"]]


def test_it_shows_the_tree_with_every_host_under_its_cluster(otto: Client) -> None:
    factory.host("left", in_cluster=factory.cluster("red", "East"))
    page = otto.get("/tree").content.decode()
    assert page.index("East") < page.index("red") < page.index("left")


def test_it_shows_a_vm_moved_by_its_row_alone(otto: Client) -> None:
    vm = factory.vm("mover")
    before = vm.uuid
    VM.objects.filter(pk=vm.pk).update(host=factory.host("new-home"))
    assert "new-home" in otto.get(f"/vms/{before}").content.decode()
