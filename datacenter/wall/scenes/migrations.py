"""Migrations under way, each with its curve of the last two minutes and what is to come in words."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, IntegerField, Value, When
from django.db.models.functions import Extract, Floor

from datacenter import rows
from datacenter.wall.scenes.curves import SPAN, Curves, curves
from datacenter.wall.scope import Scope
from hosts.livemigration.outlook import outlook
from hosts.models import Migration, Sample
from hosts.states import OPEN_MIGRATION, MigrationState

#: sent with their curves; those that run before those that wait
MOST = 16
#: one sample in so many seconds is enough for a curve of two minutes on a wall
_EVERY_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """One migration as a wall shows it."""

    migration: Migration
    verdict: str
    finish: str
    sample: Sample | None
    curves: Curves


def read(scope: Scope, now: datetime) -> dict[str, Any]:
    """``moving`` and how many there are in all. Three queries."""
    waits = Case(When(state=MigrationState.QUEUED.value, then=Value(1)), default=Value(0), output_field=IntegerField())
    found = scope.only(rows.migrations()).filter(state__in=[each.value for each in OPEN_MIGRATION])
    total = found.count()
    migrations = list(found.order_by(waits, "requested_at")[:MOST])
    samples = _samples([each.pk for each in migrations], now)
    return {"moving": [_moving(each, samples[each.pk], now) for each in migrations], "total": total}


def _moving(migration: Migration, samples: list[Sample], now: datetime) -> Moving:
    told = outlook(migration, samples)
    return Moving(
        migration=migration,
        verdict=told["verdict"],
        finish=told["expected_finish"],
        sample=samples[-1] if samples else None,
        curves=curves(samples, now),
    )


def _samples(pks: list[int], now: datetime) -> dict[int, list[Sample]]:
    """The last two minutes, thinned by the database. One query."""
    slot = Floor(Extract("at", "epoch") / _EVERY_S)
    recent = Sample.objects.filter(migration__in=pks, at__gt=now - SPAN).annotate(slot=slot)
    found: dict[int, list[Sample]] = defaultdict(list)
    for sample in recent.order_by("migration_id", "slot", "-at").distinct("migration_id", "slot"):
        found[sample.migration_id].append(sample)
    return found
