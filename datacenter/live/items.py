"""What a socket may ask for, as text and as a record.

| item | what it brings |
|---|---|
| ``vm:12/row`` | the fragment, in ``html`` |
| ``vm:12`` | the row's figures, in ``text`` |
| ``migration:5/points`` | its samples as they come, in ``points`` |
| ``vms`` ``hosts`` ``migrations`` ``plans`` ``counts`` | word that some row of the kind changed, in ``topics`` |
| ``counts/running`` | a fragment that belongs to no row, in ``html`` |
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from datacenter.live.formats import FIGURES
from datacenter.live.fragments import FRAGMENTS
from datacenter.rows import ROWS

COARSE = frozenset({"vms", "hosts", "migrations", "plans", "counts"})
_ITEM = re.compile(r"(?P<noun>[a-z][a-z_]{1,11})(?::(?P<pk>[1-9][0-9]{0,17}))?(?:/(?P<part>[a-z]{2,20}))?")


class Kind(StrEnum):
    """The part of a frame an item comes in."""

    HTML = "html"
    TEXT = "text"
    POINTS = "points"
    TOPICS = "topics"


def coarse_of(topic: str) -> frozenset[str]:
    """The coarse topics that a row's change is news for: a host's turn in a plan is the plan's news."""
    noun = topic.partition(":")[0]
    return frozenset({"plans" if noun == "plan_host" else f"{noun}s", "counts"}) & COARSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing a page shows; ``text`` is how the page named it."""

    text: str
    kind: Kind
    topic: str
    noun: str
    pk: int | None  # None: coarse
    fragment: str = ""  # "vm/row"


def parse(text: str) -> Item | None:
    """The item a page named; None if there is no such thing."""
    match = _ITEM.fullmatch(text)
    if match is None:
        return None
    noun, part = match["noun"], match["part"]
    pk = int(match["pk"]) if match["pk"] else None
    if (noun not in ROWS) if pk else (noun not in COARSE):
        return None
    kind = _kind(noun, pk=pk, part=part)
    if kind is None:
        return None
    fragment = f"{noun}/{part}" if kind is Kind.HTML else ""
    topic = f"{noun}:{pk}" if pk else noun
    return Item(text=text, kind=kind, topic=topic, noun=noun, pk=pk, fragment=fragment)


def _kind(noun: str, *, pk: int | None, part: str | None) -> Kind | None:
    if part and f"{noun}/{part}" in FRAGMENTS:
        return Kind.HTML
    if part == "points" and pk:
        return Kind.POINTS
    if part:
        return None
    if pk is None:
        return Kind.TOPICS
    return Kind.TEXT if noun in FIGURES else None
