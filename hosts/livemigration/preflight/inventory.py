"""What the collector stored, as the checks want it. What is not stored is not known, never made up."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from hosts.livemigration.policy import Arrival, from_json
from hosts.livemigration.preflight.records import Case, Guest, Place, Proof, Wishes, version_of
from hosts.models import VM, Host
from hosts.states import HostState, VMState
from hosts.virt.connect import parse_uri
from hosts.virt.errors import UriRefused
from hosts.virt.records import Disk, Nic


def from_rows(
    vm: VM,
    destination: Host,
    *,
    free_bytes: int | None,
    source: Host | None = None,
    wishes: Wishes | None = None,
    proof: Proof | None = None,
    busy: str = "",
) -> Case:
    """The case of a VM and a host. ``free_bytes``: what it could give today; ``source``: the VM's host, if at hand.

    Both hosts come with ``cluster__datacenter``.
    """
    return Case(
        guest=guest_of(vm, busy=busy),
        source=place_of(source or vm.host),
        destination=place_of(destination, free_bytes=free_bytes),
        wishes=wishes or Wishes(),
        proof=proof or Proof(),
    )


def wishes(asked: Mapping[str, Any]) -> Wishes:
    """The fields of a Migration that say how it is to move."""
    return Wishes(
        postcopy=bool(asked["postcopy_allowed"]),
        auto_converge=bool(asked["auto_converge"]),
        xbzrle=bool(asked["xbzrle"]),
        parallel=asked["parallel"] or 0,
        tls=bool(asked["tls"]),
        copy_disks=bool(asked["copy_disks"]),
        zero_copy=bool(asked.get("zero_copy")),
        arrival=_arrival(asked),
    )


def _arrival(asked: Mapping[str, Any]) -> Arrival:
    """As it was decided for this migration, else as its policy says."""
    if asked.get("arrives_paused"):
        return Arrival.ALWAYS
    policy = asked.get("policy")
    return Arrival.NEVER if policy is None else from_json(policy.data).arrival


def guest_of(vm: VM, *, busy: str = "") -> Guest:
    return Guest(
        name=vm.name,
        state=VMState.of(vm.state),
        busy=busy,
        arch=vm.arch,
        machine=vm.machine,
        virt_type=vm.virt_type,
        memory_bytes=vm.memory_bytes,
        cpu_mode=vm.cpu_mode,
        cpu_model=vm.cpu_model,
        cpu_features=frozenset(vm.cpu_features),
        huge_page_bytes=vm.huge_page_bytes,
        pinned_cpus=vm.pinned_cpus,
        snapshots=vm.snapshots,
        persistent=vm.persistent,
        managed_save=vm.managed_save,
        memory_limit_bytes=vm.memory_limit_bytes,
        disks=tuple(_record(Disk, each, {"target": "", "kind": ""}) for each in vm.disks if isinstance(each, dict)),
        nics=tuple(_record(Nic, each, {"kind": ""}) for each in vm.nics if isinstance(each, dict)),
        devices=tuple(str(each) for each in vm.devices),
    )


def place_of(host: Host, *, free_bytes: int | None = None) -> Place:
    kind, address = _way(host.uri)
    return Place(
        name=host.name,
        pk=host.pk,
        machine_uuid=str(host.uuid or ""),
        cluster=host.cluster.name,
        cluster_pk=host.cluster_id,
        datacenter=host.cluster.datacenter.name,
        datacenter_pk=host.cluster.datacenter_id,
        state=HostState.of(host.state),
        error=host.error,
        kind=kind,
        address=address,
        migration_address=host.migration_address,
        migration_network=host.cluster.datacenter.migration_network,
        migration_subnet=host.cluster.datacenter.migration_subnet,
        libvirt=version_of(host.libvirt_version),
        qemu=version_of(host.qemu_version),
        arch=host.cpu_arch,
        cpus=host.cpus,
        cpu_model=host.cpu_model,
        cpu_features=frozenset(host.cpu_features),
        cpu_models=frozenset(host.cpu_models),
        machine_types=frozenset(host.machine_types),
        virt_types=frozenset(host.virt_types),
        networks=frozenset(host.networks),
        bridges=frozenset(host.bridges),
        huge_pages=_pools(host.huge_pages),
        free_bytes=free_bytes,
        locks=host.locks,
        keepalive_tuned=host.keepalive_tuned,
        migration_tls=host.migration_tls,
    )


def _way(uri: str) -> tuple[str, str]:
    try:
        parsed = parse_uri(uri)
    except UriRefused:  # a row from before the rule
        return "qemu", ""
    return parsed.kind, parsed.host


def _pools(stored: Any) -> dict[int, int] | None:
    if not isinstance(stored, dict):
        return None
    return {int(size): int(pages) for size, pages in stored.items() if size.isdigit()}


def _record(record: Any, stored: dict[str, Any], least: dict[str, str]) -> Any:
    """A stored dict as its record; fields that a later release dropped or added do no harm."""
    known = {each.name for each in fields(record)}
    told = {name: _plain(value) for name, value in stored.items() if name in known}
    return record(**(least | told))


def _plain(value: object) -> str | bool:
    """JSON may hold anything; these records hold text and flags."""
    return value if isinstance(value, bool) else "" if value is None else str(value)
