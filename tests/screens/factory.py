"""A realistic inventory for tests and for looking at pages: ``fill()`` from ``manage.py shell``."""

import math
import random
import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from hosts.models import VM, Cluster, DataCenter, Host, HostLoad, Migration, Transition, VMLoad
from hosts.states import HostState, MigrationState, VMState

GIB = 2**30
MIB = 2**20
HOSTILE = (
    "<script>alert(1)</script>",
    "‮right to left‬ שלום",
    "ж" * 200,
    "🦆 bar-tailed 🪿",
    "\"'><img src=x onerror=alert(1)>",
    "{{ 7|add:7 }}{% now %}",
)
SIZES_GIB = (1, 2, 2, 4, 4, 4, 8, 8, 16, 32)
ROLES = ("web", "db", "cache", "queue", "build", "mail", "dns", "proxy", "batch", "monitor", "git", "ldap")


def cluster(name: str = "c1", place: str = "Lab") -> Cluster:
    datacenter, _ = DataCenter.objects.get_or_create(name=place)
    return Cluster.objects.get_or_create(datacenter=datacenter, name=name)[0]


def host(name: str = "h1", *, in_cluster: Cluster | None = None, **fields: Any) -> Host:
    now = timezone.now()
    given: dict[str, Any] = {
        "name": name,
        "cluster": in_cluster or cluster(),
        "uri": f"sim://{uuid.uuid4().hex[:12]}",
        "uuid": uuid.uuid4(),
        "state": HostState.UP.value,
        "answered_at": now,
        "hostname": f"{name}.example.com"[:253],
        "libvirt_version": "9.0.0",
        "qemu_version": "7.2.22",
        "cpu_model": "EPYC-Milan",
        "cpu_arch": "x86_64",
        "cpus": 64,
        "memory_bytes": 256 * GIB,
        "machine_types": ["pc-q35-7.2", "q35"],
        "virt_types": ["kvm", "qemu"],
        "networks": ["default", "migration"],
        "bridges": ["br0"],
        "manufacturer": "Simulated",
        "product": "Rack unit",
        "cpu_percent": 31.4,
        "memory_free_bytes": 96 * GIB,
        "net_rx_rate": 12.0 * MIB,
        "net_tx_rate": 3.5 * MIB,
        "figures_at": now,
    }
    return Host.objects.create(**{**given, **fields})


def vm(name: str = "web1", *, on: Host | None = None, save: bool = True, **fields: Any) -> VM:
    now = timezone.now()
    given: dict[str, Any] = {
        "uuid": uuid.uuid4(),
        "name": name,
        "host": on or host(),
        "state": VMState.UP.value,
        "reason": "booted",
        "up_since": now - timedelta(hours=30),
        "up_since_exact": True,
        "vcpus": 4,
        "memory_bytes": 4 * GIB,
        "max_memory_bytes": 4 * GIB,
        "virt_type": "kvm",
        "machine": "pc-q35-7.2",
        "arch": "x86_64",
        "cpu_mode": "custom",
        "cpu_model": "EPYC-Milan",
        "disks": [
            {"target": "vda", "kind": "file", "device": "disk", "source": "/var/lib/images/a.qcow2", "format": "qcow2"}
        ],
        "nics": [
            {"kind": "network", "source": "default", "mac": "52:54:00:12:34:56", "model": "virtio", "target": "vnet3"}
        ],
        "devices": ["tpm"],
        "xml": f"<domain type='kvm'>\n  <name>{name.replace('<', '&lt;')}</name>\n</domain>\n",
        "cpu_percent": 12.3,
        "memory_used_bytes": 2 * GIB,
        "rss_bytes": 3 * GIB,
        "net_rx_rate": 1.5 * MIB,
        "net_tx_rate": 0.2 * MIB,
        "disk_read_rate": 3.0 * MIB,
        "disk_write_rate": 0.5 * MIB,
        "figures_at": now,
    }
    row = VM(**{**given, **fields})
    if save:
        row.save()
    return row


def migration(of: VM, to: Host | None, **fields: Any) -> Migration:
    given = {"vm": of, "source": of.host, "destination": to, "requested_by": "ada"}
    return Migration.objects.create(**{**given, **fields})


def _hosts(dice: random.Random) -> list[Host]:
    made = []
    for place, names in (("Simulated", ("amber", "basalt", "cobalt")), ("Lab", ("lab",))):
        for name in names:
            many = 3 if name == "lab" else 13 + (name == "amber")
            made += [_host(dice, cluster(name, place), f"{name}-{n:02}") for n in range(1, many + 1)]
    odd = {4: HostState.MAINTENANCE, 9: HostState.NON_RESPONSIVE, 15: HostState.CONNECTING, 20: HostState.PREPARING}
    for index, state in odd.items():
        made[index].state = state.value
        if state is HostState.NON_RESPONSIVE:
            made[index].error = "No answer within 15 s: the connection was made, then the daemon said nothing."
            made[index].answered_at = timezone.now() - timedelta(minutes=4)
        made[index].save()
    return made


def _host(dice: random.Random, place: Cluster, name: str) -> Host:
    size = dice.choice((128, 256, 256, 512)) * GIB
    return host(
        name,
        in_cluster=place,
        memory_bytes=size,
        cpu_percent=min(99.0, dice.betavariate(2, 3) * 100),
        memory_free_bytes=int(size * dice.uniform(0.08, 0.7)),
        net_rx_rate=dice.expovariate(1 / 20) * MIB,
        net_tx_rate=dice.expovariate(1 / 12) * MIB,
    )


def _vm(dice: random.Random, on: Host, name: str) -> VM:
    state = dice.choices(
        (VMState.UP, VMState.DOWN, VMState.PAUSED, VMState.CRASHED, VMState.POWERING_DOWN), (88, 9, 1.4, 0.6, 1)
    )[0]
    if on.state == HostState.NON_RESPONSIVE:
        state = VMState.UNKNOWN
    memory = dice.choice(SIZES_GIB) * GIB
    runs = state not in (VMState.DOWN, VMState.CRASHED)
    figures = {
        "cpu_percent": min(100.0, dice.expovariate(1 / 14)),
        "memory_used_bytes": int(memory * dice.uniform(0.2, 0.95)),
        "net_rx_rate": dice.expovariate(1 / 2) * MIB,
        "net_tx_rate": dice.expovariate(1.0) * MIB,
        "disk_read_rate": dice.expovariate(1 / 3) * MIB,
        "disk_write_rate": dice.expovariate(1.0) * MIB,
    }
    return vm(
        name,
        on=on,
        save=False,
        state=state.value,
        memory_bytes=memory,
        max_memory_bytes=memory,
        vcpus=dice.choice((1, 2, 2, 4, 8)),
        up_since=timezone.now() - timedelta(seconds=dice.expovariate(1 / 500_000)) if runs else None,
        up_since_exact=dice.random() < 0.6,
        **(figures if runs else dict.fromkeys(figures)),
    )


def fill(*, vms: int = 600, seed: int = 7) -> None:
    """40 hosts and more, ``vms`` VMs, some under way, an hour of figures for a few."""
    dice = random.Random(seed)
    hosts = _hosts(dice)
    names = [f"{dice.choice(ROLES)}-{n:03}" for n in range(1, vms + 1 - len(HOSTILE))] + list(HOSTILE)
    made = VM.objects.bulk_create([_vm(dice, dice.choice(hosts), name) for name in names])
    up = [each for each in made if each.state == VMState.UP.value and each.host.state == HostState.UP.value]
    _migrations(dice, up, [each for each in hosts if each.state == HostState.UP.value])
    _hour(up[0], hosts[0])
    _changes(hosts, made)


def _migrations(dice: random.Random, vms: list[VM], hosts: list[Host]) -> None:
    now = timezone.now()
    states = (MigrationState.COPYING, MigrationState.QUEUED, MigrationState.POSTCOPY, *[MigrationState.DONE] * 30)
    states += (MigrationState.FAILED, MigrationState.CANCELLED)
    for row, state in zip(dice.sample(vms, len(states)), states, strict=True):
        to = dice.choice([each for each in hosts if each.pk != row.host_id])
        began = now - timedelta(seconds=dice.expovariate(1 / 9000))
        final = state.is_final
        migration(
            row,
            to,
            state=state.value,
            requested_at=began if final else now - timedelta(seconds=9),
            started_at=began + timedelta(seconds=1) if final else now - timedelta(seconds=7),
            ended_at=began + timedelta(seconds=dice.uniform(5, 90)) if final else None,
            pause_ms=dice.uniform(20, 300) if state is MigrationState.DONE else None,
            total_bytes=row.memory_bytes,
        )


def _hour(row: VM, on: Host) -> None:
    now = timezone.now()
    for beat in range(360):
        at = now - timedelta(seconds=10 * (360 - beat))
        wave = 1 + math.sin(beat / 30)
        VMLoad.objects.create(
            vm=row,
            at=at,
            cpu_percent=15 * wave + random.random() * 6,
            memory_used_bytes=int(row.memory_bytes * (0.4 + 0.1 * wave)),
            net_rx_rate=wave * 2 * MIB,
            net_tx_rate=wave * MIB,
            disk_read_rate=random.expovariate(1) * MIB,
            disk_write_rate=wave * MIB / 2,
        )
        HostLoad.objects.create(
            host=on, at=at, cpu_percent=20 + 20 * wave, memory_free_bytes=int(on.memory_bytes / (2 + wave))
        )


def _changes(hosts: list[Host], vms: list[VM]) -> None:
    lost = next(each for each in hosts if each.state == HostState.NON_RESPONSIVE)
    Transition.objects.create(
        noun="host",
        row=lost.pk,
        name=lost.name,
        old="up",
        new="non_responsive",
        because="No answer within 15 s.",
        actor="Godwit",
    )
    for each in vms[:6]:
        Transition.objects.create(
            noun="vm",
            row=each.pk,
            name=each.name,
            old="up",
            new="paused",
            because="Paused by somebody outside Godwit.",
            actor="outside Godwit",
        )
        Transition.objects.create(
            noun="vm",
            row=each.pk,
            name=each.name,
            field="host",
            old="amber-01",
            new="amber-02",
            because="Migrated.",
            actor="ada",
        )
