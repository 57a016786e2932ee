"""Displays and their screens as the sockets need them: who may come in, what to show, when each was seen last.

Runs in the hub's thread.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.utils import timezone

from datacenter.models import Display, DisplayScreen
from datacenter.wall.links import display_of, ended
from datacenter.wall.paint import Program
from datacenter.wall.rotation import LONGEST_S, SHORTEST_S, Rotation, Turn
from datacenter.wall.scenes import SCENES
from datacenter.wall.scope import Scope

#: a screen that was not seen for so long is off
ALIVE = timedelta(seconds=25)
#: screens of long ago are forgotten
KEPT = timedelta(days=30)
PREVIEW = "datacenter.wall.preview"
PREVIEW_S = 3600
NO_SUCH = "There is no such display. Its link may have been replaced by a new one."
GONE = "What this display showed is no longer there."


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a screen says of itself: hostile until looked at, shown to administrators as text."""

    link: str
    screen: str  # random, of the page as it was loaded
    size: str
    version: str
    preview: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """It shows nothing any more; ``why`` in words for whoever stands before it."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """A screen that may look on."""

    display: int
    program: Program
    row: int | None


def welcome(hello: Hello, address: str) -> Welcome | Ended:
    """Whether its link, or an administrator's ticket for a preview, shows something."""
    display = _previewed(hello.link) if hello.preview else display_of(hello.link)
    if display is None:
        return Ended(why=NO_SUCH)
    found = _program(display, timezone.now(), {})
    if isinstance(found, Ended):
        return found
    row = None if hello.preview else _write_down(display, hello, address)
    return Welcome(display=display.pk, program=found, row=row)


def standing(displays: Sequence[int]) -> dict[int, Program | Ended]:
    """What each is to show now. One query, and one a scope that is not everything."""
    now = timezone.now()
    scopes: dict[Scope, Scope] = {}
    rows = {display.pk: display for display in Display.objects.filter(pk__in=displays)}
    return {pk: _program(rows[pk], now, scopes) if pk in rows else Ended(why=NO_SUCH) for pk in displays}


def seen(rows: Iterable[int]) -> None:
    """These screens are on. One statement."""
    DisplayScreen.objects.filter(pk__in=rows).update(seen_at=timezone.now())


def ticket(display: Display) -> str:
    """What lets the preview's page come in, for an hour; it is not the link, and reaches no more than that."""
    return signing.dumps(display.pk, salt=PREVIEW)


def _previewed(given: str) -> Display | None:
    try:
        pk: Any = signing.loads(given, salt=PREVIEW, max_age=PREVIEW_S)
    except signing.BadSignature:
        return None
    return Display.objects.filter(pk=pk).first()


def _program(display: Display, now: datetime, scopes: dict[Scope, Scope]) -> Program | Ended:
    if why := ended(display, now):
        return Ended(why=why)
    scope = scopes.setdefault(Scope.of(display), Scope.of(display))  # equal ones are read once
    if scope.is_gone:
        return Ended(why=GONE)
    return Program(scope=scope, rotation=rotation_of(display))


def rotation_of(display: Display) -> Rotation:
    """As the row says; what a newer or older Godwit wrote and this one does not know is passed over."""
    turns = tuple(
        Turn(scene=str(scene), seconds=float(min(max(seconds, SHORTEST_S), LONGEST_S)))
        for scene, seconds in display.scenes
        if scene in SCENES
    )
    return Rotation(turns=turns or (Turn(scene="heat", seconds=20.0),), comes_forward=display.comes_forward)


def _write_down(display: Display, hello: Hello, address: str) -> int:
    """The screen's row: the one it has, or that of a screen there that is off; so restarts and reloads make no heap."""
    now = timezone.now()
    mine = DisplayScreen.objects.filter(display=display)
    key, size = _tidy(hello.screen, 32), _tidy(hello.size, 20)
    told = {"key": key, "address": address[:45], "size": size, "version": _tidy(hello.version, 20), "seen_at": now}
    if mine.filter(key=key, seen_at__gte=now - ALIVE).update(**told):  # back after a moment: on since it was opened
        return mine.filter(key=key).values_list("pk", flat=True)[0]
    off = mine.filter(address=address, size=size, seen_at__lt=now - ALIVE).first()
    if off is not None:
        mine.filter(pk=off.pk).update(**told, opened_at=now)
        return off.pk
    mine.filter(seen_at__lt=now - KEPT).delete()
    return mine.create(**told, display=display, opened_at=now).pk


def _tidy(text: str, longest: int) -> str:
    """Letters, digits, dot and hyphen: a screen is not to be believed."""
    return "".join(each for each in text if each.isascii() and (each.isalnum() or each in ".-"))[:longest]
