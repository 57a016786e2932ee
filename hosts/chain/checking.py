"""Walking the chain: is each entry what was sealed, and does each follow the one before?

Nothing here writes. What it cannot see is in docs/events.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hosts.chain import heads
from hosts.chain.retention import is_ours
from hosts.chain.seals import FIRST, seal_of
from hosts.models import Checkpoint, Event

#: entries read at once
CHUNK = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong at one number. ``what``: changed, removed, inserted, unsigned, rewritten."""

    number: int
    what: str
    words: str


@dataclass(slots=True, kw_only=True)
class Walk:
    """One look at the chain; ``findings`` may be read once, ``entries``, ``last`` and ``unsealed`` afterwards."""

    start: int = 1
    entries: int = 0
    last: int = 0
    unsealed: int = 0

    def findings(self) -> Iterator[Finding]:
        """All that is wrong, in order of numbers; then what the heads kept outside the database say."""
        point = Checkpoint.objects.order_by("-number").first()
        if point is not None and not is_ours(point):
            yield Finding(
                number=point.number, what="unsigned",
                words=f"What stood before number {point.number + 1} is gone, and not by Godwit's retention.",
            )  # fmt: skip
        yield from self._entries(point)
        yield from self._heads(point)
        self.unsealed = Event.objects.filter(number=None).count()

    def _entries(self, point: Checkpoint | None) -> Iterator[Finding]:
        number, seal = (point.number, point.seal) if point else (0, FIRST)
        if self.start > number + 1:
            before = Event.objects.filter(number__lt=self.start).order_by("-number").first()
            number, seal = self.start - 1, before.seal if before and before.number == self.start - 1 else ""
        rows = Event.objects.filter(number__gt=number).order_by("number").iterator(chunk_size=CHUNK)
        shift, held = 0, next(rows, None)  # shift: how many stand here that were never sealed here
        while held is not None:
            event, held = held, next(rows, None)
            assert event.number is not None
            self.entries, self.last = self.entries + 1, event.number
            place = event.number - shift
            if place > number + 1:
                yield _removed(number + 1 + shift, event.number - 1)
                number, seal = place, event.seal
                continue
            if event.seal == seal_of(event, place, seal):
                number, seal = place, event.seal
            elif held is not None and held.seal == seal_of(held, (held.number or 0) - shift - 1, seal):
                shift += 1
                yield Finding(
                    number=event.number, what="inserted", words=f"Entry {event.number} was inserted: {event}."
                )
            else:
                number, seal = place, event.seal
                yield Finding(number=event.number, what="changed", words=f"Entry {event.number} was changed: {event}.")

    def _heads(self, point: Checkpoint | None) -> Iterator[Finding]:
        cut = point.number if point else 0
        kept = {head.number: head for head in heads.kept() if head.number > cut}
        if not kept:
            return
        there = dict(Event.objects.filter(number__in=kept).values_list("number", "seal"))
        newest = max(kept)
        if newest > self.last:
            yield _removed(max(self.last, cut) + 1, newest)
        for number, head in sorted(kept.items()):
            if number in there and there[number] != head.seal:
                words = f"Entry {number} had another seal when its head was kept: the chain up to it was written anew."
                yield Finding(number=number, what="rewritten", words=words)
                return


def _removed(first: int, last: int) -> Finding:
    words = f"Entry {first} was removed." if first == last else f"Entries {first} to {last} were removed."
    return Finding(number=first, what="removed", words=words)
