"""What was seen of one migration before this look. Pure but for the moments it is given: monotonic seconds."""

from dataclasses import replace

from hosts.livemigration.guardian.arbiter import Act, Past
from hosts.livemigration.recovery import UNKNOWN, Truth, runs
from hosts.virt.records import DomainState, DomainStatus

#: two copies that ran side by side for no longer than this have not drifted apart: the source's is of no worth
SHORT_S = 10.0


def remember(past: Past, truth: Truth, *, alone_s: float | None) -> Past:
    """What one look adds. ``alone_s``: seconds since it was last proved that one copy ran at most; None: never."""
    source, destination = truth.source, truth.destination
    here, there = runs(source), runs(destination)
    standing = isinstance(source, DomainStatus) and source.state is DomainState.PAUSED and source.reason == "migration"
    ran_there = past.ran_there or there
    watched = False if destination is UNKNOWN else past.watched or here
    short = past.short
    if here and ran_there:  # a split that was long once stays so, whatever is suspended and resumed later
        short = short is not False and alone_s is not None and alone_s <= SHORT_S
    return replace(past, ran_there=ran_there, stood=past.stood or standing, watched=watched, short=short)


def after(past: Past, act: Act) -> Past:
    """What an act changes of it. Post-copy that was asked to go on has to be paused anew if it does not."""
    if act in (Act.PAUSE_POSTCOPY, Act.RESUME_POSTCOPY):
        return replace(past, held=act is Act.PAUSE_POSTCOPY)
    return past


def proves_one(truth: Truth, past: Past) -> bool:
    """Whether this look proves that not both run: a source that stands still, or a destination that never ran."""
    here, there = runs(truth.source), runs(truth.destination)
    if truth.source is not UNKNOWN and not here:
        return True
    return not past.ran_there and truth.destination is not UNKNOWN and not there


class Memory:
    """Turns looks and events into a :class:`Past`. One a migration."""

    def __init__(self, past: Past, *, now: float) -> None:
        self._past = past
        self._pair: object = None
        self._pair_since = now
        self._still_since: float | None = None
        self._alone_at: float | None = None  # when it was last proved that not both ran
        self._processed: int | None = None
        self._moved_at = now

    def see(self, truth: Truth, *, now: float) -> Past:
        """Take one look in, and say what is known of the time before it."""
        pair = (truth.source, truth.destination, truth.job_runs)
        if pair != self._pair:
            self._pair, self._pair_since = pair, now
        self._note_standing(truth, now)
        self._note_places(truth, now)
        self._note_pages(truth, now)
        self._past = replace(
            self._past,
            stood_s=now - self._pair_since,
            still_s=0.0 if self._still_since is None else now - self._still_since,
            stalled_s=now - self._moved_at,
        )
        return self._past

    def heard_running_there(self) -> None:
        """The destination told by an event that the guest runs on it."""
        self._past = replace(self._past, ran_there=True)

    def heard_standing(self, *, at: float) -> None:
        """The source told by an event that the guest stands still for the hand-over: it did not run then."""
        self._alone_at = at
        self._past = replace(self._past, stood=True)
        if self._still_since is None:
            self._still_since = at

    def expect(self, patience_s: float, *, arrives_paused: bool) -> None:
        """What the row says now: a guest that a person paused is not ours to let go on."""
        self._past = replace(self._past, patience_s=patience_s, arrives_paused=arrives_paused)

    def did(self, act: Act) -> None:
        """An act of ours is a change: what stood before it stands no longer."""
        self._past = after(self._past, act)
        if act not in (Act.PAUSE_POSTCOPY, Act.RESUME_POSTCOPY):  # no page has moved by these
            self._pair = None

    def _note_standing(self, truth: Truth, now: float) -> None:
        source = truth.source
        if source is UNKNOWN:
            return
        standing = isinstance(source, DomainStatus) and source.state is DomainState.PAUSED
        if not standing or not isinstance(source, DomainStatus) or source.reason != "migration":
            self._still_since = None
            return
        if self._still_since is None:
            self._still_since = now

    def _note_places(self, truth: Truth, now: float) -> None:
        alone = None if self._alone_at is None else now - self._alone_at
        self._past = remember(self._past, truth, alone_s=alone)
        if proves_one(truth, self._past):
            self._alone_at = now

    def _note_pages(self, truth: Truth, now: float) -> None:
        processed = truth.job.processed_bytes if truth.job is not None and truth.job_runs else None
        if None not in (processed, self._processed) and processed != self._processed:
            self._past = replace(self._past, held=False)
        if processed is None or processed != self._processed:
            self._processed, self._moved_at = processed, now
