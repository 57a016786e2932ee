"""Odd guests are shown, not stumbled over."""

from hosts.virt.libvirt.xml import read_domain
from hosts.virt.records import Disk, Nic


def test_it_reads_a_common_guest() -> None:
    shape = read_domain(
        """<domain type='kvm' id='3'><name>web</name><title>Web shop</title>
        <memory unit='KiB'>1048576</memory><currentMemory unit='KiB'>524288</currentMemory>
        <vcpu placement='static' current='2'>4</vcpu>
        <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
        <cpu mode='custom' match='exact'><model fallback='forbid'>Skylake-Server</model></cpu>
        <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
        <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='/x/web.qcow2'/>
          <target dev='vda' bus='virtio'/><shareable/></disk>
        <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
        <disk type='volume' device='disk'><source pool='ssd' volume='data'/><target dev='vdb'/></disk>
        <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><target dev='vnet7'/>
          <model type='virtio'/></interface>
        </devices></domain>"""
    )
    assert (shape.virt_type, shape.machine, shape.arch) == ("kvm", "pc-q35-7.2", "x86_64")
    assert (shape.memory_bytes, shape.max_memory_bytes, shape.vcpus) == (512 << 20, 1 << 30, 2)
    assert (shape.cpu_mode, shape.cpu_model) == ("custom", "Skylake-Server")
    assert "Skylake-Server" in shape.cpu_xml
    assert shape.title == "Web shop"
    assert shape.disks == (
        Disk(target="vda", kind="file", source="/x/web.qcow2", format="qcow2", cache="none", shareable=True),
        Disk(target="sda", kind="file", device="cdrom", readonly=True),
        Disk(target="vdb", kind="volume", source="ssd/data"),
    )
    assert shape.nics == (Nic(kind="bridge", source="br0", mac="52:54:00:00:00:01", model="virtio", target="vnet7"),)


def test_it_reads_a_guest_with_a_network_card_in_user_mode() -> None:
    shape = read_domain("<domain><devices><interface type='user'><mac address='x'/></interface></devices></domain>")
    assert shape.nics == (Nic(kind="user", mac="x"),)


def test_it_reads_a_guest_of_nothing() -> None:
    shape = read_domain("<domain type='qemu'/>")
    assert (shape.virt_type, shape.machine, shape.disks, shape.nics, shape.vcpus) == ("qemu", "", (), (), 0)


def test_it_names_devices_that_decide_where_a_guest_can_go() -> None:
    shape = read_domain(
        """<domain><devices>
        <hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x01' slot='0x00' function='0x1'/>
        </source></hostdev>
        <tpm model='tpm-crb'/><shmem name='s'><model type='ivshmem-plain'/></shmem><filesystem type='mount'/>
        <flux-capacitor/><memballoon model='virtio'/><controller type='usb'/></devices></domain>"""
    )
    assert shape.devices == (
        "hostdev pci 0000:01:00.1",
        "tpm tpm-crb",
        "shmem ivshmem-plain",
        "filesystem mount",
        "flux-capacitor",
    )


def test_a_named_cpu_model_without_a_mode_is_custom() -> None:
    assert read_domain("<domain><cpu><model>Haswell</model></cpu></domain>").cpu_mode == "custom"
    assert read_domain("<domain><cpu mode='host-passthrough'/></domain>").cpu_mode == "host-passthrough"
    assert read_domain("<domain/>").cpu_mode == ""
