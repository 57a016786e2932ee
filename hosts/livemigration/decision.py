"""What a policy decides from, and what it decides. Pure."""

from dataclasses import dataclass

from hosts.livemigration.policy import GREATEST_DOWNTIME_MS, Do, Stuck

#: QEMU's own allowed pause where nobody set one, in ms
QEMU_DOWNTIME_MS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All but the readings: what holds now for this migration, and what is known of its way."""

    elapsed_s: float  # since libvirt was asked
    memory_bytes: int
    max_downtime_ms: int = QEMU_DOWNTIME_MS  # QEMU's limit now
    bandwidth: int | None = None  # the cap now, bytes/s
    budget_ms: int | None = None  # a person's word at the start; None: the policy's
    line: float | None = None  # bytes/s that migrations of this pair of hosts got without a cap; None: not known
    switch_s: float = 0.06  # what a switch-over costs beside the last bytes; learnt of the pair
    dirty_rate_before: float | None = None  # bytes/s over a second, measured before the start
    postcopy_possible: bool = False  # allowed at the start, both hosts can recover it, the destination is well
    throttles: bool = False  # started with auto-converge
    turned: frozenset[str] = frozenset()  # the knobs that a person has turned: no policy touches them any more
    taken: int = 0  # decisions of this policy so far
    taken_at_s: float | None = None  # when the last was, as elapsed_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One knob to turn, and why. ``value``: ms for MAX_DOWNTIME, else None."""

    do: Do
    value: int | None = None
    because: str


def allow_pause(milliseconds: float, because: str) -> Decision:
    """A decision within what QEMU takes."""
    value = max(1, min(GREATEST_DOWNTIME_MS, int(milliseconds)))
    return Decision(do=Do.MAX_DOWNTIME, value=value, because=because)


def way_out(
    ways: tuple[Stuck, ...], facts: Facts, *, because: str, finish_ms: float, stop: bool = False
) -> Decision | None:
    """The first of ``ways`` that can be taken now; None: it is left as it is.

    ``finish_ms``: the limit under which QEMU would stop the guest for the rest. ``stop``: time is up, so that waiting
    and throttling on are no ways any more. A pause that breaks the budget is taken only where the policy says so.
    """
    for way in ways:
        if way is Stuck.POSTCOPY and facts.postcopy_possible and Do.POSTCOPY not in facts.turned:
            return Decision(do=Do.POSTCOPY, because=because)
        if way is Stuck.PAUSE and Do.MAX_DOWNTIME not in facts.turned:
            if finish_ms <= facts.max_downtime_ms:
                return None  # allowed already; QEMU takes it at the next sync
            return allow_pause(finish_ms, f"{because} The policy lets it pause to finish.")
        if way is Stuck.CANCEL:
            return Decision(do=Do.CANCEL, because=because)
        if not stop and (way is Stuck.WAIT or (way is Stuck.THROTTLE and facts.throttles)):
            return None
    return Decision(do=Do.CANCEL, because=because) if stop or Stuck.WAIT not in ways else None
