"""The sliding window, played ahead: moves start as the queue's limits let them, and share the lines they use. Pure.

A move holds its places from its start to its end, and its line while it copies. A line is shared evenly: 330 MiB/s
with three moves on it give each 110; a move has the least of what its two ends give it, and no more than its cap.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

from datacenter.maintenance.planner.expect import Load
from hosts.livemigration.queue import Limits


@dataclass(slots=True, kw_only=True)
class Flow:
    """One move on its way. ``ended``: called when it has."""

    source: int
    target: int
    load: Load
    ended: Callable[["Flow"], None]
    cap: float | None = None
    most: int | None = None
    not_before_s: float = 0.0
    start_s: float = 0.0
    end_s: float = 0.0
    left: float = 0.0
    speed: float = 0.0
    seen_s: float = 0.0
    turn: int = 0  # of its entry in the line of events; an older one is void
    copying: bool = False


class Lines:
    """The queue and the lines of a cluster. ``at``: seconds since the plan's start."""

    def __init__(self, limits: Limits, line: dict[int, float]) -> None:
        self.limits, self.line = limits, line
        self.at = 0.0
        self.waiting: dict[int, list[Flow]] = defaultdict(list)  # by source, in the order they were asked for
        self.out: Counter[int] = Counter()
        self.into: Counter[int] = Counter()
        self.running = 0
        self._on: dict[int, dict[int, Flow]] = defaultdict(dict)  # host -> copying flows
        self._events: list[tuple[float, int, Callable[[], None] | Flow, int]] = []
        self._count = 0

    def ask(self, flow: Flow) -> None:
        """Put it into the queue."""
        self.waiting[flow.source].append(flow)

    def call(self, seconds: float, what: Callable[[], None]) -> None:
        """Have ``what`` called so many seconds from now."""
        self._push(self.at + seconds, what, 0)

    def play(self) -> None:
        """Until nothing is to come any more."""
        self._admit()
        while self._events:
            self.at, _, what, turn = heappop(self._events)
            if isinstance(what, Flow):
                if turn != what.turn:
                    continue
                self._proceed(what)
            else:
                what()
            self._admit()

    def _push(self, at: float, what: Callable[[], None] | Flow, turn: int) -> None:
        self._count += 1
        heappush(self._events, (at, self._count, what, turn))

    def _admit(self) -> None:
        most = min(self.limits.cluster, self.limits.network)
        for source in list(self.waiting):
            if self.running >= most:
                return
            if self.out[source] >= self.limits.out:
                continue
            flows, self.waiting[source] = self.waiting[source], []
            for flow in flows:
                if self.running < most and self._has_place(flow):
                    self._start(flow)
                else:
                    self.waiting[source].append(flow)
            if not self.waiting[source]:
                del self.waiting[source]

    def _has_place(self, flow: Flow) -> bool:
        out, into = self.limits.out, self.limits.into
        if flow.most is not None:
            out, into = min(out, flow.most), min(into, flow.most)
        return self.out[flow.source] < out and self.into[flow.target] < into and flow.not_before_s <= self.at

    def _start(self, flow: Flow) -> None:
        self.running += 1
        self.out[flow.source] += 1
        self.into[flow.target] += 1
        flow.start_s, flow.left, flow.copying, flow.seen_s = self.at, flow.load.bytes, True, self.at
        self._on[flow.source][id(flow)] = flow
        self._on[flow.target][id(flow)] = flow
        self._share(flow)

    def _proceed(self, flow: Flow) -> None:
        if flow.copying:  # all is copied; it keeps its places for a while
            flow.copying = False
            del self._on[flow.source][id(flow)], self._on[flow.target][id(flow)]
            flow.turn += 1
            self._push(self.at + flow.load.lag_s, flow, flow.turn)
            self._share(flow)
            return
        self.running -= 1
        self.out[flow.source] -= 1
        self.into[flow.target] -= 1
        flow.end_s = self.at
        flow.ended(flow)

    def _share(self, changed: Flow) -> None:
        """Speeds anew for all that use one of its lines."""
        touched = self._on[changed.source] | self._on[changed.target]
        for flow in touched.values():
            speed = self._speed(flow)
            if speed == flow.speed and flow is not changed:
                continue
            flow.left = max(0.0, flow.left - flow.speed * (self.at - flow.seen_s))
            flow.speed, flow.seen_s = speed, self.at
            flow.turn += 1
            self._push(self.at + flow.left / speed, flow, flow.turn)

    def _speed(self, flow: Flow) -> float:
        speed = min(self.line[end] / len(self._on[end]) for end in (flow.source, flow.target))
        return speed if flow.cap is None else min(speed, flow.cap)
