"""The same checks on what both hosts say now, as the worker runs them right before the start."""

from dataclasses import replace

from hosts.livemigration.preflight.checks import judge
from hosts.livemigration.preflight.inventory import from_rows
from hosts.livemigration.preflight.records import Case, Finding, Outcome, Proof, Wishes, refuses, version_of
from hosts.models import VM, Host
from hosts.states import HostState, VMState
from hosts.virt.driver import Driver
from hosts.virt.records import DomainFacts, DomainState, HostFacts, Refusal

_STATES = {
    DomainState.RUNNING: VMState.UP,
    DomainState.BLOCKED: VMState.UP,
    DomainState.PAUSED: VMState.PAUSED,
    DomainState.SHUTDOWN: VMState.POWERING_DOWN,
    DomainState.SHUTOFF: VMState.DOWN,
    DomainState.CRASHED: VMState.CRASHED,
    DomainState.PMSUSPENDED: VMState.SUSPENDED,
    DomainState.NOSTATE: VMState.UNKNOWN,
}
#: the driver's word for a check -> ours, where they differ
_SAME = {"network": "networks", "uuid": "place"}


def ask(
    vm: VM,
    source: Host,
    destination: Host,
    *,
    domain: DomainFacts,
    drivers: tuple[Driver, Driver],
    wishes: Wishes,
    proof: Proof,
) -> tuple[Finding, ...]:
    """All findings; ``domain`` is what the source says of the VM. Raises VirtError where a host does not answer."""
    here, there = drivers
    stored = from_rows(vm, destination, source=source, free_bytes=there.host_stats().memory_free_bytes)
    fresh = _case(stored, domain, (here.host_facts(), there.host_facts()))
    said = there.refusals(domain)
    if fresh.offline:  # a definition needs no memory; whether there is enough at its start is found out then
        said = [each for each in said if each.check != "memory"]
    return with_refusals(judge(replace(fresh, wishes=wishes, proof=proof)), said)


def _case(stored: Case, domain: DomainFacts, facts: tuple[HostFacts, HostFacts]) -> Case:
    guest = replace(
        stored.guest,
        state=_STATES[domain.status.state],
        arch=domain.arch,
        machine=domain.machine,
        virt_type=domain.virt_type,
        memory_bytes=domain.memory_bytes,
        cpu_mode=domain.cpu_mode,
        cpu_model=domain.cpu_model,
        cpu_features=frozenset(domain.cpu_features),
        huge_page_bytes=domain.huge_page_bytes,
        pinned_cpus=domain.pinned_cpus,
        snapshots=domain.snapshots,
        persistent=domain.persistent,
        managed_save=domain.managed_save,
        nvram=domain.nvram,
        memory_limit_bytes=domain.memory_limit_bytes,
        disks=domain.disks,
        nics=domain.nics,
        devices=domain.devices,
    )
    here, there = (
        replace(
            place,
            libvirt=version_of(each.libvirt_version),
            qemu=version_of(each.qemu_version),
            arch=each.cpu_arch,
            cpus=each.cpus,
            cpu_model=each.cpu_model,
            cpu_features=each.cpu_features,
            cpu_models=each.cpu_models,
            machine_types=each.machine_types,
            virt_types=each.virt_types,
            huge_pages=None if each.huge_pages is None else {pool.page_bytes: pool.pages for pool in each.huge_pages},
        )
        for place, each in zip((stored.source, stored.destination), facts, strict=True)
    )
    # they answer; and networks made since the connection was opened are the driver's own question (its refusals)
    here = replace(here, state=HostState.UP)
    there = replace(there, networks=_asked(domain, "network"), bridges=_asked(domain, "bridge"))
    if there.state in (HostState.CONNECTING, HostState.NON_RESPONSIVE):
        there = replace(there, state=HostState.UP)
    return replace(stored, guest=guest, source=here, destination=there)


def _asked(domain: DomainFacts, kind: str) -> frozenset[str]:
    return frozenset(nic.source for nic in domain.nics if nic.kind == kind)


def with_refusals(findings: tuple[Finding, ...], said: list[Refusal]) -> tuple[Finding, ...]:
    """The destination's own refusals take the place of what was found under the same name; others follow."""
    by_check: dict[str, list[Refusal]] = {}
    for each in said:
        by_check.setdefault(_SAME.get(each.check, each.check), []).append(each)
    merged = []
    for finding in findings:
        own = by_check.pop(finding.check, [])
        if own and finding.outcome is not Outcome.REFUSES:
            merged += [refuses(finding.check, each.reason, each.remedy) for each in own]
        else:
            merged.append(finding)
    merged += [refuses(check, each.reason, each.remedy) for check, many in by_check.items() for each in many]
    return tuple(merged)
