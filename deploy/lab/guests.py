"""Guests: what a test or the demo asks for, the XML it becomes, and the demo's set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from xml.sax.saxutils import quoteattr

from deploy.lab.image import MACHINE, Image
from deploy.lab.machine import run, text_of, write
from deploy.lab.network import HOST_BRIDGE
from deploy.lab.plan import LabPlan, guest_uuid

DISK_MIB = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestSpec:
    """A guest. Memory and working set in MiB, dirty rate in MiB/s, heartbeats every `beat_ms` milliseconds."""

    name: str
    memory_mb: int = 128
    dirty_mb: int = 0
    dirty_rate: float = 0
    pattern: str = "sequential"  # sequential | random | hot
    beat_ms: int = 20
    # Each NIC: "bridge" (virtio on the host's br0), "user" (QEMU's own NAT, an rtl8139).
    nics: tuple[str, ...] = ()
    disk: bool = False
    vnc: bool = False


DEMO = (
    GuestSpec(name="mail", memory_mb=128, nics=("bridge",)),
    GuestSpec(name="web", memory_mb=128, dirty_mb=16, dirty_rate=2, pattern="random", nics=("bridge",)),
    GuestSpec(name="queue", memory_mb=160, dirty_mb=24, dirty_rate=5, nics=("user",)),
    GuestSpec(name="cache", memory_mb=192, dirty_mb=48, dirty_rate=10, pattern="hot", nics=("bridge",)),
    GuestSpec(
        name="database", memory_mb=256, dirty_mb=64, dirty_rate=20, pattern="random", nics=("bridge",), disk=True
    ),
    GuestSpec(name="build", memory_mb=256, dirty_mb=96, dirty_rate=40, nics=("bridge", "user")),
)
DEMO_BEAT_MS = 1000


def demo_set(size: int) -> list[GuestSpec]:
    """The first `size` guests of the demo; beyond its size the set repeats with numbers."""
    chosen = []
    for number in range(size):
        spec, lap = DEMO[number % len(DEMO)], number // len(DEMO)
        fields = asdict(spec) | {"beat_ms": DEMO_BEAT_MS, "disk": spec.disk and not lap}
        fields["name"] = spec.name if not lap else f"{spec.name}-{lap + 1}"
        chosen.append(GuestSpec(**fields))
    return chosen


def beats_file(plan: LabPlan, name: str) -> Path:
    """Where the guest's heartbeats land: one file on all hosts, which each of its QEMUs appends to."""
    return plan.shared / f"{name}.beats"


def disk_file(plan: LabPlan, name: str) -> Path:
    return plan.shared / f"{name}.raw"


def loop_of(plan: LabPlan, name: str) -> str:
    """The loop device of a guest's shared disk; made, with its file, if it isn't there."""
    path = disk_file(plan, name)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as handle:
            handle.truncate(DISK_MIB << 20)
    known = run("losetup", "--associated", path).partition(":")[0]
    return known or run("losetup", "--find", "--show", path).strip()


def drop_disk(path: Path) -> None:
    """Detach a shared disk from its loop device and remove the file."""
    for device, backing in loops():
        if backing == str(path):
            run("losetup", "--detach", device, check=False)
    path.unlink(missing_ok=True)


def detach_all(plan: LabPlan) -> None:
    """Detach every shared disk of the lab, also those whose file somebody has removed."""
    for device, backing in loops():
        if backing.startswith(f"{plan.shared}/"):
            run("losetup", "--detach", device, check=False)


def loops() -> list[tuple[str, str]]:
    """All loop devices of this machine, each with the file behind it."""
    rows = run("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE", check=False).splitlines()
    pairs = [row.split(maxsplit=1) for row in rows]
    return [(pair[0], pair[1].strip()) for pair in pairs if len(pair) == 2]


def save(plan: LabPlan, spec: GuestSpec) -> int:
    """Note a guest of this lab and return its number, the lowest free one or the one it has."""
    numbers = {name: int(text_of(plan.specs / f"{name}.number")) for name in load_all(plan)}
    number = numbers.get(spec.name)
    if number is None:
        number = next(free for free in count() if free not in numbers.values())
    write(plan.specs / f"{spec.name}.number", str(number))
    write(plan.specs / f"{spec.name}.json", json.dumps(asdict(spec)))
    return number


def forget(plan: LabPlan, name: str) -> None:
    """Remove what the lab keeps of a guest."""
    drop_disk(disk_file(plan, name))
    for path in (beats_file(plan, name), *(plan.specs / f"{name}.{kind}" for kind in ("json", "number", "xml"))):
        path.unlink(missing_ok=True)


def load_all(plan: LabPlan) -> dict[str, GuestSpec]:
    """All guests asked for in this lab and not removed since, by name."""
    found = {}
    for path in sorted(plan.specs.glob("*.json")):
        if text := text_of(path):
            fields = json.loads(text)
            found[fields["name"]] = GuestSpec(**fields | {"nics": tuple(fields["nics"])})
    return found


def domain_xml(plan: LabPlan, spec: GuestSpec, image: Image, *, number: int) -> str:
    """The domain of a guest; `number` makes its MAC and its address, 10.78.N.<100 + number>."""
    rows = [
        f"<domain type='{image.accelerator}'>",
        f"<name>{spec.name}</name><uuid>{guest_uuid(plan.name, spec.name)}</uuid>",
        f"<memory unit='MiB'>{spec.memory_mb}</memory><vcpu>1</vcpu>",
        f"<os><type arch='x86_64' machine='{MACHINE}'>hvm</type>",
        f"<kernel>{image.kernel}</kernel><initrd>{image.initrd}</initrd>",
        f"<cmdline>{' '.join(_arguments(plan, spec, number))}</cmdline></os>",
        "<features><acpi/></features><cpu mode='custom' match='exact'><model>qemu64</model></cpu>",
        # The guest's own power-off ends it; a reboot is libvirt's: it waits for the power-off and starts it anew.
        "<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>",
        "<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>",
        *_devices(plan, spec, number),
        "</devices></domain>",
    ]
    return "\n".join(rows)


def _arguments(plan: LabPlan, spec: GuestSpec, number: int) -> Iterator[str]:
    yield from ("console=ttyS0", "quiet", "panic=1", f"guest={spec.name}")
    # An emulated guest boots a quarter faster without these.
    yield from ("mitigations=off", "no_timer_check", "nokaslr", "cryptomgr.notests", "audit=0")
    yield from (f"dirty_mb={spec.dirty_mb}", f"dirty_rate={spec.dirty_rate:g}", f"dirty_pattern={spec.pattern}")
    yield f"beat_ms={spec.beat_ms}"
    if spec.nics[:1] == ("bridge",):
        yield f"address={plan.subnet.removesuffix('0/24')}{guest_octet(number)}/24"
        yield f"ping={plan.address}"
    if spec.disk:
        yield "disk_kib=64"


def guest_octet(number: int) -> int:
    """The last octet of a guest's address: 100 to 249, hosts and the machine keep clear of it."""
    return 100 + number % 150


def _devices(plan: LabPlan, spec: GuestSpec, number: int) -> Iterator[str]:
    yield "<controller type='usb' model='none'/>"
    yield "<serial type='pty'><target port='0'/></serial>"
    # append: source and destination of a migration write the same file; without it the newcomer would empty it.
    path = quoteattr(str(beats_file(plan, spec.name)))
    yield f"<serial type='file'><source path={path} append='on'/><target port='1'/></serial>"
    yield "<memballoon model='virtio'><stats period='10'/></memballoon>"
    if spec.disk:
        # A block device, for libvirt refuses to migrate a file on a local file system (code 81); the lab's hosts
        # share one kernel, hence its loop devices. cache=none: a host page cache is refused alike.
        yield "<disk type='block' device='disk'><driver name='qemu' type='raw' cache='none'/>"
        yield f"<source dev={quoteattr(loop_of(plan, spec.name))}/><target dev='vda' bus='virtio'/></disk>"
    for slot, kind in enumerate(spec.nics):
        yield _nic(kind, mac=f"52:54:00:{number >> 8 & 255:02x}:{number & 255:02x}:{slot:02x}")
    if spec.vnc:
        yield "<graphics type='vnc' autoport='yes'><listen type='address' address='0.0.0.0'/></graphics>"
        yield "<video><model type='vga'/></video>"


def _nic(kind: str, *, mac: str) -> str:
    if kind == "bridge":
        return (
            f"<interface type='bridge'><mac address='{mac}'/><source bridge='{HOST_BRIDGE}'/>"
            "<model type='virtio'/></interface>"
        )
    return f"<interface type='user'><mac address='{mac}'/><model type='rtl8139'/></interface>"
