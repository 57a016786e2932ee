"""What a host's CPU and memory can do, beyond their names: flags, models for guests, pools of huge pages.

Asked once a connection. A daemon that cannot say leaves it unknown, which refuses nothing.
"""

import logging
from xml.etree.ElementTree import Element

import libvirt
from defusedxml import ElementTree as DefusedTree

from hosts.virt.libvirt.xml import MOST_DEVICES, clean, in_bytes, read_xml
from hosts.virt.records import HugePages

log = logging.getLogger(__name__)

_MOST_MODELS = 1000


def cpu_features(conn: libvirt.virConnect, capabilities: Element) -> frozenset[str]:
    """Every flag of the host's CPU. Its capabilities name a model and what it has beyond: libvirt itself expands it."""
    cpu = capabilities.find("host/cpu")
    if cpu is None or cpu.find("model") is None:
        return frozenset()
    try:
        text = str(DefusedTree.tostring(cpu, encoding="unicode"))
        expanded = read_xml(conn.baselineCPU([text], libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES))
    except libvirt.libvirtError as exc:
        log.debug("The host does not expand its CPU: %s", exc)
        return frozenset()
    if expanded is None:
        return frozenset()
    return frozenset(clean(each.get("name"), longest=60) for each in expanded.findall("feature")[:MOST_DEVICES])


def cpu_models(conn: libvirt.virConnect, capabilities: Element) -> frozenset[str]:
    """Named CPU models that a KVM guest can have there; empty where there is no KVM (emulated CPUs run anywhere)."""
    arch = capabilities.findtext("host/cpu/arch")
    kinds = {each.get("type") for each in capabilities.findall("guest/arch/domain")}
    if "kvm" not in kinds or not arch:
        return frozenset()
    try:
        root = read_xml(conn.getDomainCapabilities(None, arch, None, "kvm"))
    except libvirt.libvirtError as exc:
        log.debug("The host does not tell its guests' CPU models: %s", exc)
        return frozenset()
    if root is None:
        return frozenset()
    models = root.findall("cpu/mode[@name='custom']/model")[:_MOST_MODELS]
    return frozenset(clean(each.text, longest=100) for each in models if each.get("usable") == "yes")


def huge_pages(capabilities: Element) -> tuple[HugePages, ...] | None:
    """Pools over all NUMA cells, ordinary pages left out; None where the daemon lists no pages at all."""
    cells = capabilities.findall("host/topology/cells/cell/pages")
    if not cells:
        return None
    pools: dict[int, int] = {}
    for each in cells[:MOST_DEVICES]:
        size = in_bytes(each.get("size"), each.get("unit"))
        digits = (each.text or "").strip()
        if digits.isascii() and digits.isdigit() and len(digits) < 16:
            pools[size] = pools.get(size, 0) + int(digits)
    ordinary = min(pools, default=0)
    return tuple(HugePages(page_bytes=size, pages=pools[size]) for size in sorted(pools) if size != ordinary)
