"""When each kind is raised: what comes with Godwit, what is said for the whole installation, and for a cluster."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from datacenter.models import AlertKind, AlertLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """``threshold`` None: the kind has none. ``for_s`` None: it has no time that a person could set."""

    enabled: bool = True
    threshold: float | None = None
    for_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """What a kind comes with. ``settle_s``: it has to be over for so long before it counts as resolved."""

    limit: Limit = Limit()
    unit: str = ""
    means: str = ""  # of the threshold, in words
    least: float = 0.0
    most: float = 0.0
    settle_s: int = 30
    by_cluster: bool = True  # False: of the whole installation only


STANDARD: dict[AlertKind, Standard] = {
    AlertKind.HOST_SILENT: Standard(limit=Limit(for_s=0)),
    AlertKind.VM_UNKNOWN: Standard(limit=Limit(for_s=60)),
    AlertKind.TWO_COPIES: Standard(settle_s=0),
    AlertKind.MIGRATION_LOST: Standard(settle_s=0),
    AlertKind.MIGRATION_STALLED: Standard(limit=Limit(for_s=300)),
    AlertKind.MOVE_BLOCKED: Standard(
        limit=Limit(threshold=72), unit="hours", means="ahead of a window that a policy opens", least=1, most=336
    ),
    AlertKind.WINDOW_AT_RISK: Standard(settle_s=60),
    AlertKind.CPU_HIGH: Standard(
        limit=Limit(threshold=90, for_s=600), unit="%", means="of a host's CPUs", least=10, most=100, settle_s=120
    ),
    AlertKind.MEMORY_HIGH: Standard(
        limit=Limit(threshold=95, for_s=600), unit="%", means="of a host's memory", least=10, most=100, settle_s=120
    ),
    AlertKind.CERTIFICATE_EXPIRES: Standard(
        limit=Limit(threshold=21), unit="days", means="before it ends", least=1, most=365
    ),
    AlertKind.COLLECTOR_SILENT: Standard(limit=Limit(for_s=30), by_cluster=False),
    AlertKind.WORKER_SILENT: Standard(limit=Limit(for_s=30), by_cluster=False),
    AlertKind.GUARDIAN_SILENT: Standard(limit=Limit(for_s=30), by_cluster=False),
    AlertKind.DATABASE_DISK: Standard(
        limit=Limit(threshold=85), unit="%", means="of the file system is full", least=20, most=99,
        settle_s=60, by_cluster=False,
    ),
    AlertKind.CLOCK_SKEW: Standard(
        limit=Limit(threshold=2), unit="s", means="between the database's clock and this machine's",
        least=1, most=3600, settle_s=60, by_cluster=False,
    ),
}  # fmt: skip


class Limits:
    """The limits of every kind and cluster, from the rows that people set."""

    def __init__(self, rows: Iterable[AlertLimit] = ()) -> None:
        self._said = {(row.kind, row.cluster_id): row for row in rows}

    def of(self, kind: AlertKind, cluster: int | None = None) -> Limit:
        """The cluster's word where it has one, else the installation's, else what comes with Godwit."""
        found = STANDARD[kind].limit
        for where in (None, cluster) if cluster is not None else (None,):
            found = _with(found, self._said.get((str(kind), where)))
        return found

    def threshold(self, kind: AlertKind, cluster: int | None = None) -> float:
        """Of a kind that has one."""
        return self.of(kind, cluster).threshold or 0.0

    def for_s(self, kind: AlertKind, cluster: int | None = None) -> int:
        """How long it has to last, seconds."""
        return self.of(kind, cluster).for_s or 0

    def longest_s(self, kind: AlertKind) -> int:
        """The longest time that any cluster has for it."""
        said = [row.for_s for (each, _), row in self._said.items() if each == kind and row.for_s is not None]
        return max([STANDARD[kind].limit.for_s or 0, *said])

    def least(self, kind: AlertKind) -> float:
        """The lowest threshold that any cluster has for it."""
        said = [row.threshold for (each, _), row in self._said.items() if each == kind and row.threshold is not None]
        return min([STANDARD[kind].limit.threshold or 0.0, *said])


def read() -> Limits:
    """As people have set them. One query."""
    return Limits(AlertLimit.objects.all())


def _with(limit: Limit, row: AlertLimit | None) -> Limit:
    if row is None:
        return limit
    return replace(
        limit,
        enabled=limit.enabled if row.enabled is None else row.enabled,
        threshold=limit.threshold if row.threshold is None else row.threshold,
        for_s=limit.for_s if row.for_s is None else row.for_s,
    )
