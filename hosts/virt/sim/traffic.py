"""How fast each running migration goes: the lines shared out once, and again only after something has changed.

A migration asks every 50 or 100 ms. Sharing the lines out walks all of them, so that with each question it would be
quadratic: 60 of them took 45 % of the simulator's time.
"""

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING

from hosts.virt.sim.links import Flow, Links, share_lines
from hosts.virt.sim.phases import Phase

if TYPE_CHECKING:  # a migration asks the world's traffic: a cycle at run time
    from hosts.virt.sim.migration import SimMigration

_SENDING = frozenset({Phase.MIRRORING, Phase.COPYING, Phase.SWITCHING, Phase.POSTCOPY})


class Traffic:
    """The flows of a world. Whoever changes a phase or a cap says :meth:`changed`; links say it by themselves."""

    def __init__(self, links: Links, migrations: Mapping[str, "SimMigration"]) -> None:
        self._links, self._migrations = links, migrations
        self._rates: dict[str, float] = {}
        self._links_seen = -1
        self._good_until = -inf  # world time

    def changed(self) -> None:
        """A migration began or ended to send, or has another cap."""
        self._good_until = -inf

    def rate(self, uuid: str, *, t: float) -> float:
        """Bytes per second that this guest's migration gets at ``t``; 0 where nothing flows."""
        if t >= self._good_until or self._links_seen != self._links.changes:
            self._share(t)
        return self._rates.get(uuid, 0.0)

    def _share(self, t: float) -> None:
        flows, lines = [], {}
        self._links_seen, self._good_until = self._links.changes, inf
        for uuid, each in self._migrations.items():
            source, destination = each.source, each.destination
            if each.phase not in _SENDING:
                continue
            link = self._links.between(source.name, destination.name)
            if not self._links.open(source.name, destination.name, t=t):
                if not link.cut:
                    self._good_until = min(self._good_until, link.resumes_at)
                continue
            ceiling = link.goodput(min(source.line_bytes_per_s, destination.line_bytes_per_s, each.stream_bytes_per_s))
            if each.cap and each.phase is not Phase.SWITCHING:  # QEMU lifts the cap for the rest
                ceiling = min(ceiling, each.cap)
            flows.append(Flow(key=uuid, source=source.name, destination=destination.name, ceiling=ceiling))
            for host in (source, destination):
                lines[host.name] = host.line_bytes_per_s
        self._rates = share_lines(flows, lines)
