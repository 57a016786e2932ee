"""Under which policy a migration runs, and what it begins with: the policy's word, but for what a person says."""

from typing import Any, TypedDict, TypeVar, Unpack

from hosts.livemigration.policy import Method, Policy, as_json, from_json
from hosts.livemigration.shipped import ADAPTIVE, SHIPPED
from hosts.models import VM, Host, MigrationPolicy, PolicyVersion
from hosts.states import VMState

Said = TypeVar("Said")

#: libvirt that can take up a broken post-copy again (VIR_MIGRATE_POSTCOPY_RESUME)
_RECOVERS = (8, 5)


def policy_of(vm: VM) -> MigrationPolicy:
    """The VM's own, else its cluster's, else Adaptive. ``vm`` with its host and cluster at hand."""
    return vm.migration_policy or vm.host.cluster.migration_policy or default_policy()


def default_policy() -> MigrationPolicy:
    """Adaptive; written anew where its row is gone."""
    found = MigrationPolicy.objects.filter(name=ADAPTIVE).first()
    return found if found is not None else ship(ADAPTIVE)


def ship(name: str) -> MigrationPolicy:
    """The row of a policy that comes with Godwit, with its first version, unless it is there."""
    named = next(each for each in SHIPPED if each.name == name)
    row, made = MigrationPolicy.objects.get_or_create(
        name=named.name, defaults={"description": named.description, "built_in": True}
    )
    if made:
        PolicyVersion.objects.create(policy=row, number=1, data=as_json(named.policy), made_by="Godwit")
    return row


def newest(policy: MigrationPolicy) -> PolicyVersion:
    """What the policy says now."""
    return policy.versions.order_by("-number")[0]


def recoverable(source: Host, destination: Host) -> bool:
    """Whether post-copy that breaks between these two can be taken up again; no, where a version is not known."""
    return all(_version(host.libvirt_version) >= _RECOVERS for host in (source, destination))


def _version(text: str) -> tuple[int, ...]:
    """ "9.0.0" -> (9, 0, 0); () where it is none."""
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


class Asked(TypedDict, total=False):
    """What a person may ask for; None, and what is left out, is the policy's word."""

    policy: MigrationPolicy | None  # None: the VM's own, its cluster's, or Adaptive
    bandwidth: int | None  # bytes/s
    max_downtime_ms: int | None
    postcopy_allowed: bool | None
    auto_converge: bool | None
    parallel: int | None  # connections; 0: one stream
    xbzrle: bool | None
    tls: bool | None
    copy_disks: bool


def terms(vm: VM, destination: Host, **asked: Unpack[Asked]) -> dict[str, Any]:
    """The fields of a Migration that follow from the policy and from what was asked for; None leaves it to the policy.

    Of a VM that is down nothing but its definition moves (``offline``).
    A pause that a person allows is their budget: Adaptive works within it, any other policy leaves it as it is.
    """
    version = newest(asked.get("policy") or policy_of(vm))
    it = from_json(version.data)
    postcopy = _said(asked.get("postcopy_allowed"), it.postcopy)
    throttles = it.throttles(postcopy=postcopy and recoverable(vm.host, destination))
    pause = asked.get("max_downtime_ms")
    return {
        "policy": version,
        "bandwidth": _said(asked.get("bandwidth"), it.bandwidth),
        "max_downtime_ms": _said(pause, _first_pause(it)),
        "pause_budget_ms": pause,
        "postcopy_allowed": postcopy,
        "auto_converge": _said(asked.get("auto_converge"), throttles),
        "parallel": _said(asked.get("parallel"), it.parallel),
        "xbzrle": _said(asked.get("xbzrle"), it.compression),
        "tls": _said(asked.get("tls"), it.tls),
        "zero_copy": it.zero_copy and _goes_together(it, asked),
        "copy_disks": asked.get("copy_disks", False),
        "offline": vm.state == VMState.DOWN,
    }


def _goes_together(policy: Policy, asked: Asked) -> bool:
    """A policy's zero-copy is left out where a person asked for what it does not go with."""
    parallel, tls, xbzrle = asked.get("parallel"), asked.get("tls"), asked.get("xbzrle")
    return bool(_said(parallel, policy.parallel)) and not _said(tls, policy.tls) and not xbzrle


def _said(asked: Said | None, otherwise: Said) -> Said:
    return otherwise if asked is None else asked


def _first_pause(policy: Policy) -> int | None:
    return policy.max_downtime_ms if policy.method is Method.ADAPTIVE else policy.initial_downtime_ms
