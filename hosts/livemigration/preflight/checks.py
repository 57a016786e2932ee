"""The one list of checks, for the dialog, the placement, the request and the worker alike."""

from collections.abc import Iterable

from hosts.livemigration.preflight import fitting, guest, hosts
from hosts.livemigration.preflight.records import Case, Check, Finding, Outcome

#: in the order in which a person would mend them
CHECKS: tuple[Check, ...] = (
    guest.state,
    guest.not_busy,
    hosts.not_here_already,
    hosts.same_cluster,
    hosts.host_is_up,
    hosts.transport,
    fitting.architecture,
    fitting.acceleration,
    fitting.machine_type,
    fitting.cpu,
    fitting.networks,
    fitting.memory,
    fitting.huge_pages,
    fitting.pinned,
    guest.definition,
    guest.snapshots,
    guest.devices,
    guest.storage,
    guest.cache,
    guest.postcopy,
    guest.methods,
    guest.zero_copy,
    hosts.tls,
    hosts.reached,
    guest.lock_safety,
    hosts.libvirt_version,
    hosts.qemu_version,
    hosts.keepalive,
)


def judge(case: Case) -> tuple[Finding, ...]:
    """All findings, in the order of the list."""
    return tuple(check(case) for check in CHECKS)


def objection(findings: Iterable[Finding]) -> Finding | None:
    """The first that refuses."""
    return next((each for each in findings if each.outcome is Outcome.REFUSES), None)


def warnings(findings: Iterable[Finding]) -> list[Finding]:
    return [each for each in findings if each.outcome is Outcome.WARNS]
