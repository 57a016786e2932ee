"""Rows for tests: data centers, hosts, VMs, migrations; each call has sane defaults."""

import itertools
import uuid
from typing import Any

from django.utils import timezone

from hosts.livemigration.shipped import BY_HAND
from hosts.livemigration.terms import ship
from hosts.models import VM, Cluster, DataCenter, Host, Migration
from hosts.states import HostState, VMState

GIB = 2**30
_numbers = itertools.count(1)


def make_cluster(name: str = "blue", *, datacenter: str = "Test", policy: str = BY_HAND) -> Cluster:
    """A cluster whose migrations nobody steers, unless a test says so."""
    home, _ = DataCenter.objects.get_or_create(name=datacenter)
    return Cluster.objects.get_or_create(datacenter=home, name=name, defaults={"migration_policy": ship(policy)})[0]


def make_host(name: str = "", *, cluster: Cluster | None = None, **fields: Any) -> Host:
    """An up host with 64 GiB, 48 GiB free, and machine type pc-q35-7.2."""
    name = name or f"h{next(_numbers)}"
    defaults: dict[str, Any] = {
        "uri": f"sim://{name}/",
        "uuid": uuid.uuid4(),
        "state": str(HostState.UP),
        "cpus": 16,
        "memory_bytes": 64 * GIB,
        "memory_free_bytes": 48 * GIB,
        "cpu_percent": 10.0,
        "cpu_arch": "x86_64",
        "machine_types": ["pc-q35-7.2"],
        "virt_types": ["kvm", "qemu"],
        "qemu_version": "7.2.22",
        "libvirt_version": "9.0.0",
        "answered_at": timezone.now(),
    }
    return Host.objects.create(name=name, cluster=cluster or make_cluster(), **(defaults | fields))


def make_vm(name: str = "", *, host: Host | None = None, **fields: Any) -> VM:
    """A running VM of 4 GiB."""
    name = name or f"vm{next(_numbers)}"
    defaults: dict[str, Any] = {
        "uuid": uuid.uuid4(),
        "state": str(VMState.UP),
        "reason": "booted",
        "vcpus": 2,
        "memory_bytes": 4 * GIB,
        "max_memory_bytes": 4 * GIB,
        "machine": "pc-q35-7.2",
        "virt_type": "kvm",
        "arch": "x86_64",
        "up_since": timezone.now(),
    }
    return VM.objects.create(name=name, host=host or make_host(), **(defaults | fields))


def make_migration(vm: VM | None = None, *, destination: Host | None = None, **fields: Any) -> Migration:
    """A queued migration of ``vm`` to ``destination``."""
    vm = vm or make_vm()
    destination = destination or make_host(cluster=vm.host.cluster)
    defaults: dict[str, Any] = {"source": vm.host, "destination": destination, "requested_by": "ann"}
    return Migration.objects.create(vm=vm, **(defaults | fields))
