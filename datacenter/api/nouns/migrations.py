"""Migrations: read, their samples, the knobs; many ordered at once."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from datacenter import orders, rows
from datacenter.api.pages import Ask, Filtered, Page, page
from datacenter.api.problems import Problem
from datacenter.api.shared import Given, Pk, Ref, VMRef, find, seen
from hosts.models import VM, Adjustment, Host, Migration, Sample

router = Router(tags=["Migrations"])
SORTS = {"requested_at": "requested_at", "ended_at": "ended_at", "state": "state"}
MOST_AT_ONCE = 500


class MigrationOut(Schema):
    """One live migration. Sizes are bytes, rates bytes/s, pauses milliseconds."""

    id: int
    vm: VMRef
    source: Ref
    destination: Ref | None
    ours: bool = Field(description="false: another tool started it; it is followed, never touched.")
    requested_by: str
    requested_at: datetime
    state: str
    state_since: datetime
    because: str
    policy: str | None = Field(description="Under which it runs, with the version's number.")
    priority: str
    queue_place: int | None
    waits_for: str
    attempt: int
    offline: bool
    bandwidth: int | None
    max_downtime_ms: int | None
    postcopy_allowed: bool
    auto_converge: bool
    started_at: datetime | None
    ended_at: datetime | None
    pause_ms: float | None = Field(description="How long the guest stood still, by the hosts' own events.")
    total_bytes: int | None
    transferred_bytes: int | None
    iterations: int
    used_postcopy: bool
    remaining_bytes: int | None = Field(description="At the last sample.")
    throughput: float | None = Field(description="At the last sample.")
    dirty_rate: float | None = Field(description="At the last sample.")

    @staticmethod
    def resolve_policy(row: Any) -> Any:
        return str(row.policy) if row.policy else None


class MigrationDetail(MigrationOut):
    """With what was said beforehand."""

    checks: list[dict[str, Any]]
    expected: dict[str, Any] | None = Field(description="The forecast made right before the start.")


class SampleOut(Schema):
    """The migration at one instant."""

    at: datetime
    remaining_bytes: int
    processed_bytes: int
    total_bytes: int
    throughput: float
    dirty_rate: float | None
    iteration: int
    expected_downtime_ms: float | None
    throttle_percent: int


class AdjustmentOut(Schema):
    """A knob that was turned; the supervisor sees it at its next tick."""

    id: int
    migration: int
    kind: str
    value: int | None
    actor: str
    at: datetime
    applied_at: datetime | None
    error: str

    @staticmethod
    def resolve_migration(row: Any) -> Any:
        return row.migration_id


class MigrationAsk(Filtered):
    sort: Literal["requested_at", "-requested_at", "ended_at", "-ended_at", "state", "-state"] = "-requested_at"


class SampleAsk(Ask):
    sort: Literal["at", "-at"] = "at"


class BandwidthIn(Given):
    bandwidth: int | None = Field(ge=1 << 20, le=(1 << 40) - 1, description="Bytes/s; null: no cap.")


class PauseIn(Given):
    max_downtime_ms: int = Field(ge=1, le=2_000_000)


class ManyIn(Given):
    """VMs to be moved, placed together."""

    vms: list[UUID] = Field(min_length=1, max_length=MOST_AT_ONCE)
    destination: Pk | None = Field(None, description="One host for all; null: hosts that take them together.")


class MovedOut(Schema):
    """What became of one VM: its migration, or why there is none."""

    vm: VMRef
    migration: int | None
    reason: str

    @staticmethod
    def resolve_migration(row: Any) -> Any:
        return row.migration.pk if row.migration else None


@router.get("/migrations", response=Page[MigrationOut])
def list_migrations(request: HttpRequest, ask: Query[MigrationAsk]) -> Any:
    """Every migration, newest first."""
    return page(request, seen(request, migration_rows()), ask, noun="migration", sorts=SORTS)


@router.post("/migrations", response=list[MovedOut])
def migrate_many(request: HttpRequest, given: ManyIn) -> Any:
    """Order a migration of each VM. One that nobody can take keeps the others from nothing."""
    found = {row.uuid: row for row in seen(request, rows.vms()).filter(uuid__in=given.vms)}
    if missing := next((each for each in given.vms if each not in found), None):
        raise Problem("invalid", f"There is no VM {missing}.", field="vms")
    wanted = None
    if given.destination is not None:
        wanted = find(request, Host.objects.all(), "host", pk=given.destination)
    vms: list[VM] = [found[each] for each in dict.fromkeys(given.vms)]
    return orders.migrate_many(request.user, vms, wanted)


@router.get("/migrations/{int:pk}", response=MigrationDetail)
def read_migration(request: HttpRequest, pk: int) -> Any:
    """One of them, the same while it runs and months later."""
    return _found(request, pk)


@router.get("/migrations/{int:pk}/samples", response=Page[SampleOut])
def list_samples(request: HttpRequest, pk: int, ask: Query[SampleAsk]) -> Any:
    """What was measured while it ran, oldest first."""
    return page(request, _found(request, pk).samples.all(), ask, noun="sample", sorts={"at": "at"})


@router.get("/migrations/{int:pk}/adjustments", response=list[AdjustmentOut])
def list_adjustments(request: HttpRequest, pk: int) -> Any:
    """Every knob that was turned, by people and by its policy."""
    return _found(request, pk).adjustments.all()[:500]


@router.post("/migrations/{int:pk}/cancel", response={201: AdjustmentOut})
def cancel_migration(request: HttpRequest, pk: int) -> Any:
    """Give it up: the guest goes on on the source. Never possible from post-copy on."""
    return orders.adjust(request.user, _found(request, pk), Adjustment.CANCEL)


@router.post("/migrations/{int:pk}/post-copy", response={201: AdjustmentOut})
def start_postcopy(request: HttpRequest, pk: int) -> Any:
    """Let the guest run on the destination now, while its pages follow. No way back."""
    return orders.adjust(request.user, _found(request, pk), Adjustment.POSTCOPY)


@router.post("/migrations/{int:pk}/bandwidth", response={201: AdjustmentOut})
def set_bandwidth(request: HttpRequest, pk: int, given: BandwidthIn) -> Any:
    """Another cap."""
    return orders.adjust(request.user, _found(request, pk), Adjustment.BANDWIDTH, given.bandwidth)


@router.post("/migrations/{int:pk}/pause", response={201: AdjustmentOut})
def set_allowed_pause(request: HttpRequest, pk: int, given: PauseIn) -> Any:
    """Another allowed pause."""
    return orders.adjust(request.user, _found(request, pk), Adjustment.MAX_DOWNTIME, given.max_downtime_ms)


def migration_rows() -> Any:
    """Migrations with what they tell of, and their last sample's figures."""
    last = Sample.objects.filter(migration=OuterRef("pk")).order_by("-at")
    figures = {name: Subquery(last.values(name)[:1]) for name in ("remaining_bytes", "throughput", "dirty_rate")}
    return rows.migrations().defer("vm__xml", "pair", "taught").annotate(**figures)


def _found(request: HttpRequest, pk: int) -> Migration:
    row: Migration = find(request, migration_rows(), "migration", pk=pk)
    return row
