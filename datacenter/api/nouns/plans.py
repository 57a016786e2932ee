"""Maintenance plans: read with hosts, moves and steps; make, change, approve, run."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema

from datacenter import rows
from datacenter.api.nouns.terms import PLAIN, TermsIn, TermsOut, told
from datacenter.api.pages import Ask, Filtered, Page, page
from datacenter.api.shared import Given, Line, Pk, Ref, Version, VMRef, find, find_all, seen, tag, version_of
from datacenter.maintenance import orders as ordered
from datacenter.maintenance import plans
from datacenter.models import Plan, PlanHost, PlanMove, PlanStep
from hosts.models import Host

router = Router(tags=["Maintenance plans"])
SORTS = {"made_at": "made_at", "state": "state", "title": "title"}


class PlanOut(Schema):
    """Hosts to be emptied, worked on and given back. ``version`` rises with each change."""

    id: int
    title: str
    reason: str
    policy: Ref | None
    state: str
    state_since: datetime
    because: str
    version: int
    terms: TermsOut
    made_by: str
    made_at: datetime
    computed_at: datetime | None
    approved_by: str
    approved_at: datetime | None
    starts_at: datetime | None
    window_ends_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    expected_s: float | None
    expected_p90_s: float | None
    vm_count: int
    left_count: int = Field(description="VMs that have left already.")
    red_count: int = Field(description="VMs that block.")

    @staticmethod
    def resolve_terms(row: Any) -> Any:
        return told(row.terms)


class PlanHostOut(Schema):
    """One host of a plan, in its place in the roll. Seconds count from the plan's start."""

    id: int
    host: Ref
    position: int
    state: str
    state_since: datetime
    because: str
    expected_start_s: float | None
    expected_empty_s: float | None
    expected_end_s: float | None
    started_at: datetime | None
    empty_at: datetime | None
    ended_at: datetime | None


class PlanMoveOut(Schema):
    """What becomes of one VM on its way out, or home again."""

    id: int
    plan_host: int
    vm: VMRef
    leg: str
    action: str
    target: Ref | None
    chosen_by: str
    light: str = Field(description="green, yellow, red.")
    why: str
    remedy: str
    wave: int
    position: int
    expected_start_s: float | None
    expected_s: float | None
    expected_pause_ms: float | None
    state: str
    because: str
    migration: int | None
    operation: int | None
    started_at: datetime | None
    ended_at: datetime | None

    @staticmethod
    def resolve_plan_host(row: Any) -> Any:
        return row.plan_host_id

    @staticmethod
    def resolve_migration(row: Any) -> Any:
        return row.migration_id

    @staticmethod
    def resolve_operation(row: Any) -> Any:
        return row.operation_id


class PlanStepOut(Schema):
    """Work on a host of a plan."""

    id: int
    plan_host: int
    position: int
    when: str
    kind: str
    params: dict[str, Any]
    state: str
    because: str
    output: str
    started_at: datetime | None
    ended_at: datetime | None

    @staticmethod
    def resolve_plan_host(row: Any) -> Any:
        return row.plan_host_id


class PlanAsk(Filtered):
    sort: Literal["made_at", "-made_at", "state", "-state", "title", "-title"] = "-made_at"


class MoveAsk(Ask):
    sort: Literal["id"] = "id"


class PlanIn(Given):
    """Hosts of one cluster, and how to go about it."""

    hosts: list[Pk] = Field(min_length=1, max_length=200)
    title: str = Field("", max_length=120)
    reason: Line = ""
    terms: TermsIn = PLAIN
    window_ends_at: datetime | None = Field(None, description="Nothing begins whose forecast end lies past it.")


class VersionIn(Given):
    version: Version | None = None


class ApproveIn(VersionIn):
    starts_at: datetime | None = Field(None, description="Not before; null: when somebody starts it.")


class WindowIn(VersionIn):
    window_ends_at: datetime | None = None


class CancelIn(VersionIn):
    stop_running: bool = Field(False, description="Ends running migrations too.")


class ChangeTermsIn(VersionIn):
    terms: TermsIn


class ChangeHostIn(VersionIn):
    position: int | None = Field(None, ge=1, le=10_000)
    skip: bool | None = Field(None, description="Leave it out; false, in a draft: take it in again.")


class ChangeMoveIn(VersionIn):
    action: Literal["migrate", "shutdown", "suspend", "leave"] | None = None
    target: Pk | None = None
    position: int | None = Field(None, ge=1, le=1_000_000)


class ConfirmIn(Given):
    ok: bool = Field(description="false: it has failed, and the roll stops.")
    note: Line = ""


@router.get("/plans", response=Page[PlanOut])
def list_plans(request: HttpRequest, ask: Query[PlanAsk]) -> Any:
    """Every plan, newest first."""
    return page(request, seen(request, plan_rows()), ask, noun="plan", sorts=SORTS)


@router.post("/plans", response={201: PlanOut})
def make_plan(request: HttpRequest, response: HttpResponse, given: PlanIn) -> Any:
    """A draft, computed: every VM's way, what it takes, what blocks. Nothing happens until it is started."""
    found = find_all(request, Host.objects.select_related("cluster__datacenter"), given.hosts, field="hosts")
    made = plans.make_plan(
        request.user,
        found,
        title=given.title,
        reason=given.reason,
        terms=given.terms.terms(),
        window_ends_at=given.window_ends_at,
    )
    return _answer(response, made.pk)


@router.get("/plans/{int:pk}", response=PlanOut)
def read_plan(request: HttpRequest, response: HttpResponse, pk: int) -> Any:
    """One plan; ETag is its version."""
    _found(request, pk)
    return _answer(response, pk)


@router.get("/plans/{int:pk}/hosts", response=list[PlanHostOut])
def list_plan_hosts(request: HttpRequest, pk: int) -> Any:
    """Its hosts, in the order of the roll."""
    return _found(request, pk).hosts.select_related("host")


@router.get("/plans/{int:pk}/moves", response=Page[PlanMoveOut])
def list_plan_moves(request: HttpRequest, pk: int, ask: Query[MoveAsk]) -> Any:
    """What becomes of every VM."""
    found = PlanMove.objects.filter(plan_host__plan=_found(request, pk)).select_related("vm", "target").defer("vm__xml")
    return page(request, found, ask, noun="plan_move", sorts={"id": "pk"})


@router.get("/plans/{int:pk}/steps", response=Page[PlanStepOut])
def list_plan_steps(request: HttpRequest, pk: int, ask: Query[MoveAsk]) -> Any:
    """The work on its hosts."""
    found = PlanStep.objects.filter(plan_host__plan=_found(request, pk))
    return page(request, found, ask, noun="plan_step", sorts={"id": "pk"})


@router.put("/plans/{int:pk}/terms", response=PlanOut)
def change_plan_terms(request: HttpRequest, response: HttpResponse, pk: int, given: ChangeTermsIn) -> Any:
    """How it goes about it; hosts that have begun keep their steps."""
    version = version_of(request, given.version, needed=True) or 0
    plans.change_terms(request.user, _found(request, pk), version=version, terms=given.terms.terms())
    return _answer(response, pk)


@router.patch("/plans/{int:pk}/hosts/{int:host}", response=PlanOut)
def change_plan_host(request: HttpRequest, response: HttpResponse, pk: int, host: int, given: ChangeHostIn) -> Any:
    """Its place in the roll, or that it is left out. ``host`` is the id within the plan."""
    plan = _found(request, pk)
    seat = find(request, PlanHost.objects.filter(plan=plan).select_related("host"), "host of this plan", pk=host)
    version = version_of(request, given.version, needed=True) or 0
    plans.change_host(request.user, plan, seat, version=version, position=given.position, skip=given.skip)
    return _answer(response, pk)


@router.patch("/plans/{int:pk}/moves/{int:move}", response=PlanOut)
def change_plan_move(request: HttpRequest, response: HttpResponse, pk: int, move: int, given: ChangeMoveIn) -> Any:
    """What is done with one VM, where it goes, when."""
    plan = _found(request, pk)
    found = PlanMove.objects.filter(plan_host__plan=plan).select_related("vm__host", "plan_host")
    row = find(request, found, "move of this plan", pk=move)
    target = None
    if given.target is not None:
        target = find(request, Host.objects.select_related("cluster"), "host", pk=given.target)
    version = version_of(request, given.version, needed=True) or 0
    said: Any = {"action": given.action, "target": target, "position": given.position}
    plans.change_move(request.user, plan, row, version=version, **said)
    return _answer(response, pk)


@router.post("/plans/{int:pk}/hosts/{int:host}/skip", response=PlanOut)
def skip_plan_host(request: HttpRequest, response: HttpResponse, pk: int, host: int) -> Any:
    """Pass over a host of a plan that runs."""
    found = PlanHost.objects.filter(plan=_found(request, pk)).select_related("host", "plan")
    ordered.skip_host(request.user, find(request, found, "host of this plan", pk=host))
    return _answer(response, pk)


@router.post("/plans/{int:pk}/steps/{int:step}/confirm", response=PlanStepOut)
def confirm_plan_step(request: HttpRequest, pk: int, step: int, given: ConfirmIn) -> Any:
    """A person's word on a step that waits for one."""
    found = PlanStep.objects.filter(plan_host__plan=_found(request, pk)).select_related("plan_host__plan")
    row = find(request, found, "step of this plan", pk=step)
    ordered.confirm_step(request.user, row, ok=given.ok, note=given.note)
    row.refresh_from_db()
    return row


@router.post("/plans/{int:pk}/approve", response=PlanOut)
def approve_plan(request: HttpRequest, response: HttpResponse, pk: int, given: ApproveIn) -> Any:
    """From now on it holds its hosts."""
    version = version_of(request, given.version, needed=True) or 0
    ordered.approve(request.user, _found(request, pk), version=version, starts_at=given.starts_at)
    return _answer(response, pk)


@router.post("/plans/{int:pk}/unapprove", response=PlanOut)
def unapprove_plan(request: HttpRequest, response: HttpResponse, pk: int, given: VersionIn) -> Any:
    """Back to a draft; its hosts are free again."""
    ordered.unapprove(request.user, _found(request, pk), version=version_of(request, given.version))
    return _answer(response, pk)


@router.post("/plans/{int:pk}/start", response=PlanOut)
def start_plan(request: HttpRequest, response: HttpResponse, pk: int, given: WindowIn) -> Any:
    """Approved to running."""
    version = version_of(request, given.version)
    ordered.start(request.user, _found(request, pk), version=version, window_ends_at=given.window_ends_at)
    return _answer(response, pk)


@router.post("/plans/{int:pk}/pause", response=PlanOut)
def pause_plan(request: HttpRequest, response: HttpResponse, pk: int, given: VersionIn) -> Any:
    """Hosts that have begun are finished, no further one begins."""
    ordered.pause(request.user, _found(request, pk), version=version_of(request, given.version))
    return _answer(response, pk)


@router.post("/plans/{int:pk}/resume", response=PlanOut)
def resume_plan(request: HttpRequest, response: HttpResponse, pk: int, given: WindowIn) -> Any:
    """On from where it paused, stopped or failed."""
    version = version_of(request, given.version)
    ordered.resume(request.user, _found(request, pk), version=version, window_ends_at=given.window_ends_at)
    return _answer(response, pk)


@router.post("/plans/{int:pk}/cancel", response=PlanOut)
def cancel_plan(request: HttpRequest, response: HttpResponse, pk: int, given: CancelIn) -> Any:
    """What is queued is cancelled at once, what runs only with ``stop_running``."""
    version = version_of(request, given.version)
    ordered.cancel(request.user, _found(request, pk), stop_running=given.stop_running, version=version)
    return _answer(response, pk)


def plan_rows() -> Any:
    """Plans with their counts."""
    return rows.plans()


def _found(request: HttpRequest, pk: int) -> Plan:
    row: Plan = find(request, Plan.objects.all(), "plan", pk=pk)
    return row


def _answer(response: HttpResponse, pk: int) -> Plan:
    row: Plan = plan_rows().get(pk=pk)
    tag(response, row.version)
    return row
