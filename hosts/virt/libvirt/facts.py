"""What a host and its domains are: capabilities, XML and plain calls -> records, by name.

Functions here take libvirt's own objects and run on a worker thread, under the driver's deadline.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from xml.etree.ElementTree import Element

import libvirt

from hosts.virt.errors import NoSuchDomain
from hosts.virt.libvirt import capabilities, words
from hosts.virt.libvirt.xml import clean, read_domain, read_xml
from hosts.virt.records import DomainFacts, DomainStatus, HostFacts, HugePages

log = logging.getLogger(__name__)

T = TypeVar("T")

_KIB = 1024
_MIB = 1024 * 1024
#: Calls that a driver may lack altogether; what they would tell stays unknown.
_LACKING = (
    libvirt.VIR_ERR_NO_SUPPORT,
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
    libvirt.VIR_ERR_NO_CONNECT,  # the daemon that would serve it (virtnetworkd, virtinterfaced) does not run
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostShape:
    """What a host's capabilities say, and what its neighbours (networks, interfaces) say. None: it cannot tell."""

    uuid: str = ""
    arch: str = ""
    cpu_model: str = ""
    machines: dict[str, frozenset[str]]  # guest architecture -> machine types, canonical and alias
    virt_types: frozenset[str] = frozenset()
    networks: tuple[str, ...] | None = None
    bridges: tuple[str, ...] | None = None
    cpu_features: frozenset[str] = frozenset()
    cpu_models: frozenset[str] = frozenset()
    huge_pages: tuple[HugePages, ...] | None = None


def unless_lacking(call: Callable[[], T], otherwise: T) -> T:
    """The call's value, or ``otherwise`` where this daemon does not know the call."""
    try:
        return call()
    except libvirt.libvirtError as exc:
        if exc.get_error_code() in _LACKING:
            return otherwise
        raise


def host_shape(conn: libvirt.virConnect) -> HostShape:
    """Ask the host once what it is made of."""
    root = read_xml(conn.getCapabilities())
    if root is None:
        return HostShape(machines={})
    networks, bridges = _networks(conn)
    return HostShape(
        uuid=clean(root.findtext("host/uuid")).lower(),
        arch=clean(root.findtext("host/cpu/arch")),
        cpu_model=clean(root.findtext("host/cpu/model")),
        machines=_machines(root),
        virt_types=frozenset(clean(kind.get("type")) for kind in root.findall("guest/arch/domain") if kind.get("type")),
        networks=networks,
        bridges=bridges,
        cpu_features=capabilities.cpu_features(conn, root),
        cpu_models=capabilities.cpu_models(conn, root),
        huge_pages=capabilities.huge_pages(root),
    )


def _machines(root: Element) -> dict[str, frozenset[str]]:
    """<machine canonical='pc-q35-7.2'>q35</machine> gives both names; a <domain> may list more of its own."""
    found: dict[str, set[str]] = {}
    for arch in root.findall("guest/arch"):
        names = found.setdefault(clean(arch.get("name")), set())
        for machine in arch.iter("machine"):
            names.update(name for name in (clean(machine.text), clean(machine.get("canonical"))) if name)
    return {arch: frozenset(names) for arch, names in found.items()}


def _networks(conn: libvirt.virConnect) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Active libvirt networks, and host bridges: those of the networks and those the interface driver lists."""
    networks = unless_lacking(lambda: conn.listAllNetworks(libvirt.VIR_CONNECT_LIST_NETWORKS_ACTIVE), None)
    interfaces = unless_lacking(lambda: conn.listAllInterfaces(libvirt.VIR_CONNECT_LIST_INTERFACES_ACTIVE), None)
    names = None if networks is None else tuple(sorted(clean(network.name()) for network in networks))
    if interfaces is None:
        return names, None  # without the interface driver nobody can say which bridges there are not
    bridges = {clean(interface.name()) for interface in interfaces if _is_bridge(interface)}
    bridges.update(bridge for bridge in map(_bridge_of, networks or ()) if bridge)
    return names, tuple(sorted(bridges))


def _is_bridge(interface: libvirt.virInterface) -> bool:
    root = read_xml(interface.XMLDesc(0))
    return root is not None and root.get("type") == "bridge"


def _bridge_of(network: libvirt.virNetwork) -> str:
    root = read_xml(network.XMLDesc(0))
    bridge = root.find("bridge") if root is not None else None
    return clean(bridge.get("name")) if bridge is not None else ""


def host_facts(conn: libvirt.virConnect, shape: HostShape) -> HostFacts:
    """The host as a record. Missing SMBIOS is normal: virtual and small machines have none."""
    is_qemu = conn.getType() == "QEMU"
    _model, memory_mib, cpus, *_rest = conn.getInfo()
    memory: dict[str, int] = unless_lacking(lambda: conn.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS), {})
    manufacturer, product = _smbios(conn)
    hostname = clean(conn.getHostname())
    return HostFacts(
        # libvirt's test hosts have no UUID; a real daemon always has one
        uuid=shape.uuid or str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{conn.getType().lower()}.{hostname}")),
        hostname=hostname,
        libvirt_version=version(conn.getLibVersion()),
        qemu_version=version(conn.getVersion()) if is_qemu else "",
        cpu_model=shape.cpu_model,
        cpu_arch=shape.arch,
        cpus=cpus,
        memory_bytes=memory["total"] * _KIB if "total" in memory else memory_mib * _MIB,
        machine_types=frozenset().union(*shape.machines.values()),
        virt_types=shape.virt_types,
        networks=shape.networks or (),
        bridges=shape.bridges or (),
        pools=_storage(conn),
        manufacturer=manufacturer,
        product=product,
        cpu_features=shape.cpu_features,
        cpu_models=shape.cpu_models,
        huge_pages=shape.huge_pages,
    )


def _storage(conn: libvirt.virConnect) -> tuple[str, ...]:
    """Active storage pools; none where the daemon has no storage driver."""
    pools = unless_lacking(lambda: conn.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE), None)
    return tuple(sorted(clean(pool.name()) for pool in pools or ()))


def version(number: int) -> str:
    """9000000 -> "9.0.0"; 7002022 -> "7.2.22"."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def _smbios(conn: libvirt.virConnect) -> tuple[str, str]:
    try:
        root = read_xml(conn.getSysinfo(0))
    except libvirt.libvirtError:
        return "", ""  # no SMBIOS here, or no dmidecode: libvirt has several codes for it, none worth a word
    if root is None:
        return "", ""
    entries = {entry.get("name"): clean(entry.text) for entry in root.findall("system/entry")}
    return entries.get("manufacturer", ""), entries.get("product", "")


def find(conn: libvirt.virConnect, uuid_text: str) -> libvirt.virDomain:
    """The domain, or NoSuchDomain; what is no UUID at all is nobody's."""
    try:
        key = str(uuid.UUID(uuid_text))
    except ValueError as exc:
        raise NoSuchDomain(f"“{clean(uuid_text)[:60]}” is not a UUID.") from exc
    return conn.lookupByUUIDString(key)


def all_domains(conn: libvirt.virConnect) -> list[DomainFacts]:
    """Every domain. Persistence and autostart come by two bulk calls; a domain that vanishes meanwhile is left out."""
    persistent = _uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_PERSISTENT)
    autostart = _uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART)
    kept: set[str] = unless_lacking(lambda: _uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT), set())
    saved: set[str] = unless_lacking(lambda: _uuids(conn, libvirt.VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE), set())
    found = []
    for dom in conn.listAllDomains(0):
        uuid_text = dom.UUIDString()
        try:
            facts = _facts(
                dom,
                persistent=uuid_text in persistent,
                autostart=uuid_text in autostart,
                snapshots=_snapshots(dom) if uuid_text in kept else 0,
                managed_save=uuid_text in saved,
            )
        except libvirt.libvirtError as exc:
            if exc.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            continue
        found.append(facts)
    return found


def _uuids(conn: libvirt.virConnect, flag: int) -> set[str]:
    return {dom.UUIDString() for dom in conn.listAllDomains(flag)}


def one_domain(dom: libvirt.virDomain) -> DomainFacts:
    persistent = bool(dom.isPersistent())
    # a transient domain cannot have the flag, and libvirt answers the question with an error
    autostart = persistent and bool(dom.autostart())
    saved = persistent and bool(unless_lacking(lambda: dom.hasManagedSaveImage(0), 0))
    return _facts(dom, persistent=persistent, autostart=autostart, snapshots=_snapshots(dom), managed_save=saved)


def _snapshots(dom: libvirt.virDomain) -> int:
    return unless_lacking(lambda: max(0, dom.snapshotNum(0)), 0)


def domain_status(dom: libvirt.virDomain) -> DomainStatus:
    return words.status(*dom.state())


def _facts(
    dom: libvirt.virDomain, *, persistent: bool, autostart: bool, snapshots: int, managed_save: bool
) -> DomainFacts:
    xml = dom.XMLDesc(0)
    shape = read_domain(xml)
    return DomainFacts(
        uuid=dom.UUIDString(),
        name=clean(dom.name()),
        status=domain_status(dom),
        persistent=persistent,
        vcpus=shape.vcpus,
        memory_bytes=shape.memory_bytes,
        max_memory_bytes=shape.max_memory_bytes,
        virt_type=shape.virt_type,
        machine=shape.machine,
        cpu_mode=shape.cpu_mode,
        cpu_model=shape.cpu_model,
        arch=shape.arch,
        title=shape.title,
        description=shape.description,
        disks=shape.disks,
        nics=shape.nics,
        devices=shape.devices,
        cpu_features=shape.cpu_features,
        huge_page_bytes=shape.huge_page_bytes,
        pinned_cpus=shape.pinned_cpus,
        snapshots=snapshots,
        managed_save=managed_save,
        nvram=shape.nvram,
        memory_limit_bytes=shape.memory_limit_bytes,
        autostart=autostart,
        xml=xml.replace("\x00", ""),
    )
