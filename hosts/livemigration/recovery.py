"""What the (state, reason) of both hosts say about a migration: pure, and the only place that decides it.

An API's answer is not the truth: libvirt said OK where the guest had crashed on the destination, and error where it
ran there. The table is that of section 5 in the study of live migration; every row has its test.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

from hosts.virt.records import DomainState, DomainStatus, JobStats, JobType


class Nowhere(Enum):
    """A host without a status to give."""

    ABSENT = "absent"  # it answered: it has no such domain
    UNKNOWN = "unknown"  # it did not answer


ABSENT, UNKNOWN = Nowhere.ABSENT, Nowhere.UNKNOWN
Seen = DomainStatus | Nowhere


class Verdict(StrEnum):
    """Where the guest is, as far as it is proved."""

    COPYING = "copying"  # runs on the source, its job runs
    SWITCHING = "switching"  # stands still on the source, its job runs
    POSTCOPY = "postcopy"  # runs on the destination and fetches pages
    POSTCOPY_BROKEN = "postcopy_broken"  # stands still between the two; both halves are needed
    CONFIRMING = "confirming"  # runs on the destination; the source still holds its paused copy
    ARRIVED = "arrived"  # on the destination only
    STAYED = "stayed"  # on the source only, no job
    ENDED = "ended"  # the guest shut itself down, or was powered off, under way
    GONE = "gone"  # neither host has it
    DOUBLED = "doubled"  # runs on both: the alarm
    HELD = "held"  # stands still on the source, no job, nothing on the destination: needs a resume
    UNSETTLED = "unsettled"  # between two of these; the daemons clear it up by themselves
    UNKNOWN = "unknown"  # a host does not answer: nothing may be done to the guest anywhere


#: verdicts that end or alarm, so that they have to be seen twice: the two hosts are not read at one instant
NEEDS_SECOND_LOOK = frozenset({Verdict.STAYED, Verdict.ENDED, Verdict.GONE, Verdict.DOUBLED, Verdict.HELD})

_RUNS = frozenset({DomainState.RUNNING, DomainState.BLOCKED, DomainState.SHUTDOWN, DomainState.PMSUSPENDED})
_OVER = frozenset({DomainState.SHUTOFF, DomainState.CRASHED, DomainState.NOSTATE})
#: a paused copy that is being sent or received
_IN_TRANSIT = frozenset({"migration", "starting_up", "unknown"})
_HALF = frozenset({"postcopy", "postcopy_failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One look at both hosts. ``job`` is the source's; None where it could not be asked."""

    source: Seen
    destination: Seen
    job: JobStats | None = None

    @property
    def job_runs(self) -> bool:
        return self.job is not None and self.job.type is JobType.RUNNING


def verdict(source: Seen, destination: Seen, job: JobStats | None) -> Verdict:
    """Read the table. ``source``, ``destination``: what each host says, ABSENT, or UNKNOWN where it is silent."""
    truth = Truth(source=source, destination=destination, job=job)
    if source is UNKNOWN or destination is UNKNOWN:
        return _one_sided(truth)
    if not isinstance(source, DomainStatus) or source.state in _OVER:
        return _without_source(truth)
    if source.state is DomainState.PAUSED and source.reason in _HALF:
        return _half_moved(source, destination)
    if source.state is DomainState.PAUSED and source.reason == "migration":
        return _standing(truth)
    return _on_source(truth)


def _one_sided(truth: Truth) -> Verdict:
    """Silence on one side leaves everything open, but for a source that runs and copies: then nothing else can run."""
    source = truth.source
    if isinstance(source, DomainStatus) and source.state in _RUNS and truth.job_runs:
        return Verdict.COPYING
    return Verdict.UNKNOWN


def _on_source(truth: Truth) -> Verdict:
    """The source's copy runs, or is paused for a reason of its own."""
    if runs(truth.destination):
        return Verdict.DOUBLED if runs(truth.source) else Verdict.CONFIRMING
    if truth.job_runs:
        return Verdict.COPYING
    return Verdict.STAYED if over(truth.destination) else Verdict.UNSETTLED


def _standing(truth: Truth) -> Verdict:
    """The source's copy is PAUSED/MIGRATION."""
    if runs(truth.destination):
        half = isinstance(truth.destination, DomainStatus) and truth.destination.reason in _HALF
        return Verdict.UNSETTLED if half else Verdict.CONFIRMING  # the source says POSTCOPY in a moment
    if truth.job_runs:
        return Verdict.SWITCHING
    return Verdict.HELD if over(truth.destination) else Verdict.UNSETTLED


def _half_moved(source: DomainStatus, destination: Seen) -> Verdict:
    """The source's copy is PAUSED/POSTCOPY or PAUSED/POSTCOPY_FAILED: it holds pages the destination lacks."""
    if over(destination):
        return Verdict.GONE
    assert isinstance(destination, DomainStatus)
    if destination.reason == "postcopy_failed":
        return Verdict.POSTCOPY_BROKEN
    if runs(destination) and destination.reason != "postcopy":
        return Verdict.CONFIRMING
    return Verdict.POSTCOPY_BROKEN if source.reason == "postcopy_failed" else Verdict.POSTCOPY


def _without_source(truth: Truth) -> Verdict:
    """The source has no active copy any more."""
    destination = truth.destination
    if not isinstance(destination, DomainStatus) or destination.state in _OVER:
        return Verdict.ENDED if _ended_by_intent(truth) else Verdict.GONE
    if destination.reason == "postcopy_failed":
        return Verdict.GONE  # it stands on pages that nobody has
    if destination.reason == "postcopy":
        return Verdict.UNSETTLED
    if destination.state is DomainState.PAUSED and destination.reason in _IN_TRANSIT:
        return Verdict.UNSETTLED
    return Verdict.ARRIVED


def _ended_by_intent(truth: Truth) -> bool:
    """SHUTOFF because somebody or the guest itself wanted it: on the source, or right after it arrived."""
    last = truth.source
    if not isinstance(last, DomainStatus) or last.reason == "migrated":
        last = truth.destination
    return isinstance(last, DomainStatus) and last.reason in {"shutdown", "destroyed", "saved"}


def runs(seen: Seen) -> bool:
    return isinstance(seen, DomainStatus) and seen.state in _RUNS


def over(seen: Seen) -> bool:
    return seen is ABSENT or (isinstance(seen, DomainStatus) and seen.state in _OVER)


def say(seen: Seen) -> str:
    """What a host said, in words: "running (migrated)", "has no such VM", "does not answer"."""
    if seen is ABSENT:
        return "has no such VM"
    if not isinstance(seen, DomainStatus):
        return "does not answer"
    return f"says {seen.state} ({seen.reason.replace('_', ' ')})"
