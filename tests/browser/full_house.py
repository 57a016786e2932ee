"""An inventory in which every state, every tab and every odd name is to be seen, and the addresses of all its pages."""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from hosts.advance import advance
from hosts.models import VM, Adjustment, Cluster, Host, HostLoad, Migration, Sample, VMLoad
from hosts.states import HostState, MigrationState, VMState
from tests.browser.full_plans import furnish_plans
from tests.factory import GIB, make_cluster, make_host, make_migration, make_vm

MIB = 2**20
LONG = "a-name-that-somebody-made-by-joining-all-that-he-knew-about-the-machine-" + "x" * 60
ODD_NAMES = (LONG, "データベース１", "قاعدة البيانات", "<b>bold</b>", "emoji-🦜-vm")
XML = "<domain type='kvm'>\n  <name>odd</name>\n  <description>" + "long line " * 60 + "</description>\n</domain>"
DISK = {
    "target": "vda",
    "device": "disk",
    "kind": "file",
    "source": "/var/lib/libvirt/images/" + "deep/" * 30 + "disk.qcow2",
    "format": "qcow2",
    "bus": "virtio",
    "cache": "none",
    "readonly": True,
    "shareable": True,
}
NIC = {"mac": "52:54:00:00:00:01", "kind": "bridge", "source": "br0", "model": "virtio", "target": "vnet0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The rows that pages are about."""

    cluster: Cluster
    host: Host
    silent: Host
    vm: VM
    running: Migration
    done: Migration
    maintenance: dict[str, str]

    def pages(self) -> dict[str, str]:
        """Name -> address of every page there is for somebody who is signed in."""
        pages = {name: reverse(name) for name in ("overview", "datacenters", "clusters", "hosts", "vms", "migrations")}
        pages["cluster"] = reverse("cluster", args=[self.cluster.pk])
        pages["host_add"] = reverse("host_add")
        pages["silent host"] = reverse("host", args=[self.silent.pk])
        pages["migrate all VMs, as a page"] = reverse("host_migrate_all", args=[self.host.pk])
        for tab in ("vms", "migrations", "events"):
            pages[f"host, {tab}"] = reverse("host", args=[self.host.pk]) + f"?tab={tab}"
        for tab in ("disks", "networks", "migrations", "events", "xml"):
            pages[f"VM, {tab}"] = reverse("vm", args=[self.vm.uuid]) + f"?tab={tab}"
        pages["VM that migrates"] = reverse("vm", args=[self.running.vm.uuid])
        pages["migrate, as a page"] = reverse("vm_migrate", args=[self.vm.uuid])
        pages["migration, running"] = reverse("migration", args=[self.running.pk])
        pages["migration, done"] = reverse("migration", args=[self.done.pk])
        pages |= self.maintenance
        pages["nothing found"] = reverse("vms") + "?q=nothing-is-called-so"
        pages["no such page"] = "/no-such-page"
        return pages


def furnish() -> House:
    """Two clusters, hosts and VMs in all states, migrations under way and ended."""
    cluster = make_cluster("blue", datacenter="Main")
    hosts = [_host(state, number, cluster) for number, state in enumerate(HostState)]
    up, second = hosts[1], make_host("second", cluster=cluster)
    make_host(LONG[:200], cluster=make_cluster(LONG[:80], datacenter="A second one"), error="It says: " + "why " * 40)
    for state, name in zip(VMState, itertools.cycle(("plain", *ODD_NAMES)), strict=False):
        _vm(f"{name}-{state}"[:255], up, state=str(state))
    for number in range(30):
        _vm(f"web{number}", second)
    vm = _vm("odd", up, disks=[DISK] * 3, nics=[NIC] * 2, xml=XML, devices=["tpm", "hostdev"], title=LONG[:255])
    running = _running(_vm("mover", up), second)
    done = _ended(_vm("moved", second), up, MigrationState.DONE)
    for state in (MigrationState.FAILED, MigrationState.LOST, MigrationState.CANCELLED, MigrationState.POSTCOPY):
        _ended(_vm(f"was-{state}", second), up, state)
    _curves(vm, up)
    plans = furnish_plans(up, second)
    return House(cluster=cluster, host=up, silent=hosts[2], vm=vm, running=running, done=done, maintenance=plans)


def _host(state: HostState, number: int, cluster: Cluster) -> Host:
    error = "Cannot recv data: Connection reset by peer" if state == HostState.NON_RESPONSIVE else ""
    figures = {"cpu_percent": 18.0 * number, "net_rx_rate": 3e6, "net_tx_rate": 5e8, "networks": ["default"] * 5}
    return make_host(f"h-{state}", cluster=cluster, state=str(state), error=error, bridges=["br0", "br1"], **figures)


def _vm(name: str, host: Host, **fields: Any) -> VM:
    figures: dict[str, Any] = {
        "cpu_percent": 61.5,
        "memory_used_bytes": 3 * GIB,
        "rss_bytes": 4 * GIB,
        "net_rx_rate": 123456.0,
        "net_tx_rate": 9.9e8,
        "disk_read_rate": 0.0,
        "disk_write_rate": 4e5,
        "dirty_rate": 20.0 * MIB,
        "dirty_rate_at": timezone.now(),
    }
    return make_vm(name, host=host, **(figures | fields))


def _running(vm: VM, destination: Host) -> Migration:
    migration = _ended(vm, destination, MigrationState.COPYING)
    turned = {"kind": Adjustment.BANDWIDTH, "value": 30 * MIB, "actor": "ann"}
    Adjustment.objects.create(migration=migration, applied_at=timezone.now(), **turned)
    Adjustment.objects.create(migration=migration, error="QEMU said no", **turned)
    return migration


def _ended(vm: VM, destination: Host, state: MigrationState) -> Migration:
    """A migration that went through ``copying`` to ``state``, with its samples."""
    migration = make_migration(vm, destination=destination, requested_by="ann")
    route = [MigrationState.CHECKING, MigrationState.STARTING, MigrationState.COPYING]
    for each in route if state == MigrationState.COPYING else [*route, state]:
        advance(migration, each, because="A test said so, and gave a reason of some length for it.")
    now = timezone.now()
    fields = {"started_at": now - timedelta(seconds=30), "total_bytes": 4 * GIB, "pause_ms": 123.4}
    if state.is_final:
        fields["ended_at"] = now
    Migration.objects.filter(pk=migration.pk).update(**fields)
    Sample.objects.bulk_create(_sample(migration, now - timedelta(seconds=30 - n / 3), n) for n in range(90))
    migration.refresh_from_db()
    return migration


def _sample(migration: Migration, at: Any, number: int) -> Sample:
    return Sample(
        migration=migration,
        at=at,
        remaining_bytes=(100 - number) * 30 * MIB,
        processed_bytes=number * 40 * MIB,
        total_bytes=4 * GIB,
        throughput=110.0 * MIB,
        dirty_rate=20.0 * MIB if number > 20 else None,
        iteration=1 + number // 20,
    )


def _curves(vm: VM, host: Host) -> None:
    begin = timezone.now() - timedelta(minutes=30)
    for minute in range(30):
        at = begin + timedelta(minutes=minute)
        VMLoad.objects.create(vm=vm, at=at, cpu_percent=2.0 * minute, net_rx_rate=1e6, net_tx_rate=2e6)
        HostLoad.objects.create(host=host, at=at, cpu_percent=3.0 * minute, memory_free_bytes=minute * GIB)
