"""The scenes: one screen, one question each. A scene reads its scope and gives its template what it shows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from datacenter.wall.scenes import alerts, capacity, drain, events, heat, hosts, migrations
from datacenter.wall.scope import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """``read`` gives the template's context; ``template`` is painted once for all walls that show it."""

    key: str
    label: str  # for whoever arranges a display
    question: str  # what it answers, at the head of the wall
    read: Callable[[Scope, datetime], dict[str, Any]]

    @property
    def template(self) -> str:
        return f"wall/scenes/_{self.key}.html"


SCENES: dict[str, Scene] = {
    scene.key: scene
    for scene in (
        Scene(key="heat", label="Heat map of the clusters", question="How loaded are the hosts?", read=heat.read),
        Scene(key="hosts", label="Hosts", question="Are all hosts well?", read=hosts.read),
        Scene(key="migrations", label="Running migrations", question="What moves?", read=migrations.read),
        Scene(key="drain", label="Drain with its countdown", question="Is it done in time?", read=drain.read),
        Scene(key="alerts", label="Alerts", question="What is wrong?", read=alerts.read),
        Scene(key="capacity", label="Capacity", question="Is there room, and if a host fails?", read=capacity.read),
        Scene(key="events", label="Newest events", question="What happened?", read=events.read),
    )
}
