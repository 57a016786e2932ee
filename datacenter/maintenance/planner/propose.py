"""The roll, played ahead on a clock of its own: hosts in their order, ``at_once`` of them together. Pure.

A host's VMs get their places the moment its turn comes, from what is free then: so what was emptied before is there to
be used, and what is still to be emptied is avoided. Its moves then go through the same window as the engine's queue.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from datacenter.maintenance.planner import expect
from datacenter.maintenance.planner.decide import Deciding
from datacenter.maintenance.planner.groups import Affinity
from datacenter.maintenance.planner.lines import Flow, Lines
from datacenter.maintenance.planner.order import Window, in_order, number_waves
from datacenter.maintenance.planner.place import Placing
from datacenter.maintenance.planner.records import (
    Action,
    HostOutlook,
    HostWish,
    Leg,
    Light,
    Move,
    Proposal,
    Refusal,
    Snapshot,
    VMFact,
    Wishes,
)
from datacenter.maintenance.planner.rooms import SOON, STAYS, Rooms, leaves, takes

_EMPTIED = Refusal(reason="It is being emptied itself.", remedy="It takes VMs again when its work is done.", room=True)
#: with more VMs than this their order is not worth the time it takes to compare orders
_PLAYED = 2000
_BACK = {Action.SHUTDOWN: "Started again where it was.", Action.SUSPEND: "Resumed where it was."}


def propose(snapshot: Snapshot, wishes: Wishes) -> Proposal:
    """What becomes of every VM of the hosts in ``wishes``, where it goes and why, and when all is done."""
    roll = Roll(snapshot, wishes)
    roll.play()
    return roll.proposal()


class Host:
    """One host of the roll, while it is played."""

    def __init__(self, wish: HostWish) -> None:
        self.wish = wish
        self.outlook = HostOutlook(key=wish.key)
        self.moves: list[Move] = []
        self.loads: dict[int, expect.Load] = {}
        self.open = 0  # moves and waits that have yet to end before its next step


class Roll:
    """The state of the roll. Every change of it happens at ``lines.at``."""

    def __init__(self, snapshot: Snapshot, wishes: Wishes) -> None:
        self.snapshot, self.wishes = snapshot, wishes
        self.vms = {vm.key: vm for vm in snapshot.vms}
        self.names = {host.key: host.name for host in snapshot.hosts}
        self.where = {vm.key: vm.host for vm in snapshot.vms}
        self.on: dict[int, dict[int, None]] = {host.key: {} for host in snapshot.hosts}
        for vm in sorted(snapshot.vms, key=lambda each: (each.name, each.key)):
            self.on.setdefault(vm.host, {})[vm.key] = None
        self.holds = {vm.key: leaves(vm) for vm in snapshot.vms}  # what its present host gets back
        self.waiting = [Host(wish) for wish in wishes.hosts]
        self.all = list(self.waiting)
        self.active = 0
        self.coming: Counter[int] = Counter()  # on their way to a host
        self.lodgers: Counter[int] = Counter()  # on a host until they go home
        self.moved: set[int] = set()
        self.again = 0
        self.rooms = Rooms(snapshot.hosts, (host.wish.key for host in self.all), keep_spare=wishes.keep_spare)
        self.affinity = Affinity(snapshot.groups, {vm.key: vm.host for vm in snapshot.vms if vm.runs})
        line = {host.key: host.line or expect.UNKNOWN_LINE for host in snapshot.hosts}
        self.lines = Lines(snapshot.limits, line)
        self.concerned = [self.vms[key] for host in self.all for key in self.on.get(host.wish.key, ())]
        self.expected = expect.Expectations(self.concerned, self._usual(list(line.values())))
        placing = Placing(self.rooms, self.affinity, snapshot.fits)
        self.deciding = Deciding(self.vms, self.names, wishes, placing, self.expected)

    def _usual(self, lines: list[float]) -> float:
        """What one move of several may hope for: its share of the line of the host in the middle."""
        limits = self.snapshot.limits
        together = max(1, min(limits.out, limits.cluster, limits.network))
        return sorted(lines)[len(lines) // 2] / together if lines else expect.UNKNOWN_LINE

    def play(self) -> None:
        self._next()
        self.lines.play()

    def proposal(self) -> Proposal:
        done = [host.outlook.end_s for host in self.all if host.outlook.end_s is not None]
        spread = math.sqrt(sum(host.outlook.spread_s**2 for host in self.all))
        for host in self.all:
            number_waves(host.moves)
        return Proposal(
            moves=tuple(move for host in self.all for move in host.moves),
            hosts=tuple(host.outlook for host in self.all),
            seconds=max(done, default=None),
            p90_s=max(done) + spread if done else None,
            again=self.again,
        )

    # the roll
    def _next(self) -> None:
        """Begin with as many hosts as there is a place for."""
        while self.waiting and self.active < max(1, self.wishes.at_once):
            host = self.waiting[0]
            if self.active and (self.coming[host.wish.key] or self.lodgers[host.wish.key]):
                return  # VMs are on their way there, or are to leave it for their home
            for beside in self.waiting[1 : self.wishes.at_once]:
                self.rooms.rank(beside.wish.key, SOON)
            if not self._begin(host):
                return
            self.waiting.pop(0)

    def _begin(self, host: Host) -> bool:
        """Find places for its VMs and set them going. False: there is no room before another host is done."""
        key, wish = host.wish.key, host.wish
        before = self.rooms.closed.get(key)
        self.rooms.close(key, _EMPTIED)
        here = [vm for vm in self.on.get(key, ()) if wish.vms is None or vm in wish.vms]
        decided = self.deciding.decide(key, here)
        if decided.short and self.active:
            self.deciding.take_back(key, decided, before)
            return False
        host.moves = decided.moves
        blocked = next((move for move in host.moves if move.light is Light.RED), None)
        if blocked is not None:
            host.outlook.blocked = f"{self.vms[blocked.vm].name}: {blocked.why}"
            if self.wishes.skip_blocked and not wish.begun:
                self.deciding.take_back(key, decided, before)
                self.rooms.rank(key, STAYS)
                in_order(host.moves, self.vms, {}, self._positions(host))
                return True
        self._set_going(host, decided.placed)
        return True

    # one host
    def _set_going(self, host: Host, placed: Sequence[Move]) -> None:
        self.active += 1
        host.outlook.start_s = self.lines.at
        host.loads = {move.vm: self.expected.of(self.vms[move.vm]) for move in placed}
        in_order(host.moves, self.vms, host.loads, self._positions(host), self._window(host))
        for move in placed:
            assert move.target is not None
            self.coming[move.target] += 1
            self.again += move.vm in self.moved
            if self._returns(host, move):
                self.lodgers[move.target] += 1
                self.rooms.reserve(host.wish.key, takes([self.vms[move.vm]]))
        self.moved.update(move.vm for move in placed)
        self.lines.call(0.0 if host.wish.begun else host.wish.before_s, lambda: self._empty(host))

    def _window(self, host: Host) -> Window:
        limits = self.snapshot.limits
        lanes = max(1, min(limits.out, limits.cluster, limits.network))
        return Window(lanes=lanes, line=self.lines.line[host.wish.key], played=len(self.concerned) <= _PLAYED)

    def _positions(self, host: Host) -> dict[int, int]:
        """Those that people chose, by VM."""
        chosen = {move.vm: self.deciding.choice(host.wish.key, move.vm).position for move in host.moves}
        return {vm: position for vm, position in chosen.items() if position is not None}

    def _returns(self, host: Host, move: Move) -> bool:
        """Whether it comes home; one that only passed through does not, nor one that this host could not take."""
        vm, key = self.vms[move.vm], host.wish.key
        wanted = self.wishes.home and self.wishes.activates and move.action is Action.MIGRATE
        return wanted and vm.host == key and self.snapshot.fits(vm, self.rooms.facts[key]).refusal is None

    def _empty(self, host: Host) -> None:
        """Everything that leaves it, at once as far as the window lets it."""
        host.open = 1  # until all are asked for
        for move in host.moves:
            if move.light is Light.RED:
                continue
            if move.action is Action.MIGRATE:
                host.open += 1
                self._send(host, move, host.wish.key)
            elif move.action in (Action.SHUTDOWN, Action.SUSPEND):
                host.open += 1
                self._stop(host, move)
            else:
                move.start_s, move.seconds, move.p90_s = self.lines.at, 0.0, 0.0
        self._one_less(host, self._is_empty)

    def _send(self, host: Host, move: Move, source: int, not_before_s: float = 0.0) -> None:
        assert move.target is not None
        vm, load = self.vms[move.vm], self.expected.of(self.vms[move.vm])
        target = move.target
        then = self._is_empty if move.leg is Leg.OUT else self._done

        def ended(flow: Flow) -> None:
            move.start_s, move.seconds = flow.start_s, flow.end_s - flow.start_s
            move.p90_s = move.seconds + load.spread_s
            self._arrive(vm, source, target)
            self.lodgers[source] -= move.leg is Leg.HOME
            self._one_less(host, then)

        flow = Flow(
            source=source, target=target, load=load, ended=ended, cap=vm.way.bandwidth, most=vm.way.most,
            not_before_s=not_before_s,
        )  # fmt: skip
        self.lines.ask(flow)

    def _arrive(self, vm: VMFact, source: int, target: int) -> None:
        self.rooms.give(source, self.holds[vm.key])
        self.holds[vm.key] = takes([vm])
        self.coming[target] -= 1
        self.where[vm.key] = target
        self.on[source].pop(vm.key, None)
        self.on.setdefault(target, {})[vm.key] = None

    def _stop(self, host: Host, move: Move) -> None:
        vm = self.vms[move.vm]
        if move.action is Action.SHUTDOWN:
            seconds, p90 = expect.shutdown(vm, self.wishes.shutdown_limit_s)
        else:
            seconds, p90 = expect.suspend(vm)
        move.start_s, move.seconds, move.p90_s = self.lines.at, seconds, p90
        self.lines.call(seconds, lambda: self._one_less(host, self._is_empty))

    def _one_less(self, host: Host, then: Callable[[Host], None]) -> None:
        host.open -= 1
        if host.open == 0:
            then(host)

    def _is_empty(self, host: Host) -> None:
        at = self.lines.at
        if not host.outlook.blocked:
            host.outlook.empty_s = at
        together = max(1, min(self.snapshot.limits.out, self.snapshot.limits.cluster))
        moves = math.sqrt(sum(load.spread_s**2 for load in host.loads.values())) / together
        stops = [
            (move.start_s or 0.0) + (move.p90_s or 0.0) - at
            for move in host.moves
            if move.action in (Action.SHUTDOWN, Action.SUSPEND) and move.start_s is not None
        ]
        host.outlook.spread_s = max([moves, *stops])
        self.lines.call(host.wish.empty_s, lambda: self._worked(host))

    def _worked(self, host: Host) -> None:
        if not self.wishes.activates:
            self._come_back(host, stays_down=True)
            self._done(host)
            return
        self.rooms.rank(host.wish.key, STAYS)
        self.rooms.open(host.wish.key)
        self.lines.call(host.wish.after_s, lambda: self._come_back(host, stays_down=False))

    def _come_back(self, host: Host, *, stays_down: bool) -> None:
        """What was shut down starts again; what moved returns, one after the other, where the plan wants that."""
        host.open = 1
        out = [move for move in host.moves if move.light is not Light.RED]
        for move in out:
            if move.action in (Action.SHUTDOWN, Action.SUSPEND):
                host.moves.append(self._start(host, move, stays_down=stays_down))
        for place, move in enumerate([move for move in out if self._returns(host, move)]):
            self._return(host, move, place)
        if not stays_down:
            self._one_less(host, self._done)

    def _start(self, host: Host, move: Move, *, stays_down: bool) -> Move:
        why = "It stays down until somebody activates the host and starts it." if stays_down else _BACK[move.action]
        back = Move(
            host=move.host, vm=move.vm, leg=Leg.HOME, action=Action.START, target=move.host, position=move.position,
            light=Light.YELLOW if stays_down else Light.GREEN, why=why,
        )  # fmt: skip
        if not stays_down:
            seconds, back.p90_s = expect.start(self.vms[move.vm])
            back.start_s, back.seconds = self.lines.at, seconds
            host.open += 1
            self.lines.call(seconds, lambda: self._one_less(host, self._done))
        return back

    def _return(self, host: Host, move: Move, place: int) -> None:
        key, source = host.wish.key, self.where[move.vm]
        back = Move(
            host=key, vm=move.vm, leg=Leg.HOME, action=Action.MIGRATE, target=key, position=place + 1,
            why="It returns to where it came from.", pause_ms=move.pause_ms,
        )  # fmt: skip
        host.moves.append(back)
        amount = takes([self.vms[move.vm]])
        self.rooms.reserve(key, -amount)
        self.rooms.give(key, -amount)
        self.affinity.moved(move.vm, source, key)
        self.coming[key] += 1
        host.open += 1
        at = self.lines.at + place * self.wishes.home_stagger_s
        self._send(host, back, source, not_before_s=at)
        self.lines.call(place * self.wishes.home_stagger_s, lambda: None)

    def _done(self, host: Host) -> None:
        host.outlook.end_s = None if host.outlook.blocked else self.lines.at
        self.active -= 1
        self._next()
