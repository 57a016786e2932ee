"""The libvirt domain XML of a simulated guest: what ``virsh dumpxml`` would plausibly say. Names are escaped."""

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from hosts.virt.records import Disk, Nic

if TYPE_CHECKING:  # the guest module builds its XML here: a cycle at run time
    from hosts.virt.sim.guest import SimGuest

_SOURCE_ATTRIBUTE = {"file": "file", "block": "dev", "network": "name", "volume": "volume"}


def domain_xml(guest: "SimGuest") -> str:
    """The guest's inactive XML."""
    devices = ["    <emulator>/usr/bin/qemu-system-x86_64</emulator>"]
    devices += [_disk(disk) for disk in guest.disks]
    devices += [_nic(nic) for nic in guest.nics]
    devices.append("    <console type='pty'><target type='serial' port='0'/></console>")
    devices.append("    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>")
    devices.append("    <video><model type='virtio' heads='1' primary='yes'/></video>")
    devices.append("    <memballoon model='virtio'/>")
    return "\n".join(
        [
            f"<domain type={quoteattr(guest.virt_type)}>",
            f"  <name>{escape(guest.name)}</name>",
            f"  <uuid>{escape(guest.uuid)}</uuid>",
            *([f"  <title>{escape(guest.title)}</title>"] if guest.title else []),
            *([f"  <description>{escape(guest.description)}</description>"] if guest.description else []),
            f"  <memory unit='KiB'>{guest.memory_bytes // 1024}</memory>",
            f"  <currentMemory unit='KiB'>{guest.memory_bytes // 1024}</currentMemory>",
            f"  <vcpu placement='static'>{guest.vcpus}</vcpu>",
            f"  <os><type arch='x86_64' machine={quoteattr(guest.machine)}>hvm</type><boot dev='hd'/></os>",
            "  <features><acpi/><apic/></features>",
            *_cpu(guest.cpu_model),
            "  <clock offset='utc'/>",
            "  <on_poweroff>destroy</on_poweroff>",
            "  <on_reboot>restart</on_reboot>",
            "  <on_crash>destroy</on_crash>",
            "  <devices>",
            *devices,
            "  </devices>",
            "</domain>",
            "",
        ]
    )


def _cpu(model: str) -> list[str]:
    if not model:
        return []
    return [f"  <cpu mode='custom' match='exact'><model fallback='forbid'>{escape(model)}</model></cpu>"]


def _disk(disk: Disk) -> str:
    lines = [f"    <disk type={quoteattr(disk.kind)} device={quoteattr(disk.device)}>"]
    if disk.format:
        cache = f" cache={quoteattr(disk.cache)}" if disk.cache else ""
        lines.append(f"      <driver name='qemu' type={quoteattr(disk.format)}{cache}/>")
    if disk.source:
        lines.append(f"      <source {_SOURCE_ATTRIBUTE.get(disk.kind, 'file')}={quoteattr(disk.source)}/>")
    bus = "sata" if disk.device == "cdrom" else "virtio"
    lines.append(f"      <target dev={quoteattr(disk.target)} bus='{bus}'/>")
    lines += ["      <readonly/>"] if disk.readonly else []
    lines += ["      <shareable/>"] if disk.shareable else []
    return "\n".join([*lines, "    </disk>"])


def _nic(nic: Nic) -> str:
    lines = [f"    <interface type={quoteattr(nic.kind)}>"]
    if nic.mac:
        lines.append(f"      <mac address={quoteattr(nic.mac)}/>")
    if nic.source:
        lines.append(f"      <source {nic.kind}={quoteattr(nic.source)}/>")
    if nic.model:
        lines.append(f"      <model type={quoteattr(nic.model)}/>")
    return "\n".join([*lines, "    </interface>"])
