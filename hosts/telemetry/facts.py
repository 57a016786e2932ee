"""Records from the boundary as columns of our rows: cleaned, bounded, and compared before anything is written."""

from dataclasses import asdict
from typing import Any

from hosts.models import VM, Host
from hosts.telemetry import clean
from hosts.virt.records import DomainFacts, HostFacts


def host_columns(facts: HostFacts) -> dict[str, Any]:
    """What a host is, as columns of Host; its UUID is not among them."""
    return {
        "hostname": clean.line(facts.hostname, 253),
        "libvirt_version": clean.line(facts.libvirt_version, 20),
        "qemu_version": clean.line(facts.qemu_version, 20),
        "cpu_model": clean.line(facts.cpu_model, 100),
        "cpu_arch": clean.line(facts.cpu_arch, 20),
        "cpus": clean.count(facts.cpus),
        "memory_bytes": clean.size(facts.memory_bytes),
        "machine_types": clean.lines(facts.machine_types, 60),
        "virt_types": clean.lines(facts.virt_types, 20),
        "networks": clean.lines(facts.networks, 100),
        "bridges": clean.lines(facts.bridges, 100),
        "manufacturer": clean.line(facts.manufacturer, 100),
        "product": clean.line(facts.product, 100),
        "cpu_features": clean.lines(facts.cpu_features, 60, most=2000),
        "cpu_models": clean.lines(facts.cpu_models, 100, most=2000),
        "huge_pages": _pools(facts),
    }


def _pools(facts: HostFacts) -> dict[str, int] | None:
    if facts.huge_pages is None:
        return None
    pools = facts.huge_pages[: clean.MOST_ITEMS]
    return {str(clean.size(each.page_bytes)): clean.size(each.pages) or 0 for each in pools}


def vm_columns(facts: DomainFacts) -> dict[str, Any]:
    """What a domain is, as columns of VM; neither its host nor its state is among them."""
    return {
        "name": clean.line(facts.name, 255) or facts.uuid,
        "persistent": facts.persistent,
        "autostart": facts.autostart,
        "vcpus": clean.count(facts.vcpus) or 1,
        "memory_bytes": clean.size(facts.memory_bytes) or 0,
        "max_memory_bytes": clean.size(facts.max_memory_bytes) or 0,
        "virt_type": clean.line(facts.virt_type, 20),
        "machine": clean.line(facts.machine, 60),
        "arch": clean.line(facts.arch, 20),
        "cpu_mode": clean.line(facts.cpu_mode, 30),
        "cpu_model": clean.line(facts.cpu_model, 100),
        "title": clean.line(facts.title, 255),
        "description": clean.text(facts.description, 10_000),
        "disks": clean.record([asdict(disk) for disk in facts.disks]),
        "nics": clean.record([asdict(nic) for nic in facts.nics]),
        "devices": clean.record(list(facts.devices)),
        "cpu_features": clean.lines(facts.cpu_features, 60),
        "huge_page_bytes": clean.size(facts.huge_page_bytes),
        "pinned_cpus": facts.pinned_cpus,
        "snapshots": clean.count(facts.snapshots) or 0,
        "managed_save": facts.managed_save,
        "memory_limit_bytes": clean.size(facts.memory_limit_bytes),
        "xml": clean.text(facts.xml, clean.MOST_XML),
    }


def differing(row: Host | VM, columns: dict[str, Any]) -> dict[str, Any]:
    """Those columns whose value is not the row's."""
    return {name: value for name, value in columns.items() if getattr(row, name) != value}
