"""Maintenance policies for tests: a cluster of hosts and a draft over all of it; each call has sane defaults."""

from datetime import UTC, datetime
from typing import Any

from datacenter.access import SHELL
from datacenter.maintenance.policies import Draft, save_policy
from datacenter.maintenance.terms import Terms
from datacenter.models import MaintenancePolicy
from hosts.models import Cluster
from hosts.virt.clock import ManualClock
from tests.factory import make_cluster, make_host

#: a Friday
START = datetime(2026, 1, 2, 12, tzinfo=UTC)


def make_rack(*, hosts: int = 3, name: str = "rack") -> Cluster:
    cluster = make_cluster(name)
    for number in range(1, hosts + 1):
        make_host(f"{name}-{number}", cluster=cluster)
    return cluster


def draft(cluster: Cluster, **given: Any) -> Draft:
    """Sundays 02:00 to 06:00 in Berlin, all of the cluster, one host at once."""
    said: dict[str, Any] = {
        "name": "Patches",
        "cluster": cluster,
        "rule": "FREQ=WEEKLY;BYDAY=SU",
        "starts_at_local": datetime(2026, 1, 1, 2),
        "zone": "Europe/Berlin",
        "duration_minutes": 240,
        "terms": Terms(),
    }
    return Draft(**said | given)


def make_policy(cluster: Cluster, *, clock: ManualClock | None = None, **given: Any) -> MaintenancePolicy:
    return save_policy(SHELL, None, draft(cluster, **given), clock=clock or ManualClock(start=START))
