"""What is wrong, the worst first: the same that lets a scene come forward."""

from datetime import datetime
from typing import Any

from datacenter.wall import troubles
from datacenter.wall.scope import Scope

MOST = 40


def read(scope: Scope, now: datetime) -> dict[str, Any]:
    """``troubles`` and how many there are in all."""
    found = troubles.read(scope, now)
    return {"troubles": found[:MOST], "total": len(found)}
