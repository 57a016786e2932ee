"""Between a plan's rows and the planner: what the rows wish for, and what it proposed written into them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from datacenter.maintenance.planner import Action, Choice, HostOutlook, HostWish, Move, Proposal, Wishes
from datacenter.maintenance.terms import After, Terms
from datacenter.models import Plan, PlanHost, PlanMove, PlanStep
from hosts.states import PlanHostState, PlanMoveState, PlanStepState

#: what a step takes as a rule, in seconds: nothing tells before it was done once
STEP_S = {
    PlanStep.Kind.COMMAND: 60.0,
    PlanStep.Kind.REBOOT: 240.0,
    PlanStep.Kind.HEALTH: 10.0,
    PlanStep.Kind.WEBHOOK: 2.0,
    PlanStep.Kind.CONFIRM: 300.0,
}
BEGUN = (PlanHostState.DRAINING, PlanHostState.WORKING, PlanHostState.RETURNING)
_TO_DO = (PlanStepState.WAITING, PlanStepState.RUNNING, PlanStepState.ASKING)
_WRITTEN = (
    "action", "fallback", "target", "chosen_by", "target_chosen", "position_chosen", "light", "why", "remedy", "wave",
    "position", "expected_start_s", "expected_s", "expected_p90_s", "expected_pause_ms", "state",
)  # fmt: skip


def wishes(terms: Terms, hosts: Iterable[PlanHost], moves: Iterable[PlanMove], steps: Iterable[PlanStep]) -> Wishes:
    """What is left of the plan: hosts that have begun first, then those that wait, in their order."""
    work: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for step in steps:
        if step.state in _TO_DO:
            work[step.plan_host_id][step.when] += STEP_S[PlanStep.Kind(step.kind)]
    waiting = defaultdict(set)
    choices = {}
    names = {row.pk: row.host_id for row in hosts}
    for move in moves:
        if move.leg == PlanMove.Leg.OUT and move.state == PlanMoveState.WAITING:
            waiting[move.plan_host_id].add(move.vm_id)
            if move.chosen_by or move.position_chosen:
                choices[names[move.plan_host_id], move.vm_id] = _choice(move)
    left = [row for row in hosts if row.state in BEGUN or row.state == PlanHostState.WAITING]
    left.sort(key=lambda row: (row.state not in BEGUN, row.position, row.pk))
    return Wishes(
        hosts=tuple(_wish(row, work[row.pk], frozenset(waiting[row.pk])) for row in left),
        at_once=terms.at_once,
        keep_spare=terms.keep_spare,
        stop_unmovable=terms.stop_unmovable,
        skip_blocked=terms.skip_blocked,
        home=terms.home,
        home_stagger_s=terms.home_stagger_s,
        shutdown_limit_s=terms.shutdown_limit_s,
        activates=terms.follow is After.ACTIVATE,
        choices=choices,
    )


def _choice(move: PlanMove) -> Choice:
    return Choice(
        action=Action(move.action) if move.chosen_by else None,
        target=move.target_id if move.target_chosen else None,
        position=move.position if move.position_chosen else None,
    )


def _wish(row: PlanHost, work: Mapping[str, float], waiting: frozenset[int]) -> HostWish:
    begun = row.state in BEGUN
    after = 0.0 if row.state == PlanHostState.RETURNING else work[PlanStep.When.EMPTY]
    return HostWish(
        key=row.host_id,
        before_s=work[PlanStep.When.BEFORE],
        empty_s=after,
        after_s=work[PlanStep.When.AFTER],
        begun=begun,
        vms=waiting if begun else None,
    )


def write(plan: Plan, hosts: Iterable[PlanHost], moves: Iterable[PlanMove], proposal: Proposal) -> None:
    """Put it into the rows, in a fixed number of statements. What has begun keeps what it has."""
    passed = (timezone.now() - plan.started_at).total_seconds() if plan.started_at else 0.0
    rows = {row.host_id: row for row in hosts}
    outlooks = {outlook.key: outlook for outlook in proposal.hosts}
    for key, row in rows.items():
        if key in outlooks:
            _foresee(row, outlooks[key], passed)
    PlanHost.objects.bulk_update(
        [rows[key] for key in outlooks], ["expected_start_s", "expected_empty_s", "expected_end_s"], batch_size=500
    )
    _write_moves(rows, list(moves), proposal, passed)
    if proposal.seconds is not None:
        plan.expected_s = passed + proposal.seconds
        plan.expected_p90_s = passed + (proposal.p90_s or proposal.seconds)
    else:
        plan.expected_s = plan.expected_p90_s = None


def _foresee(row: PlanHost, outlook: HostOutlook, passed: float) -> None:
    if row.state == PlanHostState.WAITING:
        row.expected_start_s = _later(outlook.start_s, passed)
    row.expected_empty_s = _later(outlook.empty_s, passed) if row.empty_at is None else row.expected_empty_s
    row.expected_end_s = _later(outlook.end_s, passed)


def _later(seconds: float | None, passed: float) -> float | None:
    return None if seconds is None else round(seconds + passed, 1)


def _write_moves(rows: Mapping[int, PlanHost], before: list[PlanMove], proposal: Proposal, passed: float) -> None:
    old = {(move.plan_host_id, move.vm_id, move.leg): move for move in before}
    todo = {(rows[move.host].pk, move.vm, str(move.leg)): move for move in proposal.moves}
    kept = {key for key, move in old.items() if not _may_change(move)}
    gone = [
        move.pk
        for key, move in old.items()
        if key not in kept and (key not in todo or move.state != PlanMoveState.WAITING) and _is_ours(move, rows, todo)
    ]
    PlanMove.objects.filter(pk__in=gone).delete()
    fresh = [_row(key, move, old.get(key), passed) for key, move in todo.items() if key not in kept]
    PlanMove.objects.bulk_create(
        fresh,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["plan_host", "vm", "leg"],
        update_fields=list(_WRITTEN),
    )


def _may_change(move: PlanMove) -> bool:
    """What runs or is done stays as it is; on a host whose turn is still to come everything begins anew."""
    if move.state == PlanMoveState.RUNNING:
        return False
    if move.plan_host.state in BEGUN and move.attempts and move.light == PlanMove.Light.RED and not move.chosen_by:
        return False  # it was tried, and the runner says why it failed
    return move.state == PlanMoveState.WAITING or move.plan_host.state == PlanHostState.WAITING


def _is_ours(move: PlanMove, rows: Mapping[int, PlanHost], todo: Mapping[tuple[int, int, str], Move]) -> bool:
    """Whether the row is this computation's to take away: not what is done, nor the way home from what has begun."""
    row = rows[move.plan_host.host_id]
    if row.state == PlanHostState.WAITING:
        return move.state != PlanMoveState.DONE or (move.plan_host_id, move.vm_id, move.leg) in todo
    return row.state in BEGUN and move.leg == PlanMove.Leg.OUT


def _row(key: tuple[int, int, str], move: Move, old: PlanMove | None, passed: float) -> PlanMove:
    plan_host, vm, leg = key
    chosen: dict[str, Any] = {"chosen_by": "", "target_chosen": False, "position_chosen": False}
    if old is not None:
        chosen = {name: getattr(old, name) for name in chosen}
    return PlanMove(
        plan_host_id=plan_host,
        vm_id=vm,
        leg=leg,
        action=str(move.action),
        fallback=str(move.fallback or ""),
        target_id=move.target,
        light=str(move.light),
        why=move.why[:500],
        remedy=move.remedy[:500],
        wave=move.wave,
        position=move.position,
        expected_start_s=_later(move.start_s, passed),
        expected_s=move.seconds,
        expected_p90_s=move.p90_s,
        expected_pause_ms=move.pause_ms,
        state=PlanMoveState.WAITING,
        **chosen,
    )
