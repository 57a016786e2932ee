"""What follows from a verdict: the row goes where the guest is. One function a verdict; none acts on a guest.

Where a guest needs an act (a paused copy ended or resumed, one of two that run ended), the row says so in words and
the hosts are asked on: the arbiter that acts is a process of its own (guardian/).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hosts.livemigration import leftover, words
from hosts.livemigration.begin import begin
from hosts.livemigration.guardian.notes import taken_back
from hosts.livemigration.journal import keep_landing, keep_pause
from hosts.livemigration.recovery import UNKNOWN, Seen, Truth, Verdict, say
from hosts.models import Adjustment, Migration
from hosts.states import MigrationState
from hosts.virt.errors import MigrationAborted, VirtError
from hosts.virt.records import DomainState, DomainStatus

if TYPE_CHECKING:  # the supervisor walks: a cycle at run time
    from hosts.livemigration.supervisor import Supervisor

#: how long the daemons may take to clear up by themselves before the row says that it waits, in seconds
UNSETTLED_S = 15.0
#: how long events that belong to an arrival may come after it, in seconds
LATE_EVENTS_S = 1.0
#: a migration that another tool started may go to a host that Godwit does not know; looked for that long, in seconds
SEARCH_S = 30.0
#: an adopted row without a job: the call of the worker before may be on its way still, for so long, in seconds
RETRY_S = 5.0


def follow(it: "Supervisor", truth: Truth) -> None:
    """Bring the row where the guest is proved to be. Nothing happens on a verdict that has to be seen twice first."""
    if not it.row.ours and it.row.destination is None:
        _search(it)
    judged = it.judge(truth)
    if judged is None:
        it.look_soon()
        return
    seen, stood_s = judged
    _AFTER[seen](it, truth, stood_s)


def _reach(it: "Supervisor", to: MigrationState, because: str, *, used_postcopy: bool = False) -> None:
    """Go there; through PROBING where the table has no straight edge: then something was not as expected."""
    if it.state is to:
        if to is MigrationState.PROBING:
            it.say(because)
    elif to in it.state.next:
        if used_postcopy:
            it.move(to, because=because, used_postcopy=True)
        else:
            it.move(to, because=because)
    elif MigrationState.PROBING in it.state.next:
        it.move(MigrationState.PROBING, because=f"Unexpected: {because}")


def _copying(it: "Supervisor", truth: Truth, _stood_s: float) -> None:
    if it.state is MigrationState.STARTING and not (
        truth.job and (truth.job.total_bytes or truth.job.disk_total_bytes)
    ):
        return  # prepared, but no memory has moved: 0.3 to 4 s
    what = "memory is" if truth.job is None or truth.job.total_bytes else "disks are"
    does = "is paused" if _stands(truth.source) else "runs"
    _reach(it, MigrationState.COPYING, f"The guest {does} on {it.row.source}; its {what} copied.")


def _switching(it: "Supervisor", _truth: Truth, _stood_s: float) -> None:
    _reach(it, MigrationState.SWITCHING, "The guest stands still for the last part.")


def _postcopy(it: "Supervisor", _truth: Truth, _stood_s: float) -> None:
    because = f"The guest runs on {it.row.destination}; the rest of its memory follows."
    _reach(it, MigrationState.POSTCOPY, because, used_postcopy=True)
    keep_landing(it.row)


def _postcopy_broken(it: "Supervisor", truth: Truth, _stood_s: float) -> None:
    because = (
        f"The connection broke in post-copy. {_both(it, truth)} The guest needs both copies: destroy neither. "
        "It may still finish by itself; else the guardian resumes it as soon as both hosts answer."
    )
    _reach(it, MigrationState.POSTCOPY_PAUSED, because)


def _confirming(it: "Supervisor", truth: Truth, stood_s: float) -> None:
    keep_landing(it.row)
    _reach(it, MigrationState.CONFIRMING, f"The guest runs on {it.row.destination}; {it.row.source} clears up.")
    if it.state is MigrationState.CONFIRMING and stood_s > 3.0:
        it.say(
            f"The guest runs on {it.row.destination}, and {it.row.source} still holds its paused copy. "
            "That copy is out of date and must never be resumed; the guardian ends it once that is proved. "
            f"{_both(it, truth)}"
        )


def _arrived(it: "Supervisor", truth: Truth, stood_s: float) -> None:
    keep_landing(it.row)
    there = truth.destination
    waits = isinstance(there, DomainStatus) and there.state is DomainState.PAUSED and there.reason == "user"
    if it.row.arrives_paused and waits and it.row.resumed_at is None:
        it.say(f"All of it is on {it.row.destination}; the guardian lets it go on there.")
        it.look_soon()
        return
    left = leftover.is_left(truth)
    if stood_s < LATE_EVENTS_S and (left or not (it.totals_known and it.row.pause_ms is not None)):
        it.look_soon()
        return
    if left:
        leftover.undefine(it, truth)
    _keep_totals(it)
    keep_pause(it.row)  # the collector may have heard what we did not
    paused = it.row.pause_ms
    tail = "." if paused is None else f"; it paused {words.pause(paused / 1000)}."
    does = "is paused" if _stands(there) else "runs"
    if left and not it.row.ours:  # another tool's: told, never touched
        tail += f" {it.row.source} keeps a definition of it, which must not be started: undefine it there."
    _reach(it, MigrationState.DONE, f"The guest {does} on {it.row.destination}{tail}")


def _keep_totals(it: "Supervisor") -> None:
    """The completed job's figures, where no event brought them: the destination keeps them, but for post-copy."""
    if it.totals_known:
        return
    try:
        job = it.eyes.destination.completed_job_stats(it.eyes.uuid)
    except VirtError:
        return  # the samples tell nearly the same
    if job is not None:
        it.journal.keep_final(job)
        it.totals_known = True


def _stayed(it: "Supervisor", truth: Truth, stood_s: float) -> None:
    if it.attempt is not None and not it.attempt.over:
        return  # the call is on its way, or being taken back
    if _never_asked(it):
        if stood_s >= RETRY_S:
            _ask_again(it)
        return
    place = f"The guest {'is paused' if _stands(truth.source) else 'runs'} on {it.row.source}."
    error = it.attempt.error if it.attempt else None
    if it.row.cancel_requested_at is None:  # it may have been asked for since the row was read
        it.row.cancel_requested_at = Migration.objects.values_list("cancel_requested_at", flat=True).get(pk=it.row.pk)
    if it.row.cancel_requested_at is not None:
        actor, why = _canceller(it)
        _reach_as(it, MigrationState.CANCELLED, f"Cancelled by {actor}. {why} {place}".replace("  ", " "), actor)
    elif taken := taken_back(it.row):
        _reach(it, MigrationState.FAILED, f"{taken} {place}")
    elif it.aborted or isinstance(error, MigrationAborted):
        _reach(it, MigrationState.CANCELLED, f"Aborted outside Godwit. {place}")
    else:
        reason = str(error) if error else "libvirt ended it without a word."
        because = f"{reason.rstrip('.')}. {place}"
        if MigrationState.FAILED in it.state.next:
            it.fail_safely(because)
        else:
            _reach(it, MigrationState.FAILED, because)


def _stands(seen: Seen) -> bool:
    return isinstance(seen, DomainStatus) and seen.state is DomainState.PAUSED


def _never_asked(it: "Supervisor") -> bool:
    """A row adopted in STARTING, without a job anywhere: the worker before died between the row and the call."""
    fresh = it.state is MigrationState.STARTING and it.row.ours and it.attempt is None
    return fresh and it.row.cancel_requested_at is None


def _ask_again(it: "Supervisor") -> None:
    it.say("The worker before ended before it asked libvirt; asked now.")
    begin(it)


def _canceller(it: "Supervisor") -> tuple[str, str]:
    """Who cancelled it, and a policy's reason."""
    order = Adjustment.objects.filter(migration=it.row, kind=Adjustment.CANCEL).order_by("-at").first()
    return (order.actor, order.because) if order else ("an operator", "")


def _reach_as(it: "Supervisor", to: MigrationState, because: str, actor: str) -> None:
    if to in it.state.next:
        it.move(to, because=because, actor=actor)
    else:
        _reach(it, to, because)


def _ended(it: "Supervisor", truth: Truth, _stood_s: float) -> None:
    because = f"The guest was shut down or powered off while it moved. {_both(it, truth)}"
    _reach(it, MigrationState.FAILED, because)


def _gone(it: "Supervisor", truth: Truth, stood_s: float) -> None:
    if it.attempt is not None and not it.attempt.over and stood_s < UNSETTLED_S:
        return
    because = f"Neither host has a running guest. {_both(it, truth)} Start it again from its disk, on one host."
    _reach(it, MigrationState.LOST, because)


def _doubled(it: "Supervisor", truth: Truth, _stood_s: float) -> None:
    because = (
        f"ALARM: the guest runs on both hosts. {_both(it, truth)} The copy on {it.row.destination} is the newer one. "
        f"The guardian suspends the copy on {it.row.source}. Check the disks."
    )
    _reach(it, MigrationState.PROBING, because)


def _held(it: "Supervisor", truth: Truth, _stood_s: float) -> None:
    if it.attempt is not None and not it.attempt.over:
        return
    because = (
        f"The guest stands still on {it.row.source}, and {it.row.destination} has no copy. {_both(it, truth)} "
        f"The guardian resumes it on {it.row.source} if it is proved never to have run on {it.row.destination}."
    )
    _reach(it, MigrationState.PROBING, because)


def _unsettled(it: "Supervisor", truth: Truth, stood_s: float) -> None:
    if stood_s >= UNSETTLED_S:
        _reach(it, MigrationState.PROBING, f"The hosts have not cleared up yet. {_both(it, truth)}")


def _unknown(it: "Supervisor", truth: Truth, stood_s: float) -> None:
    if not it.row.ours and it.row.destination is None:
        if truth.source is not UNKNOWN:
            _went_elsewhere(it, stood_s)
        return
    _reach(it, MigrationState.PROBING, f"{_both(it, truth)} Until both answer, nothing is done to the guest.")


def _went_elsewhere(it: "Supervisor", stood_s: float) -> None:
    """Another tool's migration, to a host that is none of ours."""
    if it.left_source:
        _reach(it, MigrationState.DONE, f"The guest left {it.row.source} for a host that Godwit does not know.")
    elif stood_s >= SEARCH_S:
        because = f"The guest is not on {it.row.source} any more, and on no other host of its cluster."
        _reach(it, MigrationState.LOST, because)


def _search(it: "Supervisor") -> None:
    """Where does another tool's migration go? The collector may know; else every host of the cluster is asked."""
    known = Migration.objects.select_related("destination").get(pk=it.row.pk).destination
    found = it.eyes.find_destination() if known is None else it.eyes.use_destination(known)
    if found is not None:
        it.row.destination = found
        Migration.objects.filter(pk=it.row.pk, destination=None).update(destination=found)


def _both(it: "Supervisor", truth: Truth) -> str:
    """What both hosts say, in words."""
    destination = it.row.destination or "the destination"
    return f"{it.row.source} {say(truth.source)}, {destination} {say(truth.destination)}."


_AFTER: dict[Verdict, Callable[["Supervisor", Truth, float], None]] = {
    Verdict.COPYING: _copying,
    Verdict.SWITCHING: _switching,
    Verdict.POSTCOPY: _postcopy,
    Verdict.POSTCOPY_BROKEN: _postcopy_broken,
    Verdict.CONFIRMING: _confirming,
    Verdict.ARRIVED: _arrived,
    Verdict.STAYED: _stayed,
    Verdict.ENDED: _ended,
    Verdict.GONE: _gone,
    Verdict.DOUBLED: _doubled,
    Verdict.HELD: _held,
    Verdict.UNSETTLED: _unsettled,
    Verdict.UNKNOWN: _unknown,
}
