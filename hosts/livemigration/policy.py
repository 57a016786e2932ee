"""How migrations are steered, as data: what a policy holds, and what is refused as a contradiction. Pure.

A policy is kept as JSON (:func:`as_json`, :func:`from_json`); the decisions that follow from it are in convergence.py.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

GIB = 1 << 30
MIB = 1 << 20

#: what libvirt takes for a bandwidth: whole MiB/s, at least one, and no more than fits QEMU's 64 bits
LEAST_BANDWIDTH = MIB
GREATEST_BANDWIDTH = (1 << 40) - 1
GREATEST_DOWNTIME_MS = 2_000_000
#: multifd channels: QEMU's field is 8 bits wide
GREATEST_PARALLEL = 255


class Method(StrEnum):
    """Who looks at what before anything is turned."""

    ADAPTIVE = "adaptive"  # what remains, how fast it is dirtied, what the line takes once the cap is lifted
    PASSES = "passes"  # the number of the pass alone (oVirt)
    TIME = "time"  # seconds for each GiB of memory (Nova)
    DOUBLING = "doubling"  # the allowed pause doubles whenever what remains does not shrink (Proxmox)
    BY_HAND = "by_hand"  # nobody: people turn the knobs


class Stuck(StrEnum):
    """What is done where a migration will not converge within the pause."""

    WAIT = "wait"
    THROTTLE = "throttle"  # the guest's vCPUs are slowed down until it converges
    POSTCOPY = "postcopy"
    PAUSE = "pause"  # it stands still until the rest has gone over, however long that takes
    CANCEL = "cancel"


class Arrival(StrEnum):
    """Whether the guest arrives paused, to be let go on by the guardian once the source's copy has ended.

    Two copies then cannot run, whatever fails; it costs 0.3 to 1.2 s of pause, and post-copy (docs/decisions/0016).
    """

    ALWAYS = "always"
    UNLOCKED = "unlocked"  # where a host is stated to lock no disks
    NEVER = "never"


class Do(StrEnum):
    """One thing a step does: an Adjustment's kind."""

    MAX_DOWNTIME = "max_downtime"
    POSTCOPY = "postcopy"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a schedule. ``after``: more passes than this (PASSES; 0: the next look), or seconds for each GiB
    of memory (TIME). ``value``: ms for MAX_DOWNTIME, else None."""

    after: int
    do: Do = Do.MAX_DOWNTIME
    value: int | None = None


class Contradiction(ValueError):
    """A policy that cannot be followed. ``field`` is the one at fault; the text is a sentence for the person."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that a policy says. None: QEMU's own default, or no limit."""

    method: Method = Method.ADAPTIVE
    concurrent: int | None = None  # migrations of a host at once, each way; None: as many as its cluster allows
    bandwidth: int | None = None  # bytes/s
    initial_downtime_ms: int | None = None  # None: QEMU's 300; ADAPTIVE begins with the greatest
    max_downtime_ms: int = 300  # the pause budget
    steps: tuple[Step, ...] = ()
    look_every_s: float = 0.0  # steps are taken no more often than this
    auto_converge: bool = False
    compression: bool = False
    parallel: int = 0  # connections; 0: one, without multifd
    tls: bool = False
    zero_copy: bool = False  # over parallel connections only
    arrival: Arrival = Arrival.UNLOCKED
    postcopy: bool = False  # it may be used; the migration is started so that it can
    when_stuck: Stuck = Stuck.WAIT
    otherwise: Stuck = Stuck.WAIT  # where ``when_stuck`` cannot be
    deadline_s_per_gib: int | None = None
    deadline_least_s: int = 60

    def deadline_s(self, memory_bytes: int) -> float | None:
        """Seconds from the start; None: none. 150 s/GiB, at least 60 s: 10 min for 4 GiB, 60 s for 256 MiB."""
        if self.deadline_s_per_gib is None:
            return None
        return max(float(self.deadline_least_s), self.deadline_s_per_gib * memory_bytes / GIB)

    @property
    def ways_out(self) -> tuple[Stuck, ...]:
        """What is tried where it will not converge, in order."""
        return (self.when_stuck,) if self.otherwise is self.when_stuck else (self.when_stuck, self.otherwise)

    def throttles(self, *, postcopy: bool) -> bool:
        """Whether to start with auto-converge. libvirt takes it at the start only, and QEMU then throttles by itself.

        Where throttling is only a way out it comes last: not at all where post-copy can be used.
        """
        return self.auto_converge or (Stuck.THROTTLE in self.ways_out and not (postcopy and self.postcopy))


def check(policy: Policy) -> None:
    """Raise Contradiction at the first thing that cannot be."""
    for field, message in _objections(policy):
        raise Contradiction(field, message)


def _objections(it: Policy) -> Iterator[tuple[str, str]]:
    yield from _numbers(it)
    yield from _pauses(it)
    yield from _steps(it)
    yield from _combinations(it)
    yield from _deadline(it)


def _numbers(it: Policy) -> Iterator[tuple[str, str]]:
    if it.concurrent is not None and not 1 <= it.concurrent <= 100:
        yield "concurrent", "A host moves 1 to 100 VMs at once, or nothing for the cluster’s limits."
    if it.bandwidth is not None and not LEAST_BANDWIDTH <= it.bandwidth <= GREATEST_BANDWIDTH:
        yield "bandwidth", "A bandwidth is 1 MiB/s to 1,048,575 MiB/s, or nothing for no cap."
    if it.parallel == 1 or not 0 <= it.parallel <= GREATEST_PARALLEL:
        yield "parallel", "Parallel connections are 2 to 255, or 0 for a single one."
    if not 0 <= it.look_every_s <= 3600:
        yield "look_every_s", "Steps are looked at every 0 to 3,600 s."


def _pauses(it: Policy) -> Iterator[tuple[str, str]]:
    words = f"QEMU takes a pause of 1 ms to {GREATEST_DOWNTIME_MS:,} ms."
    if not 1 <= it.max_downtime_ms <= GREATEST_DOWNTIME_MS:
        yield "max_downtime_ms", words
    if it.initial_downtime_ms is not None:
        if not 1 <= it.initial_downtime_ms <= GREATEST_DOWNTIME_MS:
            yield "initial_downtime_ms", words
        if it.initial_downtime_ms > it.max_downtime_ms:
            yield "initial_downtime_ms", "The first allowed pause is longer than the greatest one."


def _steps(it: Policy) -> Iterator[tuple[str, str]]:
    if it.steps and it.method not in (Method.PASSES, Method.TIME):
        yield "steps", "Only a schedule by passes or by time has steps."
    after, value = 0, it.initial_downtime_ms or 0
    for number, step in enumerate(it.steps, start=1):
        if step.after < 0 or (step.after and step.after < after):
            yield "steps", f"Step {number} comes before the one above it; the moments have to rise."
        after = max(after, step.after)
        if (step.value is not None) != (step.do is Do.MAX_DOWNTIME):
            yield "steps", f"Step {number}: an allowed pause takes a number of ms, anything else takes none."
        if step.value is not None:
            if not value <= step.value <= it.max_downtime_ms or step.value < 1:
                yield "steps", f"Step {number}: its pause is shorter than the one before, or longer than the greatest."
            value = max(value, step.value)
        if step.do is Do.POSTCOPY and not it.postcopy:
            yield "steps", f"Step {number} uses post-copy, which this policy does not allow."


def _combinations(it: Policy) -> Iterator[tuple[str, str]]:
    if it.postcopy and it.parallel:
        yield (
            "parallel",
            (
                "Post-copy with parallel connections loses the guest on QEMU below 10.1, and libvirt does not warn. "
                "Use one of them."
            ),
        )
    if it.zero_copy and (not it.parallel or it.tls or it.compression):
        yield "zero_copy", "Zero-copy works over parallel connections only, without TLS and without compression."
    if it.arrival is Arrival.ALWAYS and it.postcopy:
        yield "arrival", "A guest that always arrives paused cannot use post-copy. Use one of them."
    if Stuck.POSTCOPY in it.ways_out and not it.postcopy:
        yield "when_stuck", "It is to end in post-copy, which this policy does not allow."
    if it.compression and it.parallel:
        yield "compression", "XBZRLE compression does not work over parallel connections. Use one of them."
    if it.auto_converge and it.method is Method.ADAPTIVE and it.postcopy:
        yield (
            "auto_converge",
            ("Throttling begins by itself, before post-copy; Adaptive keeps it for last. Allow one of them."),
        )


def _deadline(it: Policy) -> Iterator[tuple[str, str]]:
    if it.deadline_s_per_gib is None:
        return
    if not 1 <= it.deadline_s_per_gib <= 86_400:
        yield "deadline_s_per_gib", "A deadline is 1 s to 86,400 s for each GiB, or nothing for none."
    if not 1 <= it.deadline_least_s <= 604_800:
        yield "deadline_least_s", "The shortest deadline is 1 s to 604,800 s."
    if it.bandwidth and it.deadline_s_per_gib < GIB / it.bandwidth:
        yield (
            "deadline_s_per_gib",
            (
                f"The first pass alone takes {GIB / it.bandwidth:.0f} s for each GiB at this bandwidth: "
                "no migration would meet the deadline."
            ),
        )


_ENUMS: tuple[tuple[str, type[StrEnum]], ...] = (
    ("method", Method),
    ("when_stuck", Stuck),
    ("otherwise", Stuck),
    ("arrival", Arrival),
)


def as_json(policy: Policy) -> dict[str, Any]:
    """What is kept of it; :func:`from_json` makes the same policy again."""
    return asdict(policy)


def from_json(data: dict[str, Any]) -> Policy:
    """Read what was kept; fields of a later day have their defaults. Contradiction where it makes no sense."""
    known = {name: data[name] for name in Policy.__dataclass_fields__ if name in data}
    try:
        known["steps"] = tuple(
            Step(after=int(each["after"]), do=Do(each["do"]), value=each.get("value")) for each in data.get("steps", ())
        )
        for name, kind in _ENUMS:
            if name in known:
                known[name] = kind(known[name])
    except (KeyError, TypeError, ValueError) as exc:
        raise Contradiction("steps", f"This is no policy: {exc}.") from exc
    policy = Policy(**known)
    check(policy)
    return policy
