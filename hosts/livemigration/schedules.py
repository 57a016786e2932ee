"""The schedules of others, as they decide: by the number of the pass (oVirt), by time (Nova), by doubling (Proxmox)."""

from collections.abc import Sequence

from hosts.livemigration.decision import Decision, Facts, allow_pause, way_out
from hosts.livemigration.policy import GIB, Do, Policy, Step, Stuck
from hosts.livemigration.readings import Reading

#: Nova counts a guest as two GiB at least
_LEAST_GIB = 2.0
#: Proxmox: more looks than this at which more remained than before, and the pause doubles
_PATIENCE = 5


def by_passes(policy: Policy, readings: Sequence[Reading], facts: Facts) -> Decision | None:
    """oVirt: at a look, if there was a new pass since the last one and more than ``after`` passes are over, the next
    step is taken, one a look, whether or not what remains shrinks.

    A look is taken as soon as there is a new pass in its ten seconds, and passes are counted from the first one; vdsm
    counts from its own first look, 10 s in, so it can only be later.
    """
    every = max(policy.look_every_s, 0.001)
    look = int(facts.elapsed_s / every)
    if look < 1 or (facts.taken_at_s is not None and int(facts.taken_at_s / every) >= look):
        return None
    now = readings[-1].at
    since = facts.elapsed_s - (look - 1) * every
    before = [reading for reading in readings if (now - reading.at).total_seconds() >= since]
    over = readings[-1].iteration - 1
    if policy.look_every_s and before and before[-1].iteration - 1 >= over:
        return None
    ahead = [step for step in _schedule(policy)[facts.taken :] if _possible(step, facts)]
    if not ahead or ahead[0].after >= over:
        return None
    return _take(ahead[0], f"Pass {readings[-1].iteration} began, and it has not arrived.")


def _schedule(policy: Policy) -> list[Step]:
    last = [Step(after=0, do=Do(way)) for way in policy.ways_out if way in (Stuck.POSTCOPY, Stuck.CANCEL)]
    return [*policy.steps, *last]


def _possible(step: Step, facts: Facts) -> bool:
    if step.do in facts.turned:
        return False
    if step.do is Do.POSTCOPY:
        return facts.postcopy_possible
    return step.value is None or step.value > facts.max_downtime_ms


def _take(step: Step, because: str) -> Decision:
    if step.value is not None:
        return allow_pause(step.value, f"{because} The schedule allows {step.value} ms now.")
    return Decision(do=step.do, because=f"{because} It is the schedule’s next step.")


def by_time(policy: Policy, facts: Facts) -> Decision | None:
    """Nova: step ``after`` is due that many seconds for each GiB after the start; the greatest one due holds.

    500 ms in 10 steps of 75 s/GiB, 8 GiB: 50 ms at once, 95 ms after 10 min, 500 ms after 100 min.
    """
    gib = max(_LEAST_GIB, facts.memory_bytes / GIB)
    due = [step for step in policy.steps if facts.elapsed_s >= step.after * gib and _possible(step, facts)]
    if not due:
        return None
    return _take(due[-1], f"{facts.elapsed_s:.0f} s have passed.")


def by_doubling(policy: Policy, readings: Sequence[Reading], facts: Facts) -> Decision | None:
    """Proxmox: looks a second apart, closer when less remains than a second takes; after more than five at which more
    remained than at the one before, the allowed pause doubles and the count begins anew."""
    if Do.MAX_DOWNTIME in facts.turned or facts.max_downtime_ms >= policy.max_downtime_ms:
        return None
    now = readings[-1].at
    since = 0.0 if facts.taken_at_s is None else facts.taken_at_s
    fresh = [reading for reading in readings if facts.elapsed_s - (now - reading.at).total_seconds() > since]
    if _growths(fresh, policy.look_every_s) <= _PATIENCE:
        return None
    value = min(2 * facts.max_downtime_ms, policy.max_downtime_ms)
    return allow_pause(value, f"At more than {_PATIENCE} looks more remained than before: the pause doubles.")


def _growths(readings: Sequence[Reading], every_s: float) -> int:
    grown, last = 0, None
    for reading in readings:
        if last is not None:
            near = reading.remaining_bytes < reading.throughput * every_s
            if not near and (reading.at - last.at).total_seconds() < every_s:
                continue
            grown += reading.remaining_bytes > last.remaining_bytes or reading.remaining_bytes == 0
        last = reading
    return grown


def at_deadline(policy: Policy, facts: Facts, *, finish_ms: float) -> Decision | None:
    """Time is up: the policy's ways out, or the end. None before."""
    deadline = policy.deadline_s(facts.memory_bytes)
    if deadline is None or facts.elapsed_s < deadline:
        return None
    because = f"Its deadline of {deadline:.0f} s is over."
    return way_out(policy.ways_out, facts, because=because, finish_ms=finish_ms, stop=True)
