"""Who drives a plan: its row and its terms, the lease, the clock. All that a tick does goes through ``act``.

What the runner does is rows: a move that begins and the migration it asks for are written in one transaction, which
locks the plan's row and reads the lease's epoch there. So whoever lost the lease writes nothing, nothing is asked for
twice, and what died in between was not there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from datacenter.maintenance.terms import Terms
from datacenter.models.plan import Plan, PlanHost, PlanMove, PlanStep
from hosts.claim import Lease
from hosts.models import VM
from hosts.virt.clock import Clock

#: a VM without a forecast: its memory at this rate, and so long for the rest
PLAIN_BYTES_PER_S, PLAIN_S = 100.0 * (1 << 20), 15.0


class LeaseLost(Exception):
    """Another worker drives this plan now."""


@dataclass(slots=True, kw_only=True)
class Reins:
    """One tick's hold on one plan. ``run_step``: how a step is run; a worker gives it a thread of its own."""

    plan: Plan
    clock: Clock
    run_step: Callable[[PlanStep], None]
    lease: Lease | None = None
    terms: Terms = field(init=False)

    def __post_init__(self) -> None:
        self.terms = Terms.from_json(self.plan.terms)

    @property
    def actor(self) -> str:
        return f"plan {self.plan.title}"[:150]

    @contextmanager
    def act(self) -> Iterator[Plan]:
        """A transaction with the plan's row locked, as it is now. LeaseLost where somebody else has it."""
        with transaction.atomic():
            row = Plan.objects.select_for_update().get(pk=self.plan.pk)
            if self.lease is not None and not self._is_mine():
                raise LeaseLost(f"{row} is driven by {row.lease_holder or 'nobody'} now.")
            self.plan = row
            self.terms = Terms.from_json(row.terms)
            yield row

    def _is_mine(self) -> bool:
        lease = self.lease
        assert lease is not None
        mine = Plan.objects.filter(pk=lease.pk, lease_holder=lease.holder, lease_epoch=lease.epoch)
        return mine.filter(lease_until__gte=Now()).exists()

    # the window
    def closing(self) -> bool:
        """Whether the window has ended."""
        return self.plan.window_ends_at is not None and self.clock.now() >= self.plan.window_ends_at

    def fits(self, seconds: float) -> bool:
        """Whether what takes so long ends within the window."""
        end = self.plan.window_ends_at
        return end is None or self.clock.now() + timedelta(seconds=seconds) <= end

    def since(self, moment: datetime | None) -> float:
        """Seconds since then; 0 where the clock was set back meanwhile, or there is no such moment."""
        return max(0.0, (self.clock.now() - moment).total_seconds()) if moment else 0.0


def move_s(move: PlanMove) -> float:
    """How long this move takes, with nine of ten: the forecast, or the plain size of its memory."""
    if move.expected_p90_s is not None:
        return move.expected_p90_s
    return 1.5 * move.expected_s if move.expected_s is not None else plain_s(move.vm)


def plain_s(vm: VM) -> float:
    return vm.memory_bytes / PLAIN_BYTES_PER_S + PLAIN_S


def host_s(row: PlanHost) -> float:
    """How long this host takes from its beginning to its end, with nine of ten."""
    if row.expected_end_s is not None and row.expected_start_s is not None:
        plan = row.plan
        wide = plan.expected_p90_s / plan.expected_s if plan.expected_p90_s and plan.expected_s else 1.0
        return (row.expected_end_s - row.expected_start_s) * max(1.0, wide)
    moves = [move_s(move) for move in row.moves.filter(leg=PlanMove.Leg.OUT).select_related("vm")]
    return max([0.0, *moves, sum(moves) / 2])
