"""What is to be done to a guest in trouble: the one function that decides it, pure, explored exhaustively by
tests/livemigration/explore. It reads what both hosts say, and what was seen before; doing is acts.py's.

Three rules stand above its table:

- A host that does not answer forbids start, resume and destroy everywhere. Aborting a hand-over stays allowed, because
  QEMU itself refuses it where the guest has moved (migration.md H16), and so does suspending, because it can be undone.
- The source's copy is the one to go. Once the destination ran, its memory is the newer one.
- What is not proved is left to a person, with a Doubt that shows what each host says.
"""

from dataclasses import dataclass
from enum import StrEnum

from hosts.livemigration.recovery import UNKNOWN, Seen, Truth, over
from hosts.virt.records import DomainState, DomainStatus

#: both hosts have to say the same for so long before a copy is ended, in seconds (a healthy source goes in 1.2 to 2 s)
SETTLED_S = 3.0
#: a half-made copy that nobody cleans up is ended after so long, in seconds
LEFT_OVER_S = 60.0
#: the same while the guest stands still on the source: its user waits
LEFT_OVER_STANDING_S = 10.0
#: a guest may stand still at switch-over for so long, or three times what is expected, in seconds (migration.md H18)
LEAST_BLACKOUT_S = 2.0
#: post-copy without a page moved for so long has lost its link, in seconds (migration.md G11)
STALLED_S = 3.0
#: and is paused only after so long, in seconds, not at 3 as in G11: QEMU goes on by itself when TCP does (G09, G02),
#: and a paused destination whose main loop waits for a page (a NIC is enough) never takes libvirt's migrate-recover
PAUSE_S = 120.0


class Act(StrEnum):
    NOTHING = "nothing"
    SUSPEND_SOURCE = "suspend_source"
    END_SOURCE = "end_source"
    RESUME_SOURCE = "resume_source"
    END_DESTINATION = "end_destination"
    RESUME_DESTINATION = "resume_destination"
    ABORT = "abort"
    PAUSE_POSTCOPY = "pause_postcopy"
    RESUME_POSTCOPY = "resume_postcopy"


#: acts that start, resume or destroy: never while a host is silent
NEEDS_BOTH = frozenset(
    {
        Act.END_SOURCE,
        Act.RESUME_SOURCE,
        Act.END_DESTINATION,
        Act.RESUME_DESTINATION,
        Act.RESUME_POSTCOPY,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was seen before this look, by the guardian's own eyes, by events, or in the migration's row."""

    ran_there: bool = False  # the destination's copy was seen to run
    stood: bool = False  # the source's copy was seen to stand still for the hand-over
    short: bool | None = None  # two ran, for some seconds at most: the source has nothing worth keeping
    watched: bool = False  # the destination answered all the time since the source stands still
    held: bool = False  # post-copy: we paused it, and no page has moved since
    arrives_paused: bool = False  # asked for with MigrateSpec.paused: only we let it run there
    stood_s: float = 0.0  # for how long both hosts have said the same
    still_s: float = 0.0  # for how long the source stands PAUSED/MIGRATION
    stalled_s: float = 0.0  # post-copy: for how long no page has moved
    patience_s: float = LEAST_BLACKOUT_S  # how long a switch-over may last


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do and why, in words for the log. ``doubt``: an operator has to see it."""

    act: Act
    because: str
    doubt: bool = False


def patience(predicted_s: float | None) -> float:
    """Seconds a guest may stand still at switch-over: 2, or three times what was expected. None -> 2.0, 1.5 -> 4.5."""
    return max(LEAST_BLACKOUT_S, 3.0 * (predicted_s or 0.0))


def decide(truth: Truth, past: Past) -> Decision:
    """The table of migration.md, section 5 (PROBE and the watchdogs). ``truth`` is of one moment, or UNKNOWN."""
    source, destination = truth.source, truth.destination
    if source is UNKNOWN:
        return _wait("The source does not answer.")
    if _half(source):
        return _in_postcopy(truth, past)
    if destination is UNKNOWN:
        return _blind(truth, past)
    if _ticks(source) and _ticks(destination):
        return Decision(act=Act.SUSPEND_SOURCE, because="The guest runs on both hosts.", doubt=True)
    if _paused(source) and _ticks(destination):
        return _one_too_many(truth, past)
    if _paused(source, "migration"):
        return _standing(truth, past)
    if over(source):
        return _source_gone(destination, past)
    return _beside_running(truth, past)


def _blind(truth: Truth, past: Past) -> Decision:
    """The destination is silent. What can be undone, or is refused by QEMU where it would harm, may still be done."""
    if _ticks(truth.source) and not truth.job_runs:
        if past.ran_there:
            because = "The destination ran the guest and is silent now, and the source runs it again."
            return Decision(act=Act.SUSPEND_SOURCE, because=because, doubt=True)
        if past.stood and _sent_all(truth.source) and not past.arrives_paused:
            because = "The destination had all of the guest and is silent now, and the source runs it again."
            return Decision(act=Act.SUSPEND_SOURCE, because=because, doubt=True)
    if _blacked_out(truth, past):
        return _abort(past)
    return _wait("The destination does not answer.")


def _one_too_many(truth: Truth, past: Past) -> Decision:
    """The source's copy stands still, the destination's runs."""
    assert isinstance(truth.source, DomainStatus)
    assert isinstance(truth.destination, DomainStatus)
    handed_over = truth.destination.reason == "migrated" or (past.arrives_paused and past.ran_there)
    untouched = truth.source.reason == "migration" and handed_over  # it never ran on after the hand-over
    if past.stood_s < SETTLED_S:
        return _wait("The destination runs the guest; the source has a moment to clear up.")
    if untouched or (past.short and truth.destination.reason in {"migrated", "unpaused"}):
        because = "The destination runs the guest, and the source still holds its old, paused copy."
        return Decision(act=Act.END_SOURCE, because=because)
    return _ask("The guest runs on the destination, and a paused copy on the source may hold work of its own.")


def _standing(truth: Truth, past: Past) -> Decision:
    """The source's copy is PAUSED/MIGRATION and the destination's does not run."""
    if past.arrives_paused and _paused(truth.destination, "user"):
        if past.stood_s < SETTLED_S:
            return _wait("All memory is on the destination; the source has a moment to clear up.")
        because = "All memory is on the destination, where the guest waits for the end of the source's copy."
        return Decision(act=Act.END_SOURCE, because=because)
    if truth.job_runs or truth.job is None:  # QEMU does not tell while it waits for a dead line with its lock held
        return _abort(past) if _blacked_out(truth, past) else _wait("The guest is handed over.")
    if past.ran_there:
        return _ask("The guest ran on the destination, which has no running copy any more; the source's is older.")
    if not over(truth.destination):
        if past.stood_s >= LEFT_OVER_STANDING_S and past.watched:
            because = "The guest stands still on the source, and the destination keeps a half-made copy."
            return Decision(act=Act.END_DESTINATION, because=because)
        return _wait("The destination has a moment to clear up.")
    if past.stood_s < SETTLED_S:
        return _wait("The source has a moment to go on by itself.")
    if past.watched:
        because = "The guest stands still on the source, and never ran on the destination."
        return Decision(act=Act.RESUME_SOURCE, because=because)
    return _ask("The guest stands still on the source; whether it ever ran on the destination was not seen.")


def _source_gone(destination: Seen, past: Past) -> Decision:
    if past.arrives_paused and not past.ran_there and _paused(destination, "user"):
        return Decision(act=Act.RESUME_DESTINATION, because="The source's copy has ended; the guest goes on here.")
    return _wait("Nothing to do.")


def _beside_running(truth: Truth, past: Past) -> Decision:
    """The source's copy runs, or a person paused it; the destination's does not run."""
    if truth.job is None or truth.job_runs or past.ran_there or not _paused(truth.destination):
        return _wait("Nothing to do.")
    assert isinstance(truth.destination, DomainStatus)
    if _paused(truth.source) and truth.destination.reason == "user" and past.stood_s >= LEFT_OVER_STANDING_S:
        return _ask("Both hosts hold a paused copy, and none of them runs: which one is to stay was not seen.")
    arrived = past.arrives_paused and truth.destination.reason == "user"
    half_made = truth.destination.reason in {"migration", "starting_up"}
    if (arrived and past.stood_s >= SETTLED_S) or (half_made and past.stood_s >= LEFT_OVER_S):
        because = "The guest runs on the source, and the destination keeps a copy that never ran."
        return Decision(act=Act.END_DESTINATION, because=because)
    return _wait("The destination has a moment to clear up.")


def _in_postcopy(truth: Truth, past: Past) -> Decision:
    """The source's copy holds pages that the destination lacks: neither may ever be ended while that is so."""
    assert isinstance(truth.source, DomainStatus)
    destination = truth.destination
    if isinstance(destination, DomainStatus) and _ticks(destination) and destination.reason == "migrated":
        if past.stood_s < SETTLED_S:
            return _wait("All pages have arrived; the source has a moment to clear up.")
        because = "The destination has every page and runs the guest; the source still holds its half."
        return Decision(act=Act.END_SOURCE, because=because)
    idle = past.stalled_s if truth.job_runs else past.stood_s
    if idle < STALLED_S or (truth.source.reason == "postcopy" and not truth.job_runs):
        return _wait("Pages follow.")  # unattended, where the source's daemon was started anew (G05)
    if destination is UNKNOWN or over(destination):
        return _wait("The destination has to be back before post-copy can go on.")
    if idle >= PAUSE_S and not past.held:
        because = f"No page has moved for {idle:.0f} s, though both hosts answer."
        return Decision(act=Act.PAUSE_POSTCOPY, because=because)
    if truth.source.reason == "postcopy":
        return _wait(f"No page has moved for {idle:.0f} s: the link between the hosts is suspected.")
    return Decision(act=Act.RESUME_POSTCOPY, because="Both hosts answer: post-copy is to go on.")


def _blacked_out(truth: Truth, past: Past) -> bool:
    """Whether the guest stands still for too long at switch-over, and did not run on the destination."""
    standing = _paused(truth.source, "migration") and (truth.job_runs or truth.job is None)
    return standing and not past.ran_there and past.still_s >= past.patience_s


def _abort(past: Past) -> Decision:
    because = f"The guest stood still for {past.still_s:.1f} s at switch-over; {past.patience_s:.1f} s are the most."
    return Decision(act=Act.ABORT, because=because)


def _wait(because: str) -> Decision:
    return Decision(act=Act.NOTHING, because=because)


def _ask(because: str) -> Decision:
    return Decision(act=Act.NOTHING, because=because, doubt=True)


def _ticks(seen: Seen) -> bool:
    """Its vCPUs run."""
    running = (DomainState.RUNNING, DomainState.BLOCKED)
    return isinstance(seen, DomainStatus) and seen.state in running and seen.reason not in _HALVES


def _sent_all(seen: Seen) -> bool:
    """libvirt's word for a source that runs again after all memory was sent: it lost the destination's answer.

    Before that a source goes on as "unpaused" (H03, H10, H18 against H05, H06, H16).
    """
    return isinstance(seen, DomainStatus) and seen.reason == "migration_canceled"


def _paused(seen: Seen, reason: str | None = None) -> bool:
    return (
        isinstance(seen, DomainStatus) and seen.state is DomainState.PAUSED and seen.reason in (reason or seen.reason,)
    )


def _half(seen: Seen) -> bool:
    return _paused(seen) and isinstance(seen, DomainStatus) and seen.reason in _HALVES


_HALVES = frozenset({"postcopy", "postcopy_failed"})
