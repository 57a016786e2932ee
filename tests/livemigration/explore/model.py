"""One hand-over as a small machine: two daemons, two QEMU, a link, what is on it, and the guardian. All in one tuple.

What libvirt and QEMU do follows the fault trials of the study of live migration (ids in brackets). A fault may strike
before and after each step, because each step is a transition of its own. What is decided is hosts/livemigration's own
code: ``decide`` and ``remember``; nothing of it is repeated here.

``s``, ``d``: the copies. ``job``: what the source's daemon knows. ``net``: the message on its way. ``newest``: which
copy holds the guest as its user last saw it. ``due``: an act that was decided on a look, and not yet done.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from hosts.livemigration.guardian.arbiter import NEEDS_BOTH, Act, Decision, Past
from hosts.livemigration.guardian.past import after
from hosts.livemigration.recovery import ABSENT, UNKNOWN, Seen, Truth
from hosts.virt.records import DomainState, DomainStatus, JobStats, JobType
from tests.livemigration.explore.times import NOW

R, P = DomainState.RUNNING, DomainState.PAUSED


class Kept:
    """A :class:`Past`, one object for all that are equal: hashed by where it is, which is quick."""

    __slots__ = ("past",)

    def __init__(self, past: Past) -> None:
        self.past = past


@cache
def keep(past: Past) -> Kept:
    return Kept(past)


class World(NamedTuple):
    s: str = "run"  # run back canceled still user half broken gone
    d: str = "none"  # none incoming run held half broken
    job: str = "none"  # none copying switching finishing confirming postcopy
    net: str = ""  # "" finish ok failed
    talk: bool = True  # the daemons' connection for this migration stands
    link: bool = True
    sd: bool = True  # the source's daemon runs
    dd: bool = True
    gs: bool = True  # the guardian reaches the source
    gd: bool = True
    g: bool = True  # the guardian runs
    recover: bool = False  # the source's daemon finds a migration cut short when it comes back (H02)
    streams: bool = False  # post-copy: QEMU still sends, whatever libvirt says
    newest: str = "s"
    killed: bool = False  # a QEMU that held the guest was killed
    kept: Kept = keep(Past())
    settled: bool = False  # both hosts have said the same for long
    long: bool = True  # it is long since the guardian last knew that one copy ran at most
    seen: tuple[str, str, bool] | None = None  # the copies as they were at the last look, "" for unknown
    due: tuple[Act, str, str] | None = None
    armed: bool = False  # it was looked at once more, and is on its way to the daemon
    doubt: bool = False
    note: bool = False  # "suspended, and short" is in the database
    faults: int = 0
    locks: bool = False  # a lock on the disk keeps a second copy from running (H12, H22)
    paused: bool = False  # the guest arrives paused


RUNNING_HERE = frozenset({"run", "back", "canceled"})
_SOURCE: dict[str, Seen] = {
    "run": DomainStatus(state=R, reason="booted"),
    "back": DomainStatus(state=R, reason="unpaused"),
    "canceled": DomainStatus(state=R, reason="migration_canceled"),
    "still": DomainStatus(state=P, reason="migration"),
    "user": DomainStatus(state=P, reason="user"),
    "half": DomainStatus(state=P, reason="postcopy"),
    "broken": DomainStatus(state=P, reason="postcopy_failed"),
    "gone": ABSENT,
}
_DESTINATION: dict[str, Seen] = {
    "none": ABSENT,
    "incoming": DomainStatus(state=P, reason="migration"),
    "run": DomainStatus(state=R, reason="migrated"),
    "resumed": DomainStatus(state=R, reason="unpaused"),
    "held": DomainStatus(state=P, reason="user"),
    "half": DomainStatus(state=R, reason="postcopy"),
    "broken": DomainStatus(state=R, reason="postcopy_failed"),
}
_JOB = JobStats(at=NOW, type=JobType.RUNNING)
_NO_JOB = JobStats(at=NOW, type=JobType.NONE)


def both_run(w: World) -> bool:
    return w.s in RUNNING_HERE and w.d in ("run", "resumed")


def copies(w: World) -> int:
    return (w.s in RUNNING_HERE) + (w.d in ("run", "resumed", "half"))


def in_sight(w: World) -> bool:
    return w.g and w.gs and w.gd and w.sd and w.dd


def truth(w: World) -> Truth:
    """What the guardian would hear now."""
    return heard(*view(w))


def view(w: World) -> tuple[str, str, bool]:
    """The copies that can be seen, "" for those that cannot, and whether the source tells of a job."""
    return w.s if w.sd and w.gs else "", w.d if w.dd and w.gd else "", w.job not in ("none", "confirming")


@cache
def heard(s: str, d: str, runs: bool) -> Truth:
    source = _SOURCE[s] if s else UNKNOWN
    job = None if source in (UNKNOWN, ABSENT) else (_JOB if runs else _NO_JOB)
    return Truth(source=source, destination=_DESTINATION[d] if d else UNKNOWN, job=job)


# --- what libvirt and QEMU do by themselves -----------------------------------------------------------------------


def progress(w: World) -> Iterator[tuple[str, World]]:
    """Steps that need no fault."""
    yield from _source_steps(w)
    yield from _message_steps(w)
    yield from _clearing(w)


def _source_steps(w: World) -> Iterator[tuple[str, World]]:
    up = w.sd and w.link and w.talk
    if w.job == "none" and w.s == "run" and w.d == "none" and w.sd and w.dd and w.link and w.faults == 0:
        yield "begin", w._replace(job="copying", d="incoming")
    if w.job == "copying" and w.sd and w.s in RUNNING_HERE:
        yield "stop", w._replace(job="switching", s="still")
    if w.job == "switching" and up and w.s == "still" and w.d == "incoming":
        yield "all sent", w._replace(job="finishing", net="finish")
    if w.job == "confirming" and w.sd:
        yield "source clears up", w._replace(job="none", s="gone")
    if w.job == "postcopy" and w.streams and w.link and w.s in ("half", "broken") and w.d in ("half", "broken"):
        yield "last page", w._replace(job="confirming", d="run", streams=False)


def _message_steps(w: World) -> Iterator[tuple[str, World]]:
    """The finish request and its answer; each may take as long as it likes."""
    carried = w.link and w.talk
    if w.net == "finish" and carried and w.dd and w.d == "incoming":
        if w.paused:
            yield "arrives paused", w._replace(net="ok", d="held")
        else:
            told = w.kept.past
            if w.g and w.gd:  # the event, on a connection that stands
                told = replace(told, ran_there=True)
            yield "goes on there", w._replace(net="ok", d="run", newest="d", kept=keep(told))
        yield "cannot go on there", w._replace(net="failed", d="none")
    if w.net == "ok" and carried and w.sd and w.job == "finishing":
        yield "answer heard", w._replace(net="", job="confirming")
    if w.net == "failed" and carried and w.sd and w.job == "finishing" and w.s == "still":
        yield "refusal heard", w._replace(net="", job="none", s="canceled")


def _clearing(w: World) -> Iterator[tuple[str, World]]:
    """Keepalive, and what a daemon does when it comes back."""
    broken = not (w.link and w.dd and w.talk)
    if w.sd and w.job in ("copying", "switching") and broken:
        yield "call fails", w._replace(job="none", talk=False, s="back" if w.s == "still" else w.s)
    if w.sd and w.job == "finishing" and broken:
        locked = w.locks and w.d == "run"
        yield (
            "answer given up",
            w._replace(job="none", net="", talk=False, s="canceled" if w.s == "still" and not locked else w.s),
        )
    if w.job == "postcopy" and w.sd and broken and w.s == "half":
        yield "post-copy given up", w._replace(s="broken", talk=False)
    if w.d == "incoming" and w.dd and (not w.talk or not w.sd):
        yield "half-made copy goes", w._replace(d="none", net="" if w.net == "finish" else w.net)
    if w.d == "incoming" and w.dd and w.job == "none":
        yield "unwanted copy goes", w._replace(d="none", net="")
    if w.sd and w.recover and w.s == "still":
        yield "source recovers", w._replace(recover=False, s="back")


# --- faults -------------------------------------------------------------------------------------------------------


def faults(w: World) -> Iterator[tuple[str, World]]:
    """Each may strike at any moment, and each costs one of the budget; what mends it does not."""
    n = w.faults - 1
    if w.faults > 0:
        yield from _kills(w._replace(faults=n))
        if w.link:
            yield "link cut", w._replace(link=False, faults=n)
        if w.net:
            yield "message lost", w._replace(net="", talk=False, faults=n)
        for name in ("gs", "gd"):
            if getattr(w, name):
                yield f"{name} cut", w._replace(**{name: False, "faults": n})
        if w.job in ("copying", "switching") and w.sd:
            yield "cancelled", _aborted(w)._replace(faults=n)
        if w.job == "copying" and w.sd and w.link and w.talk and w.d == "incoming" and not w.paused:
            yield "post-copy", w._replace(job="postcopy", s="half", d="half", streams=True, newest="d", faults=n)
    yield from _mends(w)


def _kills(w: World) -> Iterator[tuple[str, World]]:
    if w.sd:
        half = w.job == "switching"
        job = "postcopy" if w.job == "postcopy" else "none"
        net = "" if w.net in ("ok", "failed") else w.net
        yield "source daemon killed", w._replace(sd=False, job=job, talk=False, recover=w.recover or half, net=net)
    if w.dd:
        yield "destination daemon killed", w._replace(dd=False, talk=False, net="" if w.net == "finish" else w.net)
    if w.g:
        yield "guardian killed", w._replace(g=False, due=None, armed=False, **_blank(w))
    if w.armed:  # a QEMU killed in the millisecond between the last look and the call: no order of things can help that
        return
    if w.s != "gone":
        lost = w.newest == "s" or w.s in ("half", "broken") or w.d in ("half", "broken")
        job = "none" if w.job != "confirming" else w.job
        yield "source QEMU killed", w._replace(s="gone", job=job, recover=False, killed=w.killed or lost, talk=False)
    if w.d != "none":
        lost = w.newest == "d" or w.d == "held" or w.s in ("half", "broken")
        net = "failed" if w.net == "finish" else w.net
        yield "destination QEMU killed", w._replace(d="none", killed=w.killed or lost, talk=False, net=net)


def _blank(w: World) -> dict[str, object]:
    past = Past(short=True if w.note else None, arrives_paused=w.paused)
    return {"kept": keep(past), "settled": False, "seen": None, "long": True}


def _mends(w: World) -> Iterator[tuple[str, World]]:
    for name in ("link", "sd", "dd", "gs", "gd", "g"):
        if not getattr(w, name):
            yield f"{name} back", w._replace(**{name: True})


def healed(w: World) -> World:
    return w._replace(link=True, sd=True, dd=True, gs=True, gd=True, g=True, faults=0)


def _aborted(w: World) -> World:
    """QEMU cancels up to the moment when all was sent, and does nothing afterwards (H10, H16)."""
    if w.job not in ("copying", "switching"):
        return w
    return w._replace(job="none", talk=False, s="back" if w.s == "still" else w.s)


# --- the guardian's acts ------------------------------------------------------------------------------------------


def done(w: World) -> World:
    """The act that is due reaches its daemon. Ending is refused there where the copy is another than was seen."""
    assert w.due is not None
    act, source, destination = w.due
    w = w._replace(due=None, armed=False)
    here, there = w.sd and w.gs, w.dd and w.gd
    if act is Act.SUSPEND_SOURCE and here and w.s in RUNNING_HERE and w.job == "none":
        return w._replace(s="user", note=w.note or bool(w.kept.past.short))
    if act is Act.END_SOURCE and here and w.s == source:
        return w._replace(s="gone", job="none", net="", streams=False, recover=False)
    if act is Act.RESUME_SOURCE and here and w.s == "still" and w.job == "none":
        return w if w.locks and w.d == "run" else w._replace(s="back", recover=False)
    if act is Act.END_DESTINATION and there and w.d == destination:
        return w._replace(d="none", net="")
    if act is Act.RESUME_DESTINATION and there and w.d == "held":
        return w._replace(d="resumed", newest="d")
    if act is Act.ABORT and here:
        return _aborted(w)
    if act is Act.PAUSE_POSTCOPY and here and w.job == "postcopy" and w.s in ("half", "broken"):
        return w._replace(
            s="broken", streams=False, d="broken" if w.d == "half" else w.d, kept=keep(after(w.kept.past, act))
        )
    if act is Act.RESUME_POSTCOPY and here and w.dd and w.link and w.s == "broken" and w.d in ("half", "broken"):
        if w.streams:  # "QEMU reports migration is still running"
            return w._replace(kept=keep(after(w.kept.past, act)))
        return w._replace(
            s="half", d="half", streams=True, talk=True, job="postcopy", kept=keep(after(w.kept.past, act))
        )
    return w


def planned(w: World, decision: Decision) -> World:
    """What a decision leaves in the guardian's hands."""
    if decision.act is Act.NOTHING:
        return w._replace(due=None, armed=False, doubt=w.doubt or decision.doubt)
    source, destination, _ = view(w)
    assert decision.act not in NEEDS_BOTH or (source and destination), "acted on silence"
    return w._replace(due=(decision.act, source, destination), doubt=w.doubt or decision.doubt)
