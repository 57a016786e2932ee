"""Which of the waiting migrations start now, and what each of the others waits for. Pure; doing it is admission.py's.

A sliding window, not batches: it is asked again the moment one ends, and whatever there is a place for starts.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hosts.models import Priority

#: one that waited so long keeps the places it needs as they come free, so that shorter ways do not overtake for ever
PATIENCE = timedelta(minutes=1)

#: how much earlier it counts as asked for, by its priority; see ``urgency``
HEAD_START = {
    Priority.DRAIN: timedelta(minutes=20),
    Priority.PERSON: timedelta(minutes=10),
    Priority.BALANCER: timedelta(0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many migrations at once: sent by one host, received by one, in the cluster, on its migration network."""

    out: int = 2
    into: int = 2
    cluster: int = 8
    network: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What a migration takes places of. Keys are the rows'; names are for the words. ``destination`` None: unknown.

    ``most``: how many its policy wants on each of its hosts at once, at most; None: as many as the cluster allows.
    """

    source: int
    destination: int | None
    cluster: int
    network: int
    source_name: str = ""
    destination_name: str = ""
    cluster_name: str = ""
    network_name: str = ""
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One in the queue."""

    pk: int
    way: Way
    asked_at: datetime
    priority: Priority = Priority.PERSON
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Its place in its cluster's line, 1 is next, None while its moment has not come; what it waits for, in words."""

    place: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """``starts`` in their order; everybody else waits."""

    starts: list[int] = field(default_factory=list)
    waits: dict[int, Wait] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One kind of place that a way needs: its key, how many there are, and the words for it."""

    key: Hashable
    limit: int
    who: str
    does: str


def admit(
    waiting: Sequence[Waiting], running: Sequence[Way], limits: Mapping[int, Limits], *, now: datetime
) -> Decision:
    """Start the most urgent first, and behind them whatever else there is a place for.

    ``running``: every open migration that is not queued, another tool's too. ``limits``: by cluster; Limits() where
    none are given. One that waited longer than PATIENCE holds the places it needs: nobody behind it in line gets them.
    """
    taken = Counter(place.key for way in running for place in _places(way, limits))
    held: Counter[Hashable] = Counter()
    line: Counter[int] = Counter()
    decision = Decision()
    for one in sorted(waiting, key=urgency):
        places = list(_places(one.way, limits))
        if one.not_before is not None and one.not_before > now:
            reason = f"tried again at {one.not_before:%H:%M:%S} UTC"
            decision.waits[one.pk] = Wait(place=None, reason=reason)
        elif full := [each for each in places if taken[each.key] + held[each.key] >= each.limit]:
            reason = "; ".join(_say(each, taken[each.key]) for each in full)
            waited = now - max(one.asked_at, one.not_before or one.asked_at)
            if waited >= PATIENCE and all(held[each.key] < each.limit for each in places):
                held.update(each.key for each in places)
            line[one.way.cluster] += 1
            decision.waits[one.pk] = Wait(place=line[one.way.cluster], reason=reason)
        else:
            taken.update(each.key for each in places)
            decision.starts.append(one.pk)
    return decision


def urgency(one: Waiting) -> tuple[datetime, int]:
    """What the line is sorted by: the moment it was asked for, less its priority's head start; the row breaks ties.

    Waiting for t minutes is worth t, a drain 20 and a person 10 at once: urgency = head start + time waited. All age
    alike, so that the order of two never turns, and what it says is a bound: a balancer's move goes before a drain
    that was asked for 20 minutes after it, and before a person's of 10 minutes after. Example at 12:00: a drain of
    12:00 (11:40) goes before a person's of 11:51 (11:41) and behind a balancer's of 11:39.
    """
    return one.asked_at - HEAD_START[one.priority], one.pk


def _places(way: Way, limits: Mapping[int, Limits]) -> Iterator[_Place]:
    most = limits.get(way.cluster) or Limits()
    yield _Place(key=("out", way.source), limit=min(most.out, way.most or most.out), who=way.source_name, does="sends")
    if way.destination is not None:
        yield _Place(
            key=("into", way.destination),
            limit=min(most.into, way.most or most.into),
            who=way.destination_name,
            does="receives",
        )
    cluster = f"the cluster {way.cluster_name}"
    yield _Place(key=("cluster", way.cluster), limit=most.cluster, who=cluster, does="moves")
    network = "the migration network" + (f" {way.network_name}" if way.network_name else "")
    yield _Place(key=("network", way.network), limit=most.network, who=network, does="carries")


def _say(place: _Place, taken: int) -> str:
    """ "h2 already receives 2 of 2"; "h2 receives 1 of 2, the rest is kept for one that waits longer"."""
    if taken >= place.limit:
        return f"{place.who} already {place.does} {taken} of {place.limit}"
    return f"{place.who} {place.does} {taken} of {place.limit}, the rest is kept for one that waits longer"


def in_words(place: int | None, reason: str) -> str:
    """ "3rd in line; h2 already receives 2 of 2."; "" where neither is known yet."""
    text = "; ".join(part for part in (f"{ordinal(place)} in line" if place else "", reason) if part)
    return f"{text}." if text else ""


def ordinal(number: int) -> str:
    """1 -> "1st", 12 -> "12th", 23 -> "23rd"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
