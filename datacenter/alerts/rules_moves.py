"""Migrations, plans and windows. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from datacenter.alerts.limits import Limits
from datacenter.alerts.records import Facts, Finding, MigrationFact
from datacenter.models import AlertKind
from datacenter.units import duration, size
from hosts.models.event import Severity
from hosts.states import MigrationState

#: what remains has to shrink by this share within the time, or it counts as no progress
_SHRINK = 0.02
#: hosts are asked again all the time; so long without an answer is worth a person's look
PROBING = timedelta(seconds=120)
#: a window at risk is so no longer when so much is to spare, s
_SPARE_S = 60.0


def migration_lost(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A migration that ended with a running guest on neither side, until its VM runs again."""
    for row in facts.lost:
        yield Finding(
            kind=AlertKind.MIGRATION_LOST,
            noun="migration",
            pk=row.pk,
            name=row.vm_name,
            place=row.place,
            severity=Severity.CRITICAL,
            sentence=f"{row.vm_name} was lost on its way from {row.source} to {row.destination}. {row.because}",
            evidence=(
                ("Ended", _at(row.since)),
                ("The VM now", row.vm_state),
                ("Source", row.source),
                ("Destination", row.destination),
            ),
        )


def migration_stalled(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A migration that gets no further: nothing moves, nothing shrinks, no host answers, or post-copy stands."""
    for row in facts.migrations:
        span = timedelta(seconds=limits.for_s(AlertKind.MIGRATION_STALLED, row.place.cluster))
        told = _standstill(row, facts.now, span)
        if told is not None:
            severity, words = told
            yield Finding(
                kind=AlertKind.MIGRATION_STALLED,
                noun="migration",
                pk=row.pk,
                name=row.vm_name,
                place=row.place,
                severity=severity,
                sentence=f"{row.vm_name}, from {row.source} to {row.destination}: {words}",
                evidence=tuple(_evidence(row)),
            )


def _standstill(row: MigrationFact, now: datetime, span: timedelta) -> tuple[Severity, str] | None:
    if row.state == MigrationState.POSTCOPY_PAUSED:
        return Severity.CRITICAL, "post-copy is paused. The guest stands still until the line is back."
    if row.state == MigrationState.PROBING and now - row.since >= max(span, PROBING):
        return Severity.ERROR, f"its hosts have not told since {row.since:%H:%M} UTC where it is."
    it = row.progress
    if it is None or row.started_at is None or now - row.started_at < span:
        return None
    postcopy = row.state == MigrationState.POSTCOPY
    grave = Severity.CRITICAL if postcopy else Severity.WARNING
    if now - it.sampled_at >= span or (it.moved_before is not None and it.moved <= it.moved_before):
        return grave, f"nothing has moved for {duration(span)}."
    if it.least is not None and it.least_before is not None and it.least > (1 - _SHRINK) * it.least_before:
        words = f"what remains has not shrunk for {duration(span)}: the guest writes as fast as it is sent."
        return grave, words
    return None


def _evidence(row: MigrationFact) -> Iterator[tuple[str, str]]:
    yield "State", MigrationState.of(row.state).label
    yield "Since", _at(row.since)
    if row.started_at is not None:
        yield "Started", _at(row.started_at)
    if row.progress is not None:
        yield "Sent so far", size(row.progress.moved)
        yield "Least that remained lately", size(row.progress.least)
        yield "Least before", size(row.progress.least_before)
        yield "Last figures", _at(row.progress.sampled_at)


def move_blocked(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A VM that cannot leave its host, and that host is to be emptied in a window. One finding a VM."""
    told: set[int] = set()
    for row in facts.blocked:
        ahead = timedelta(hours=limits.threshold(AlertKind.MOVE_BLOCKED, row.place.cluster))
        if row.vm in told or (row.starts_at is not None and row.starts_at - facts.now > ahead):
            continue
        told.add(row.vm)
        yield Finding(
            kind=AlertKind.MOVE_BLOCKED,
            noun="vm",
            pk=row.vm,
            name=row.name,
            place=row.place,
            severity=Severity.WARNING,
            sentence=f"{row.name} cannot leave {row.host}, which {row.told} empties. {row.why}",
            evidence=(
                ("Why", row.why),
                ("Remedy", row.remedy or "–"),
                ("Window", _at(row.starts_at) if row.starts_at else "of a plan that is approved or runs"),
            ),
        )


def window_at_risk(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A plan that at its pace ends after its window."""
    for plan in facts.plans:
        held = (str(AlertKind.WINDOW_AT_RISK), "plan", plan.pk) in facts.held
        if plan.late_s <= (-_SPARE_S if held else 0.0):
            continue
        by = f"about {_roughly(plan.late_s)} past the end of its window" if plan.late_s > 0 else "close to its end"
        yield Finding(
            kind=AlertKind.WINDOW_AT_RISK,
            noun="plan",
            pk=plan.pk,
            name=plan.title,
            place=plan.place,
            severity=Severity.WARNING,
            sentence=f"{plan.title} ends {by} at this pace. {plan.done} of {plan.total} VMs have left.",
            evidence=(
                ("The window ends", _at(plan.ends_at)),
                ("Still needs about", duration(plan.left_s)),
                ("VMs gone", f"{plan.done} of {plan.total}"),
            ),
        )


def _roughly(seconds: float) -> str:
    """Whole minutes, in steps of five from ten on: what is written down must not tick."""
    minutes = max(1, round(seconds / 60))
    return duration(60 * (minutes if minutes < 10 else 5 * round(minutes / 5)))


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
