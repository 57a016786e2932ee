"""Hosts and their VMs: silent, unknown, doubled, too full, a certificate that ends. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from datacenter.alerts.limits import Limits
from datacenter.alerts.records import Facts, Finding, HostFact
from datacenter.models import AlertKind
from datacenter.units import duration, percent
from hosts.models.event import Severity
from hosts.recording import Place
from hosts.states import HostState

#: percentage points below its threshold at which a load counts as over
ROOM = 5.0
#: so near its end a certificate is no warning any more
LAST_DAYS = timedelta(days=3)


def host_silent(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A host that is non-responsive, unless somebody has stated that it is switched off."""
    for host in facts.hosts:
        since = facts.now - host.state_since
        patience = timedelta(seconds=limits.for_s(AlertKind.HOST_SILENT, host.place.cluster))
        if host.state == HostState.NON_RESPONSIVE and not host.off and since >= patience:
            yield _silent(host)


def _silent(host: HostFact) -> Finding:
    vms = f" Its {_many(host.vms, 'VM')} may be running." if host.vms else " No VM was on it."
    return Finding(
        kind=AlertKind.HOST_SILENT,
        noun="host",
        pk=host.pk,
        name=host.name,
        place=host.place,
        severity=Severity.ERROR,
        sentence=f"{host.name} does not answer.{vms}",
        evidence=(
            ("Non-responsive since", _at(host.state_since)),
            ("Last answer", _at(host.answered_at)),
            ("Last error", host.error or "none was told"),
            ("VMs on it", str(host.vms)),
        ),
    )


def vm_unknown(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A VM of which nobody can say whether it runs; its silent host explains it where there is one.

    Not those of a host in maintenance, which is expected to be switched off, nor of one that is stated to be off.
    """
    hosts = {host.pk: host for host in facts.hosts}
    silent = {finding.pk: finding.key for finding in host_silent(facts, limits)}
    for vm in facts.unknown:
        host = hosts.get(vm.host)
        if host is None or host.off or host.state == HostState.MAINTENANCE:
            continue
        patience = timedelta(seconds=limits.for_s(AlertKind.VM_UNKNOWN, host.place.cluster))
        cause = silent.get(host.pk)
        if cause is None and facts.now - vm.since < patience:
            continue
        yield Finding(
            kind=AlertKind.VM_UNKNOWN,
            noun="vm",
            pk=vm.pk,
            name=vm.name,
            place=Place(datacenter=host.place.datacenter, cluster=host.place.cluster, host=host.pk, vm=vm.pk),
            severity=Severity.ERROR,
            sentence=f"{vm.name} may be running: {host.name}, where it was last, does not tell.",
            evidence=(("Unknown since", _at(vm.since)), ("Last seen", _at(vm.seen_at)), ("Host", host.name)),
            cause=cause,
        )


def two_copies(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """An open doubt."""
    for doubt in facts.doubts:
        yield Finding(
            kind=AlertKind.TWO_COPIES,
            noun="vm",
            pk=doubt.vm,
            name=doubt.name,
            place=doubt.place,
            severity=Severity.CRITICAL,
            sentence=f"{doubt.name} may have two copies, on {doubt.first} and {doubt.second}. {doubt.because}",
            evidence=(
                ("Seen", _at(doubt.opened_at)),
                ("Hosts", f"{doubt.first} and {doubt.second}"),
                ("Ordered", doubt.remedy or "nothing yet"),
            ),
        )


def loads(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A host whose CPU or memory stood over its threshold for the whole of its time; over only 5 points below it."""
    for load in facts.loads:
        limit = limits.of(load.kind, load.host.place.cluster)
        threshold, span = limit.threshold or 100.0, timedelta(seconds=limit.for_s or 0)
        if (str(load.kind), "host", load.host.pk) in facts.held:
            holds = load.now >= threshold - ROOM
        else:
            holds = load.least >= threshold and facts.now - load.since >= span * 0.9
        if holds and load.host.state in (HostState.UP, HostState.PREPARING):
            what = "CPUs are" if load.kind is AlertKind.CPU_HIGH else "memory is"
            yield Finding(
                kind=load.kind,
                noun="host",
                pk=load.host.pk,
                name=load.host.name,
                place=load.host.place,
                severity=Severity.WARNING,
                sentence=f"The {what} over {threshold:g} % in use on {load.host.name}, for {duration(span)} and more.",
                evidence=(
                    ("Now", percent(load.now)),
                    ("At least", percent(load.least)),
                    ("Threshold", f"{threshold:g} %, for {duration(span)}"),
                    ("Looked at since", _at(load.since)),
                ),
            )


def certificate_expires(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A certificate that ends within its days; graver in the last three, and once it has ended."""
    for each in facts.certificates:
        left = each.not_after - facts.now
        if left > timedelta(days=limits.threshold(AlertKind.CERTIFICATE_EXPIRES, each.host.place.cluster)):
            continue
        when = f"expires in {duration(left)}" if left > timedelta(0) else "has expired"
        yield Finding(
            kind=AlertKind.CERTIFICATE_EXPIRES,
            noun="host",
            pk=each.host.pk,
            name=each.host.name,
            place=each.host.place,
            severity=Severity.ERROR if left <= LAST_DAYS else Severity.WARNING,
            sentence=f"The certificate of {each.host.name} {when}. Then Godwit and other hosts cannot reach it.",
            evidence=(
                ("Ends", _at(each.not_after)),
                ("Issued to", each.subject or "–"),
                ("Looked at", _at(each.looked_at)),
            ),
        )


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
