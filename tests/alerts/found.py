"""Facts for tests of rules: a place at one moment, with sane defaults."""

from datetime import UTC, datetime, timedelta
from typing import Any

from datacenter.alerts.limits import Limits
from datacenter.alerts.records import Facts, Finding, HostFact, MigrationFact, Progress
from datacenter.models import AlertKind, AlertLimit
from hosts.models.event import Severity
from hosts.recording import Place

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LIMITS = Limits()


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def host(pk: int = 1, **fields: Any) -> HostFact:
    given: dict[str, Any] = {
        "pk": pk, "name": f"h{pk}", "place": Place(datacenter=1, cluster=1, host=pk), "state": "up",
        "state_since": ago(3600), "answered_at": ago(3),
    }  # fmt: skip
    return HostFact(**{**given, **fields})


def facts(**fields: Any) -> Facts:
    return Facts(**{"now": NOW, "watching_since": ago(3600), **fields})


def migration(**fields: Any) -> MigrationFact:
    given: dict[str, Any] = {
        "pk": 5, "vm": 7, "vm_name": "db", "vm_state": "Up", "source": "h1", "destination": "h2", "state": "copying",
        "since": ago(900), "because": "", "place": Place(datacenter=1, cluster=1, host=1, vm=7),
        "started_at": ago(900),
    }  # fmt: skip
    return MigrationFact(**{**given, **fields})


def progress(**fields: Any) -> Progress:
    given: dict[str, Any] = {
        "sampled_at": ago(1), "moved": 900, "moved_before": 500, "least": 100, "least_before": 400,
    }  # fmt: skip
    return Progress(**{**given, **fields})


def limits(kind: AlertKind, cluster: int | None = None, **said: Any) -> Limits:
    return Limits([AlertLimit(kind=kind, cluster_id=cluster, **said)])


def finding(pk: int = 1, kind: AlertKind = AlertKind.HOST_SILENT, **fields: Any) -> Finding:
    given: dict[str, Any] = {
        "kind": kind, "noun": "host", "pk": pk, "name": f"h{pk}", "severity": Severity.ERROR,
        "place": Place(datacenter=1, cluster=1, host=pk), "sentence": f"h{pk} does not answer.",
    }  # fmt: skip
    return Finding(**{**given, **fields})


def unknown(pk: int, *, of: Finding, **fields: Any) -> Finding:
    """A VM that a silent host explains."""
    place = Place(datacenter=1, cluster=1, host=of.pk, vm=pk)
    return finding(
        pk, AlertKind.VM_UNKNOWN, noun="vm", name=f"vm{pk}", place=place, cause=of.key, sentence=f"vm{pk} may run.",
        **fields,
    )  # fmt: skip
