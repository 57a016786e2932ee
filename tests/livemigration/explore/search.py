"""Every interleaving of the model, breadth first, each state once; and what has to hold in each of them."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from hosts.livemigration.guardian.arbiter import Act, Decision, Past, decide
from hosts.livemigration.guardian.past import proves_one, remember
from hosts.livemigration.recovery import Truth
from tests.livemigration.explore.model import (
    RUNNING_HERE,
    Kept,
    World,
    both_run,
    copies,
    done,
    faults,
    healed,
    heard,
    in_sight,
    keep,
    planned,
    progress,
    view,
)

Decide = Callable[[Truth, Past], Decision]
#: a healed world needs no more rounds than this to come to rest
MOST_ROUNDS = 30
LONG_S = 1000.0


@cache
def _decided(decider: Decide, pair: tuple[str, str, bool], kept: Kept, settled: bool, moves: bool) -> Decision:
    seconds = LONG_S if settled else 0.0
    past = replace(kept.past, stood_s=seconds, still_s=seconds, stalled_s=0.0 if moves else seconds)
    return decider(heard(*pair), past)


@cache
def _remembered(kept: Kept, pair: tuple[str, str, bool], long: bool) -> tuple[Kept, bool]:
    told = remember(kept.past, heard(*pair), alone_s=LONG_S if long else 0.0)
    return keep(told), proves_one(heard(*pair), told)


def look(w: World, decider: Decide) -> World:
    """The guardian looks, takes it in, and decides. Time is long or short, as ``settled`` and ``long`` say."""
    pair = view(w)
    kept, one = _remembered(w.kept, pair, w.long)
    settled = w.settled and pair == w.seen
    w = w._replace(kept=kept, seen=pair, settled=settled, long=w.long and not one)
    return planned(w, _decided(decider, pair, kept, settled, w.streams and w.link))


def act(w: World, decider: Decide) -> World:
    """What is due is looked at and decided once more, and done; as acts.py does."""
    assert w.due is not None
    planned_act = w.due[0]
    again = look(w._replace(due=None), decider)
    if again.due is None or again.due[0] is not planned_act:
        return w._replace(due=None)
    return w._replace(due=again.due, armed=True)


def guardian(w: World, decider: Decide) -> Iterator[tuple[str, World]]:
    if not w.g:
        return
    if w.due is None:
        after = look(w, decider)
        if after != w:
            yield "guardian looks", after
    elif w.armed:
        yield f"guardian does {w.due[0]}", done(w)
    else:
        yield "guardian looks again", act(w, decider)
    if not w.settled and w.seen is not None:
        yield "time passes", w._replace(settled=True)
    if not w.long:
        yield "much time passes", w._replace(long=True)


def steps(w: World, decider: Decide) -> Iterator[tuple[str, World]]:
    yield from progress(w)
    yield from faults(w)
    yield from guardian(w, decider)


@dataclass
class Found:
    """What a search came upon: each flaw with the way to it."""

    states: int = 0
    flaws: list[tuple[str, list[str]]] = field(default_factory=list)


def explore(start: World, decider: Decide = decide, *, most_flaws: int = 1) -> Found:
    """Every state that can be reached from ``start``, checked; stops at the first flaws."""
    found, ways = Found(), {start: (None, "")}  # type: ignore[var-annotated]
    queue, resting = deque([start]), {}  # type: ignore[var-annotated]
    while queue:
        w = queue.popleft()
        found.states += 1
        flaw = check(w, decider, resting)
        if flaw:
            found.flaws.append((flaw, way(w, ways)))
            if len(found.flaws) >= most_flaws:
                return found
        for name, after in steps(w, decider):
            harm = wronged(w, name, after)
            if harm:
                found.flaws.append((harm, [*way(w, ways), name, str(after)]))
                return found
            if after not in ways:
                ways[after] = (w, name)
                queue.append(after)
    return found


def way(w: World, ways: dict[World, tuple[World | None, str]]) -> list[str]:
    names = [str(w)]
    while True:
        before, name = ways[w]
        if before is None:
            return list(reversed(names))
        names.append(name)
        w = before


def wronged(w: World, name: str, after: World) -> str:
    """An act of ours may never end or outrun the copy that holds the guest."""
    if not name.startswith("guardian does"):
        return ""
    if w.s != "gone" and after.s == "gone" and w.newest == "s" and w.d != "held":
        return "the guardian ended the guest's own copy on the source"
    if w.s in ("half", "broken") and after.s == "gone" and w.d != "run":
        return "the guardian ended a half that the other needs"
    if w.d != "none" and after.d == "none" and w.newest == "d":
        return "the guardian ended the guest's own copy on the destination"
    if copies(after) > copies(w) and copies(after) > 1:
        return "the guardian made two that run"
    if w.s not in RUNNING_HERE and after.s in RUNNING_HERE and w.newest == "d" and not aborted(name):
        return "the guardian let an old copy run"
    return ""


def aborted(name: str) -> bool:
    return name.endswith(Act.ABORT)


def check(w: World, decider: Decide, resting: dict[World, str]) -> str:
    """What has to hold in every state."""
    if both_run(w) and in_sight(w):
        after = w._replace(due=None, armed=False)
        for _ in range(2):  # a look, and what follows from it
            after = look(after, decider) if after.due is None else done(after)
        if both_run(after):
            return "two copies run, and the arbiter does not stop one in two steps"
    calm = healed(w)
    if calm not in resting:
        resting[calm] = rest(calm, decider)
    return resting[calm]


def rest(w: World, decider: Decide) -> str:
    """Let everything be well again and go on by itself: where does it end? "" where all is as it should be."""
    for _ in range(MOST_ROUNDS):
        before = w
        for _ in range(3):
            w = next((after for name, after in progress(w) if name not in ("begin", "cannot go on there")), w)
        for _ in range(2):
            w = look(w._replace(settled=True, due=None, armed=False), decider)
            w = look(w._replace(settled=True, due=None), decider)
            if w.due is not None:
                w = done(w)
        if w._replace(doubt=False) == before._replace(doubt=False):
            break
    if w.doubt or w.killed:
        return "" if copies(w) <= 1 else "two copies run at rest"
    if copies(w) != 1:
        return f"{copies(w)} copies run at rest, and nobody is told"
    if w.s != "gone" and w.d not in ("none",):
        return "a copy is left behind, and nobody is told"
    return ""
