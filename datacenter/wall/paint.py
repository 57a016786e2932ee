"""Frames: each scope's troubles are read once a beat, each scene once a scope, however many walls show them.

Runs in a thread; knows nothing of sockets.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import Error as DatabaseError
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone

from datacenter.access import looking
from datacenter.live.version import version
from datacenter.wall import troubles
from datacenter.wall.rotation import Rotation, Trouble, pick
from datacenter.wall.scenes import SCENES
from datacenter.wall.scope import Scope
from hosts.models import Host

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a display shows and when; displays with equal programs get equal frames."""

    scope: Scope
    rotation: Rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is wrong in a scope, and which scene each of its programs shows now."""

    wrong: list[Trouble]
    answered_at: datetime | None  # when a host of the scope answered last
    scenes: dict[str, list[Program]]


def look(scope: Scope, programs: Iterable[Program]) -> Seen:
    """Read what is wrong, and pick the scenes by it and by the clock."""
    now = timezone.now()
    wrong = troubles.read(scope, now)
    scenes: dict[str, list[Program]] = {}
    for program in programs:
        scenes.setdefault(pick(program.rotation, wrong, at=now.timestamp()), []).append(program)
    answered = scope.only(Host.objects.all()).aggregate(at=Max("answered_at"))["at"]
    return Seen(wrong=wrong, answered_at=answered, scenes=scenes)


def paint(scope: Scope, key: str, seen: Seen, beat: int = 0) -> str | None:
    """The frame of one scene, packed: one string for all who show it.

    None where it fails, which the log says: its walls keep what they have, and soon say that it is old.
    """
    try:
        return orjson.dumps(_frame(scope, key, seen, beat)).decode()
    except DatabaseError:  # nothing else can be read either: the whole beat is left out
        raise
    except Exception:  # a scene's own mistake: all other scenes are shown all the same
        log.exception("The scene %s could not be painted", key, extra={"action": "scene_failed", "scene": key})
        return None


def _frame(scope: Scope, key: str, seen: Seen, beat: int) -> dict[str, Any]:
    """All that a wall shows, whole each time. ``at``: before it was read; ``beat`` counts, within a web process;
    ``age_s``: since any host of the scope answered; None: none ever did.
    """
    now = timezone.now()
    scene = SCENES[key]
    with looking(scope.viewer):  # what template tags read is the display's to see, too
        html = render_to_string(scene.template, {**scene.read(scope, now), "now": now}).strip()
    wrong, answered = seen.wrong, seen.answered_at
    return {
        "at": now.isoformat(timespec="milliseconds"),
        "beat": beat,
        "version": version(),
        "scene": key,
        "title": scene.question,
        "where": scope.words,
        "age_s": None if answered is None else round(max(0.0, (now - answered).total_seconds()), 1),
        "trouble": {"count": len(wrong), "text": wrong[0].text, "colour": wrong[0].colour} if wrong else None,
        "html": html,
    }
