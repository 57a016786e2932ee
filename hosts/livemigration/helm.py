"""A migration’s policy at work: asked at each pass and each second; what it turns goes the way of a person’s orders."""

import logging
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from django.db.models import Q

from hosts.livemigration import knobs
from hosts.livemigration.adaptive import PastPause, first_limit_ms, switch_cost_s
from hosts.livemigration.convergence import decide
from hosts.livemigration.decision import QEMU_DOWNTIME_MS, Decision, Facts
from hosts.livemigration.policy import Do, Method, Policy, from_json
from hosts.livemigration.terms import recoverable
from hosts.models import Adjustment, Host, Migration, Sample
from hosts.states import OPEN_MIGRATION, HostState, MigrationState

if TYPE_CHECKING:  # the supervisor holds a helm: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor

log = logging.getLogger(__name__)

#: between two questions within a pass, in seconds
ASK_EVERY_S = 1.0
#: past migrations that a pair of hosts is judged by
_LAST = 8
#: what shares the line is looked at this often, in seconds
_SHARERS_EVERY = timedelta(seconds=3)


def actor_of(policy_name: str) -> str:
    """Who a policy is among people; no account's name has a space."""
    return f"policy {policy_name}"


def is_policy(actor: str) -> bool:
    return actor.startswith("policy ")


class Helm:
    """One migration's policy, and what it has to know. Reads the database when first asked, then only what changes."""

    def __init__(self, row: Migration) -> None:
        self._version = row.policy
        self.policy: Policy | None = from_json(row.policy.data) if row.policy and row.ours else None
        self._asked_at: float | None = None
        self._pass = 0
        self._history: list[tuple[str, float]] | None = None  # the policy's own: kind, seconds after the start
        self._turned: set[str] = set()
        self._line: float | None = None
        self._switch_s = switch_cost_s(())
        self._sharers = 1
        self._sharers_at = row.requested_at - _SHARERS_EVERY

    def first_downtime_ms(self, row: Migration) -> int | None:
        """The limit to start with: Adaptive's counts what the line takes while the guest stands still."""
        if self.policy is None or self.policy.method is not Method.ADAPTIVE or row.destination is None:
            return row.max_downtime_ms
        self._line, self._switch_s = learnt(row.source, row.destination)
        return first_limit_ms(self.policy, self._facts(row, 0.0))

    def heard(self, adjustment: Adjustment) -> None:
        """Somebody turned a knob: a person's is a person's from now on."""
        if not is_policy(adjustment.actor):
            self._turned.add(adjustment.kind)

    def consult(self, it: "Supervisor") -> None:
        """Ask the policy, where there is something new to judge, and do what it says."""
        readings, now = it.journal.recent, it.clock.monotonic()
        if self.policy is None or not readings or it.row.cancel_requested_at is not None:
            return
        if readings[-1].iteration == self._pass and self._asked_at is not None and now < self._asked_at + ASK_EVERY_S:
            return
        self._asked_at, self._pass = now, readings[-1].iteration
        self._remember(it.row)
        self._count_sharers(it)
        elapsed_s = (it.clock.now() - it.row.started_at).total_seconds() if it.row.started_at else 0.0
        decision = decide(self.policy, readings, self._facts(it.row, elapsed_s))
        if decision is not None and self._may(it, decision):
            self._do(it, decision, elapsed_s)

    def _facts(self, row: Migration, elapsed_s: float) -> Facts:
        assert self.policy is not None
        assert row.destination is not None
        history = self._history or []
        budget = row.pause_budget_ms
        fixed = {Do.MAX_DOWNTIME.value} if budget is not None and self.policy.method is not Method.ADAPTIVE else set()
        return Facts(
            elapsed_s=elapsed_s,
            memory_bytes=row.vm.memory_bytes,
            max_downtime_ms=row.max_downtime_ms or QEMU_DOWNTIME_MS,
            bandwidth=row.bandwidth,
            budget_ms=budget,
            line=self._line / self._sharers if self._line else None,
            switch_s=self._switch_s,
            dirty_rate_before=row.dirty_rate_before,
            postcopy_possible=row.postcopy_allowed and recoverable(row.source, row.destination),
            throttles=row.auto_converge,
            turned=frozenset(self._turned | fixed),
            taken=len(history),
            taken_at_s=history[-1][1] if history else None,
        )

    def _remember(self, row: Migration) -> None:
        """What was turned before this process took it over."""
        if self._history is not None:
            return
        self._history = []
        for order in Adjustment.objects.filter(migration=row).order_by("at", "id"):
            if is_policy(order.actor):
                since = (order.at - row.started_at).total_seconds() if row.started_at else 0.0
                self._history.append((order.kind, since))
            else:
                self._turned.add(order.kind)
        if self._line is None and row.destination is not None:
            self._line, self._switch_s = learnt(row.source, row.destination)

    def _count_sharers(self, it: "Supervisor") -> None:
        """How many migrations use the lines of these two hosts now: what is learnt of a line is for one alone."""
        now = it.clock.now()
        if self._line is None or it.row.bandwidth is None or now < self._sharers_at + _SHARERS_EVERY:
            return
        self._sharers_at = now
        ends = (it.row.source_id, it.row.destination_id)
        others = Migration.objects.filter(Q(source__in=ends) | Q(destination__in=ends), state__in=OPEN_MIGRATION)
        waiting = (MigrationState.QUEUED, MigrationState.CHECKING, MigrationState.MEASURING)
        self._sharers = max(1, others.exclude(state__in=waiting).count())

    def _may(self, it: "Supervisor", decision: Decision) -> bool:
        """Post-copy only to a host that is well at this moment: after it there is no way back."""
        if decision.do is not Do.POSTCOPY:
            return True
        there = it.row.destination
        return there is not None and Host.objects.filter(pk=there.pk, state=HostState.UP).exists()

    def _do(self, it: "Supervisor", decision: Decision, elapsed_s: float) -> None:
        """A row first, so that a worker that takes over knows of it; then the knob."""
        assert self._version is not None
        assert self._history is not None
        it.guard()
        row = it.row
        order = Adjustment.objects.create(
            migration=row,
            kind=decision.do.value,
            value=decision.value,
            actor=actor_of(self._version.policy.name),
            because=decision.because[:500],
            at=it.clock.now(),
        )
        self._history.append((order.kind, elapsed_s))
        log.info(
            "The policy %s decides for %s: %s %s. %s",
            self._version,
            row,
            decision.do,
            decision.value or "",
            decision.because,
            extra={"action": "policy_decided", "row": row.pk, "kind": order.kind, "value": order.value},
        )
        if decision.do is Do.CANCEL:
            row.cancel_requested_at = order.at
            Migration.objects.filter(pk=row.pk, cancel_requested_at=None).update(cancel_requested_at=order.at)
        knobs.turn(row, order, lambda: it.eyes.source)  # what has to wait is found again with the people's orders


def learnt(source: Host, destination: Host) -> tuple[float | None, float]:
    """What the last migrations between these two tell: bytes/s without a cap, and a switch-over's cost in seconds.

    The line: the best median throughput among those without a cap; None where there was none.
    """
    past = Migration.objects.filter(
        source=source, destination=destination, state=MigrationState.DONE, used_postcopy=False, bandwidth=None
    ).order_by("-ended_at")[:_LAST]
    runs = {row.pk: row for row in past}
    samples: dict[int, list[Sample]] = {}
    for sample in Sample.objects.filter(migration__in=list(runs), throughput__gt=0).order_by("at"):
        samples.setdefault(sample.migration_id, []).append(sample)
    lines = [median(each.throughput for each in run) for run in samples.values() if len(run) >= 3]
    line = max(lines, default=None)
    if line is None:
        return None, switch_cost_s(())
    return line, switch_cost_s(
        [pause for pk, run in samples.items() if (pause := _past_pause(runs[pk], run[-1], line))]
    )


def _past_pause(row: Migration, last: Sample, line: float) -> PastPause | None:
    if row.suspended_at is None or row.pause_ms is None or last.iteration < 2:
        return None  # in the first pass what remains counts zero pages, which cost nothing
    since_s = max(0.0, (row.suspended_at - last.at).total_seconds())
    left = max(0.0, last.remaining_bytes - since_s * line)
    return PastPause(seconds=row.pause_ms / 1000, remaining_bytes=left, line=line)
