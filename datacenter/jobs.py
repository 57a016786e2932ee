"""Jobs: what runs now and what ended within the hour, whoever asked for it: migrations, operations, plans, bulk orders.

A job is a row as people follow it: a title, who started it, how far it is, and where it can be cancelled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Model, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from datacenter import rows
from datacenter.access import visible
from datacenter.models import BulkItem, BulkOrder, Plan
from datacenter.orders import bulk
from hosts.models import Migration, Operation
from hosts.states import CANCELLABLE, OPEN_MIGRATION, MigrationState, OperationState, PlanState, State

#: how long one that ended is still shown
LATELY = timedelta(hours=1)
#: of each kind, newest first
MOST = 100
UNDER_WAY = (PlanState.RUNNING, PlanState.PAUSED, PlanState.STOPPED, PlanState.CANCELLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """``step`` in words, ``done`` and ``total`` VMs where it is counted. ``cancel`` is an address to post to, ``ask``
    that of a dialog. ``ticks`` names a figure that the feed brings.
    """

    row: Model
    state: State
    key: str  # "migration:5"
    title: str
    url: str
    by: str
    at: datetime
    ended_at: datetime | None
    step: str
    done: int = 0
    total: int = 0
    ticks: str = ""
    cancel: str = ""
    ask: str = ""


def under_way(user: Any) -> list[Job]:
    """What runs now of what ``user`` may see, newest first. A few queries."""
    moves = visible(user, rows.migrations()).filter(state__in=OPEN_MIGRATION)
    operations = visible(user, rows.operations()).filter(state__in=_open_operations())
    plans = visible(user, rows.plans()).filter(state__in=UNDER_WAY)
    return _sorted(_all(moves, operations, plans, _bulk(user).filter(ended_at=None)), key=lambda job: job.at)


def ended(user: Any) -> list[Job]:
    """What ended within the hour, the last first."""
    since = timezone.now() - LATELY
    moves = visible(user, rows.migrations()).filter(ended_at__gte=since)
    final = [state.value for state in OperationState if state.is_final]
    operations = visible(user, rows.operations()).filter(state__in=final, state_since__gte=since)
    plans = visible(user, rows.plans()).filter(ended_at__gte=since)
    many = _bulk(user).filter(ended_at__gte=since)
    return _sorted(_all(moves, operations, plans, many), key=lambda job: job.ended_at or job.at)


def count(user: Any) -> int:
    """How many run now. One query."""
    moves = visible(user, Migration.objects.filter(state__in=OPEN_MIGRATION))
    operations = visible(user, Operation.objects.filter(state__in=_open_operations()))
    plans = visible(user, Plan.objects.filter(state__in=UNDER_WAY))
    many = bulk.seen_by(user).filter(ended_at=None)
    kinds = [each.order_by().values("pk") for each in (moves, operations, plans, many)]
    return kinds[0].union(*kinds[1:], all=True).count()


def job_of(row: Any) -> Job:
    """The row as a job."""
    return _MADE[type(row)](row)


def _bulk(user: Any) -> QuerySet[BulkOrder]:
    waiting = Count("items", filter=Q(items__state=BulkItem.State.WAITING))
    return bulk.seen_by(user).annotate(total=Count("items"), waiting=waiting)


def _open_operations() -> list[str]:
    return [OperationState.QUEUED.value, OperationState.RUNNING.value]


def _all(*kinds: QuerySet[Any]) -> list[Job]:
    return [job_of(row) for kind in kinds for row in kind.order_by("-pk")[:MOST]]


def _sorted(jobs: list[Job], *, key: Callable[[Job], datetime]) -> list[Job]:
    return sorted(jobs, key=key, reverse=True)


def _of_migration(row: Migration) -> Job:
    state = MigrationState.of(row.state)
    is_open = not state.is_final
    may_end = is_open and row.ours and state in CANCELLABLE and row.cancel_requested_at is None
    return Job(
        row=row, state=state, key=f"migration:{row.pk}",
        title=f"Migrate {row.vm.name} to {row.destination or 'another host'}",
        url=reverse("migration", args=[row.pk]), by=row.requested_by, at=row.requested_at, ended_at=row.ended_at,
        step=row.waits_for or row.because, ticks="remaining_bytes" if is_open and row.started_at else "",
        cancel=reverse("migration_adjust", args=[row.pk]) if may_end else "",
    )  # fmt: skip


def _of_operation(row: Operation) -> Job:
    verb = row.get_verb_display().capitalize()
    state = OperationState.of(row.state)
    return Job(
        row=row, state=state, key=f"operation:{row.pk}", title=f"{verb} {row.vm.name}",
        url=reverse("vm", args=[row.vm.uuid]),
        by=row.requested_by, at=row.requested_at,
        ended_at=row.state_since if state.is_final else None, step=row.because,
    )  # fmt: skip


def _of_plan(row: Plan) -> Job:
    total, left = getattr(row, "vm_count", 0), getattr(row, "left_count", 0)
    state = PlanState.of(row.state)
    may_end = state in UNDER_WAY[:-1]
    return Job(
        row=row, state=state, key=f"plan:{row.pk}", title=row.title, url=reverse("plan", args=[row.pk]),
        by=row.approved_by or row.made_by, at=row.started_at or row.made_at, ended_at=row.ended_at, step=row.because,
        done=left, total=total, ask=reverse("plan_cancel", args=[row.pk]) if may_end else "",
    )  # fmt: skip


def _of_bulk(row: BulkOrder) -> Job:
    total, waiting = getattr(row, "total", 0), getattr(row, "waiting", 0)
    return Job(
        row=row, state=_BULK[BulkOrder.State(row.state)], key=f"bulk_order:{row.pk}", title=str(row),
        url=reverse("bulk_order", args=[row.pk]), by=row.ordered_by, at=row.started_at or row.ordered_at,
        ended_at=row.ended_at, step="Each VM is asked about when its turn comes.", done=total - waiting, total=total,
    )  # fmt: skip


_BULK: dict[BulkOrder.State, State] = {
    BulkOrder.State.WAITING: OperationState.QUEUED,
    BulkOrder.State.RUNNING: OperationState.RUNNING,
    BulkOrder.State.DONE: OperationState.DONE,
    BulkOrder.State.CANCELLED: PlanState.CANCELLED,
}
_MADE: dict[type[Model], Callable[[Any], Job]] = {
    Migration: _of_migration,
    Operation: _of_operation,
    Plan: _of_plan,
    BulkOrder: _of_bulk,
}
