"""The lines between simulated hosts: how much passes, and how concurrent migrations share it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: a line with less to spare than this is full (bytes per second); above the rounding of a 100 GbE line
_ENOUGH = 1.0


@dataclass(slots=True, kw_only=True)
class Link:
    """What is wrong between two hosts; a pair without one is well. Changed through :class:`Links` only."""

    cut: bool = False
    limit_bytes_per_s: float | None = None
    loss: float = 0.0  # share of packets lost, 0 to 1
    cut_at: float | None = None  # world time of the last cut
    resumes_at: float = 0.0  # TCP sends again from here on

    def goodput(self, line: float) -> float:
        """What TCP makes of ``line`` bytes per second. Loss hurts far beyond its share: 1 % leaves about a sixth."""
        limited = line if self.limit_bytes_per_s is None else min(line, self.limit_bytes_per_s)
        return limited / (1.0 + 500.0 * self.loss) if self.loss else limited


class Links:
    """All pairs, and the state of each line."""

    def __init__(self) -> None:
        self._links: dict[frozenset[str], Link] = {}
        self.changes = 0  # rises whenever one lets more or less through

    def between(self, one: str, other: str) -> Link:
        return self._links.setdefault(frozenset((one, other)), Link())

    def cut(self, one: str, other: str, *, t: float) -> None:
        """Packets vanish silently from ``t`` on."""
        self.changes += 1
        link = self.between(one, other)
        if not link.cut:
            link.cut, link.cut_at = True, t

    def mend(self, one: str, other: str, *, t: float) -> None:
        """Cable back in: TCP, having backed off, sends again only half of the outage later (8 s cost 12 s, H17)."""
        self.changes += 1
        link = self.between(one, other)
        if link.cut and link.cut_at is not None:
            link.resumes_at = t + 0.5 * (t - link.cut_at)
        link.cut, link.limit_bytes_per_s, link.loss = False, None, 0.0

    def slow(self, one: str, other: str, *, bytes_per_s: float) -> None:
        """No more than that passes."""
        self.changes += 1
        self.between(one, other).limit_bytes_per_s = bytes_per_s

    def lose(self, one: str, other: str, *, share: float) -> None:
        """That share (0 to 1) of the packets is lost."""
        self.changes += 1
        self.between(one, other).loss = share

    def open(self, one: str, other: str, *, t: float) -> bool:
        """Whether bytes flow at ``t``."""
        link = self.between(one, other)
        return not link.cut and t >= link.resumes_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One migration's wish: at most ``ceiling`` (its cap, or what the pair's link lets through)."""

    key: str
    source: str
    destination: str
    ceiling: float


def share_lines(flows: Iterable[Flow], lines: Mapping[str, float]) -> dict[str, float]:
    """Max-min fair bytes per second for each flow: what a capped one leaves goes to the others.

    Two without a cap on one line of 100 get 50 each; with one capped at 20 the other gets 80.
    """
    open_flows = {flow.key: flow for flow in flows}
    spare = dict(lines)
    rates = dict.fromkeys(open_flows, 0.0)
    while open_flows:
        users: dict[str, int] = {}
        for flow in open_flows.values():
            for host in (flow.source, flow.destination):
                users[host] = users.get(host, 0) + 1
        step = min(spare[host] / count for host, count in users.items())
        step = max(0.0, min(step, *(flow.ceiling - rates[key] for key, flow in open_flows.items())))
        for key in open_flows:
            rates[key] += step
        for host, count in users.items():
            spare[host] -= step * count
        done = [
            key
            for key, flow in open_flows.items()
            if rates[key] >= flow.ceiling - _ENOUGH or min(spare[flow.source], spare[flow.destination]) <= _ENOUGH
        ]
        for key in done:
            del open_flows[key]
    return rates
