"""Godwit's own: processes that are not heard, the database's disk, clocks. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from datacenter.alerts.limits import Limits
from datacenter.alerts.records import Facts, Finding
from datacenter.models import AlertKind
from datacenter.units import percent, size
from hosts.models.event import Severity

#: so full, it is no warning any more: PostgreSQL stops at the last byte
FULL_PERCENT = 95.0


def collector_silent(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Hosts to which nobody listens."""
    patience = timedelta(seconds=limits.for_s(AlertKind.COLLECTOR_SILENT))
    unheard = [
        host
        for host in facts.hosts
        if host.unheard_since and facts.now - max(host.unheard_since, facts.watching_since) >= patience
    ]
    if not unheard:
        return
    since = min(host.unheard_since for host in unheard if host.unheard_since)
    words = f"Nobody listens to {_hosts(len(unheard))}. What is shown of them is the last known state."
    yield _own(
        AlertKind.COLLECTOR_SILENT,
        Severity.ERROR,
        words,
        ("Hosts", ", ".join(host.name for host in unheard[:20]) + (" …" if len(unheard) > 20 else "")),
        ("Since", _at(since)),
    )


def worker_silent(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """No worker: nothing that is ordered begins. Found by the guardian, which looks when no worker does."""
    if _gone(facts, facts.own.worker_at, limits.for_s(AlertKind.WORKER_SILENT)):
        words = "No worker is heard: nothing that is ordered begins, and no migration is steered."
        yield _own(AlertKind.WORKER_SILENT, Severity.ERROR, words, ("Last word", _at(facts.own.worker_at)))


def guardian_silent(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """No guardian: nobody ends a second copy, or a handover that stands still."""
    if _gone(facts, facts.own.guardian_at, limits.for_s(AlertKind.GUARDIAN_SILENT)):
        words = "No guardian is heard: nobody would end a second copy, or a handover that stands still."
        yield _own(AlertKind.GUARDIAN_SILENT, Severity.ERROR, words, ("Last word", _at(facts.own.guardian_at)))


def database_disk(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The file system that holds the database is nearly full; where that cannot be known nothing is said."""
    own = facts.own
    if own.disk_free is None or not own.disk_total:
        return
    used = 100.0 * (own.disk_total - own.disk_free) / own.disk_total
    held = (str(AlertKind.DATABASE_DISK), "godwit", 0) in facts.held
    threshold = limits.threshold(AlertKind.DATABASE_DISK)
    if used < threshold - (2.0 if held else 0.0):
        return
    words = f"The disk of the database is {percent(used)} full."
    yield _own(
        AlertKind.DATABASE_DISK,
        Severity.CRITICAL if used >= FULL_PERCENT else Severity.WARNING,
        words,
        ("Path", own.disk_path),
        ("Free", size(own.disk_free)),
        ("The database itself", size(own.database_bytes)),
    )


def clock_skew(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The clock of the machine that looks, against the database's. Of hosts nothing tells it."""
    skew = facts.own.skew_s
    if skew is None:
        return
    held = (str(AlertKind.CLOCK_SKEW), "godwit", 0) in facts.held
    if abs(skew) < limits.threshold(AlertKind.CLOCK_SKEW) * (0.5 if held else 1.0):
        return
    ahead = "ahead of" if skew > 0 else "behind"
    words = f"The clock of {facts.own.machine} is {max(1, round(abs(skew)))} s {ahead} the database's."
    yield _own(AlertKind.CLOCK_SKEW, Severity.WARNING, words, ("Machine", facts.own.machine))


def _gone(facts: Facts, heard_at: datetime | None, patience_s: int) -> bool:
    """Not heard for so long, as far as this process can say: it looks on since ``watching_since`` only."""
    since = max(heard_at or facts.watching_since, facts.watching_since)
    return facts.now - since >= timedelta(seconds=patience_s)


def _own(kind: AlertKind, severity: Severity, sentence: str, *evidence: tuple[str, str]) -> Finding:
    return Finding(
        kind=kind, noun="godwit", pk=0, name="Godwit", severity=severity, sentence=sentence, evidence=evidence
    )


def _hosts(count: int) -> str:
    return f"{count} host{'' if count == 1 else 's'}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
