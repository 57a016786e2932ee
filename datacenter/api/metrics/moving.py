"""Migrations, the queue, operations, plans, alerts. Of single migrations and plans only those under way, and no more
than MOST_LINES: finished ones leave the page, so that labels do not grow with the years.
"""

from collections.abc import Iterator

from django.db.models import Count, Min, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from datacenter.api.metrics.text import Family, Sample, counter, gauge
from datacenter.models import Plan
from hosts.models import Migration, Operation
from hosts.models import Sample as Measured
from hosts.states import HOLDING_PLAN, OPEN_MIGRATION, MigrationState, OperationState, PlanState

MOST_LINES = 200


def families() -> Iterator[Family]:
    """Ten queries or fewer."""
    yield from _migrations()
    yield from _under_way()
    yield from _queue()
    yield from _plans()


def _migrations() -> Iterator[Family]:
    counted = dict(Migration.objects.order_by().values_list("state").annotate(Count("pk")))
    now: list[Sample] = [({"state": state.value}, counted.get(state.value, 0)) for state in OPEN_MIGRATION]
    ended: list[Sample] = [
        ({"state": state.value}, counted.get(state.value, 0)) for state in MigrationState if state.is_final
    ]
    yield gauge("godwit_migrations", "Migrations under way, by state.", now)
    yield counter("godwit_migrations_ended_total", "Migrations that have ended, by how.", ended)
    done = Migration.objects.filter(state=MigrationState.DONE.value)
    sums = done.aggregate(moved=Sum("transferred_bytes"), paused=Sum("pause_ms"), measured=Count("pause_ms"))
    yield counter("godwit_migrations_transferred_bytes_total", "Bytes that migrations moved.", sums["moved"] or 0)
    yield counter(
        "godwit_migrations_pause_seconds_sum", "How long guests stood still, together.", (sums["paused"] or 0.0) / 1000
    )
    yield counter("godwit_migrations_pause_seconds_count", "Migrations whose pause was measured.", sums["measured"])


def _under_way() -> Iterator[Family]:
    last = Measured.objects.filter(migration=OuterRef("pk")).order_by("-at")
    figures = {name: Subquery(last.values(name)[:1]) for name in ("remaining_bytes", "throughput", "dirty_rate")}
    rows = Migration.objects.filter(state__in=OPEN_MIGRATION).exclude(state=MigrationState.QUEUED.value)
    found = list(
        rows.order_by("pk")
        .annotate(**figures)
        .values("pk", "vm__name", "source__name", "destination__name", *figures)[:MOST_LINES]
    )

    def each(name: str) -> list[Sample]:
        return [
            (
                {
                    "migration": str(row["pk"]),
                    "vm": row["vm__name"],
                    "source": row["source__name"],
                    "destination": row["destination__name"] or "",
                },
                row[name],
            )
            for row in found
        ]

    yield gauge("godwit_migration_remaining_bytes", "Still to be copied.", each("remaining_bytes"))
    yield gauge("godwit_migration_throughput_bytes", "Bytes/s over the line.", each("throughput"))
    yield gauge("godwit_migration_dirty_rate_bytes", "Bytes/s of pages that the guest writes.", each("dirty_rate"))


def _queue() -> Iterator[Family]:
    queued = Migration.objects.filter(state=MigrationState.QUEUED.value)
    found = queued.aggregate(n=Count("pk"), oldest=Min("requested_at"))
    waited = (timezone.now() - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    yield gauge("godwit_queue_migrations", "Migrations that wait for a place.", found["n"])
    yield gauge("godwit_queue_oldest_seconds", "How long the oldest of them has waited.", waited)
    counted = dict(Operation.objects.order_by().values_list("state").annotate(Count("pk")))
    states = [({"state": state.value}, counted.get(state.value, 0)) for state in OperationState if not state.is_final]
    yield gauge("godwit_operations", "Power orders and measurements under way.", states)


def _plans() -> Iterator[Family]:
    counted = dict(Plan.objects.order_by().values_list("state").annotate(Count("pk")))
    states = [({"state": state.value}, counted.get(state.value, 0)) for state in PlanState]
    yield gauge("godwit_plans", "Maintenance plans by state.", states)
    out = Q(hosts__moves__leg="out")
    rows = Plan.objects.filter(state__in=HOLDING_PLAN).annotate(
        total=Count("hosts__moves", filter=out), left=Count("hosts__moves", filter=out & Q(hosts__moves__state="done"))
    )
    found = list(rows.order_by("pk").values("pk", "title", "total", "left")[:MOST_LINES])
    labels = {row["pk"]: {"plan": str(row["pk"]), "title": row["title"]} for row in found}
    yield gauge("godwit_plan_vms", "VMs of a plan under way.", [(labels[row["pk"]], row["total"]) for row in found])
    yield gauge("godwit_plan_vms_left", "Of these, gone already.", [(labels[row["pk"]], row["left"]) for row in found])
