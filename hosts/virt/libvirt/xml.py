"""Hostile XML -> what we show of it. A guest's XML is written by others: it may hold anything, and nothing in it may
stop a list from being shown.

No DTD, no entities (defusedxml), a limit on size. What cannot be read gives an empty shape and one warning in the
log; what is odd (no disks, no machine, a network card in user mode, a device nobody knows) is taken as it is.
"""

import logging
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree as DefusedTree
from defusedxml.common import DefusedXmlException

from hosts.virt.records import Disk, Nic

log = logging.getLogger(__name__)

#: libvirt's own protocol carries no longer string.
LONGEST_XML_CHARS = 4 * 1024 * 1024
#: A name is shown, stored and indexed; libvirt sets no limit of its own for titles and descriptions.
LONGEST_TEXT_CHARS = 4096
#: More of one kind than this in one guest is an attack, not a guest.
MOST_DEVICES = 512

_UNITS = {"b": 1, "bytes": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BINARY = {"k": 1, "kib": 1, "m": 2, "mib": 2, "g": 3, "gib": 3, "t": 4, "tib": 4, "p": 5, "pib": 5}
#: A size that fits PostgreSQL's bigint; larger ones are lies.
_LARGEST = 2**63 - 1

#: Every guest has these, so they are not worth a word; disks and NICs have records of their own.
_COMMON = frozenset(
    [
        "emulator",
        "disk",
        "interface",
        "controller",
        "input",
        "serial",
        "console",
        "channel",
        "graphics",
        "video",
        "audio",
        "sound",
        "memballoon",
        "rng",
        "panic",
        "watchdog",
        "hub",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainShape:
    """What a domain's XML says; every field has a value even if the XML says nothing."""

    virt_type: str = ""
    title: str = ""
    description: str = ""
    vcpus: int = 0
    memory_bytes: int = 0
    max_memory_bytes: int = 0
    machine: str = ""
    arch: str = ""
    emulator: str = ""
    cpu_mode: str = ""
    cpu_model: str = ""
    cpu_xml: str = ""  # the <cpu> element as text, "" where there is none
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    devices: tuple[str, ...] = ()
    cpu_features: tuple[str, ...] = ()
    huge_page_bytes: int | None = None
    pinned_cpus: bool = False
    nvram: bool = False
    memory_limit_bytes: int | None = None


def read_xml(text: str) -> Element | None:
    """The root element, or None where the XML is too long, malformed, or brings a DTD or entities."""
    if len(text) > LONGEST_XML_CHARS:
        log.warning("XML of %d characters was not read.", len(text), extra={"action": "xml_too_long"})
        return None
    try:
        root: Element = DefusedTree.fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as exc:
        log.warning("XML could not be read: %s.", exc, extra={"action": "xml_unreadable"})
        return None
    return root


def clean(text: str | None, *, longest: int = LONGEST_TEXT_CHARS) -> str:
    """Text that PostgreSQL and UTF-8 take: without NUL and lone surrogates, trimmed, cut at ``longest`` characters."""
    if not text:
        return ""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8").strip()[:longest]


def read_domain(text: str) -> DomainShape:
    """The shape of a domain. Never raises."""
    root = read_xml(text)
    if root is None or root.tag != "domain":
        return DomainShape()
    memory = size_bytes(root.find("memory"))
    kind = root.find("os/type")
    cpu = root.find("cpu")
    return DomainShape(
        virt_type=clean(root.get("type")),
        title=clean(root.findtext("title")),
        description=clean(root.findtext("description")),
        vcpus=_vcpus(root.find("vcpu")),
        memory_bytes=size_bytes(root.find("currentMemory")) or memory,
        max_memory_bytes=memory,
        machine=clean(kind.get("machine")) if kind is not None else "",
        arch=clean(kind.get("arch")) if kind is not None else "",
        emulator=clean(root.findtext("devices/emulator")),
        cpu_mode=_cpu_mode(cpu),
        cpu_model=clean(cpu.findtext("model")) if cpu is not None else "",
        cpu_xml=_text_of(cpu),
        disks=tuple(_disk(disk) for disk in root.findall("devices/disk")[:MOST_DEVICES]),
        nics=tuple(_nic(nic) for nic in root.findall("devices/interface")[:MOST_DEVICES]),
        devices=_others(root.find("devices")),
        cpu_features=_required(cpu),
        huge_page_bytes=_huge_pages(root.find("memoryBacking/hugepages")),
        pinned_cpus=_is_pinned(root),
        nvram=root.find("os/nvram") is not None,
        memory_limit_bytes=size_bytes(root.find("memtune/hard_limit")) or None,
    )


def _required(cpu: Element | None) -> tuple[str, ...]:
    """Flags the guest cannot do without, beside those of its model."""
    if cpu is None:
        return ()
    asked = [each for each in cpu.findall("feature")[:MOST_DEVICES] if each.get("policy", "require") == "require"]
    return tuple(sorted({name for each in asked if (name := clean(each.get("name"), longest=60))}))


def _huge_pages(element: Element | None) -> int | None:
    """<hugepages/> -> 0; <hugepages><page size='2048' unit='KiB'/></hugepages> -> 2097152; none -> None."""
    if element is None:
        return None
    page = element.find("page")
    return 0 if page is None else in_bytes(page.get("size"), page.get("unit"))


def _is_pinned(root: Element) -> bool:
    vcpu = root.find("vcpu")
    return (vcpu is not None and bool(vcpu.get("cpuset"))) or any(
        root.find(path) is not None for path in ("cputune/vcpupin", "cputune/emulatorpin", "numatune/memory")
    )


def size_bytes(element: Element | None) -> int:
    """``<memory unit='KiB'>524288</memory>`` -> 536870912; KiB where no unit is given; 0 where it cannot be read."""
    if element is None:
        return 0
    return in_bytes(element.text, element.get("unit"))


def in_bytes(number: str | None, unit: str | None) -> int:
    """("2048", "KiB") -> 2097152; KiB where no unit is given; 0 where it cannot be read."""
    unit = (unit or "KiB").strip().lower()
    factor = _UNITS.get(unit) or (1024 ** _BINARY[unit] if unit in _BINARY else 0)
    return min(_number(number) * factor, _LARGEST)


def _number(text: str | None) -> int:
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else 0


def _vcpus(element: Element | None) -> int:
    if element is None:
        return 0
    return min(_number(element.get("current")) or _number(element.text), 2**31 - 1)


def _cpu_mode(cpu: Element | None) -> str:
    if cpu is None:
        return ""
    # without the attribute a named model means "custom"
    return clean(cpu.get("mode")) or ("custom" if cpu.find("model") is not None else "")


def _text_of(element: Element | None) -> str:
    if element is None:
        return ""
    try:
        return str(DefusedTree.tostring(element, encoding="unicode"))
    except RecursionError:  # nested thousands deep: no CPU, an attack
        return ""


def _first(element: Element | None, *names: str) -> str:
    """The first of the attributes that is there."""
    if element is None:
        return ""
    return next((clean(element.get(name)) for name in names if element.get(name)), "")


def _disk(disk: Element) -> Disk:
    source = disk.find("source")
    where = _first(source, "file", "dev", "dir", "name", "volume")
    pool = _first(source, "pool")
    return Disk(
        target=_first(disk.find("target"), "dev"),
        kind=clean(disk.get("type")) or "file",
        device=clean(disk.get("device")) or "disk",
        source=f"{pool}/{where}" if pool else where,
        format=_first(disk.find("driver"), "type"),
        cache=_first(disk.find("driver"), "cache"),
        readonly=disk.find("readonly") is not None,
        shareable=disk.find("shareable") is not None,
    )


def _nic(nic: Element) -> Nic:
    return Nic(
        kind=clean(nic.get("type")),
        source=_first(nic.find("source"), "network", "bridge", "dev", "path", "name", "address"),
        mac=_first(nic.find("mac"), "address"),
        model=_first(nic.find("model"), "type"),
        target=_first(nic.find("target"), "dev"),
    )


def _others(devices: Element | None) -> tuple[str, ...]:
    """Devices worth a word, as "hostdev pci 0000:01:00.0", "tpm tpm-crb", "shmem ivshmem"."""
    if devices is None:
        return ()
    said = [_say(device) for device in list(devices)[:MOST_DEVICES] if device.tag not in _COMMON]
    return tuple(dict.fromkeys(said))  # each once, in their order


def _say(device: Element) -> str:
    words = [clean(device.tag), _first(device, "type", "model") or _first(device.find("model"), "type", "name")]
    address = device.find("source/address")
    if address is not None and address.get("bus"):
        words.append(_pci(address))
    return " ".join(word for word in words if word)


def _pci(address: Element) -> str:
    """<address domain='0x0000' bus='0x01' slot='0x00' function='0x0'/> -> "0000:01:00.0"."""
    parts = [_first(address, name).removeprefix("0x") for name in ("domain", "bus", "slot", "function")]
    return f"{parts[0] or '0000'}:{parts[1]}:{parts[2]}.{parts[3]}"
