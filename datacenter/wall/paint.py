"""One beat's frames: each scope's troubles are read once, each scene once a scope, however many walls show them.

Runs in a thread; knows nothing of sockets.
"""

import logging
from collections.abc import Iterable, Mapping
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


def frames(programs: Iterable[Program]) -> Mapping[Program, str]:
    """A frame for each program, packed. Programs that show the same scene of the same scope share one string.

    A scene that fails is left out and said in the log: its walls keep what they have, and soon say that it is old.
    """
    now = timezone.now()
    wrong: dict[Scope, list[Trouble]] = {}
    packed: dict[tuple[Scope, str], str | None] = {}
    found: dict[Program, str] = {}
    for program in programs:
        scope = program.scope
        if scope not in wrong:
            wrong[scope] = troubles.read(scope, now)
        scene = pick(program.rotation, wrong[scope], at=now.timestamp())
        if (scope, scene) not in packed:
            packed[scope, scene] = _packed(scope, scene, wrong[scope], now)
        if frame := packed[scope, scene]:
            found[program] = frame
    return found


def _packed(scope: Scope, key: str, wrong: list[Trouble], now: datetime) -> str | None:
    try:
        return orjson.dumps(_frame(scope, key, wrong, now)).decode()
    except DatabaseError:  # nothing else can be read either: the whole beat is left out
        raise
    except Exception:  # a scene's own mistake: all other scenes are shown all the same
        log.exception("The scene %s could not be painted", key, extra={"action": "scene_failed", "scene": key})
        return None


def _frame(scope: Scope, key: str, wrong: list[Trouble], now: datetime) -> dict[str, Any]:
    """All that a wall shows, whole each time. ``age_s``: since any host of the scope answered; None: none ever did."""
    scene = SCENES[key]
    with looking(scope.viewer):  # what template tags read is the display's to see, too
        html = render_to_string(scene.template, {**scene.read(scope, now), "now": now}).strip()
    answered = scope.only(Host.objects.all()).aggregate(at=Max("answered_at"))["at"]
    return {
        "at": now.isoformat(timespec="milliseconds"),
        "version": version(),
        "scene": key,
        "title": scene.question,
        "where": scope.words,
        "age_s": None if answered is None else round(max(0.0, (now - answered).total_seconds()), 1),
        "trouble": {"count": len(wrong), "text": wrong[0].text, "colour": wrong[0].colour} if wrong else None,
        "html": html,
    }
