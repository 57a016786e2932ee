"""In which order the VMs of one host go, and which of them go at the same time. Pure."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from datacenter.maintenance.planner.expect import UNKNOWN_LINE, Load
from datacenter.maintenance.planner.records import Action, Leg, Light, Move, VMFact

#: of a move's time without copying, what lies behind it, in seconds
END_S = 1.2
_FIRST = {Action.SHUTDOWN: 0, Action.SUSPEND: 0, Action.MIGRATE: 1, Action.LEAVE: 2, Action.ASK: 3, Action.START: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What the moves of a host go through: ``lanes`` at once over one ``line`` (bytes/s). ``played``: orders are
    compared by playing them; else the longest goes first.
    """

    lanes: int = 2
    line: float = UNKNOWN_LINE
    played: bool = True


def in_order(
    moves: list[Move],
    vms: Mapping[int, VMFact],
    loads: Mapping[int, Load],
    chosen: Mapping[int, int],
    window: Window = Window(),  # frozen
) -> None:
    """Sort in place and number from 1: what is stopped first, since it waits for nothing; then what moves, in the
    order that keeps the line busiest; where people chose a position, it stands there.

    Where a policy caps moves a long one that is left over counts for itself: the longest first.
    """
    ordered = sorted(moves, key=lambda move: _key(move, vms[move.vm].name, loads))
    movers = [move for move in ordered if move.vm in loads]
    if window.played and all(vms[move.vm].way.bandwidth is None for move in movers):
        busy = iter(_busiest(movers, loads, window))
        ordered = [next(busy) if move.vm in loads else move for move in ordered]
    for vm, position in sorted(chosen.items(), key=lambda item: (item[1], item[0])):
        found = next((move for move in ordered if move.vm == vm), None)
        if found is not None:
            ordered.remove(found)
            ordered.insert(max(0, position - 1), found)
    moves[:] = ordered
    for place, move in enumerate(moves, start=1):
        move.position = place


def _busiest(moves: list[Move], loads: Mapping[int, Load], window: Window) -> list[Move]:
    """Of three orders the one whose play ends first; the longest first where they are equal.

    Checks and starts cost a line nothing while another move copies on it; moves that end together leave it idle. The
    longest first, long and short ones by turns, or all short ones behind the longest: which is best depends on the
    sizes (100 VMs of 1 to 3 GiB, two at once: 1.21, 1.20, 1.09 of what the line allows; 16 of 1 to 6 GiB: 1.06, 1.09,
    1.10). Each is played with a tenth less and more around each copy, so that none wins by chance.
    """
    if len(moves) < 3:
        return moves
    half = (len(moves) + 1) // 2
    pairs = zip_longest(moves[:half], reversed(moves[half:]))
    turns = [move for pair in pairs for move in pair if move is not None]
    orders = [moves, turns, [moves[0], *reversed(moves[1:])]]

    def seconds(order: list[Move]) -> float:
        in_turn = [loads[move.vm] for move in order]
        return sum(played_s(in_turn, window.lanes, line=window.line, around=around) for around in (0.9, 1.0, 1.1))

    return min(orders, key=seconds)


def played_s(loads: Sequence[Load], lanes: int, *, line: float = UNKNOWN_LINE, around: float = 1.0) -> float:
    """Seconds until all have gone over one line, ``lanes`` at once, each with its checks before and its end behind,
    which take ``around`` times what is expected.
    """
    at, waiting, running = 0.0, deque(loads), list[list[float]]()  # running: seconds before, bytes, seconds behind
    while waiting or running:
        while waiting and len(running) < lanes:
            load = waiting.popleft()
            behind = min(load.lag_s, END_S)
            running.append([around * (load.lag_s - behind), load.bytes, around * behind])
        copying = sum(1 for each in running if each[0] <= 0 < each[1])
        speed = line / copying if copying else line
        step = min(each[0] if each[0] > 0 else each[1] / speed if each[1] > 0 else each[2] for each in running)
        at += step
        for each in running:
            phase = 0 if each[0] > 0 else 1 if each[1] > 0 else 2
            each[phase] -= step * (speed if phase == 1 else 1.0)
            if each[phase] < (1.0 if phase == 1 else 1e-9):
                each[phase] = 0.0
        running = [each for each in running if any(part > 0 for part in each)]
    return at


def _key(move: Move, name: str, loads: Mapping[int, Load]) -> tuple[int, int, float, str, int]:
    load = loads.get(move.vm)
    return int(move.light is Light.RED), _FIRST[move.action], -load.bytes if load else 0.0, name, move.vm


def number_waves(moves: list[Move]) -> None:
    """What overlaps is one wave: a new one begins with the first move that starts when one of the wave has ended.

    It is a way to show the plan, no barrier: the window slides.
    """
    for leg in Leg:
        timed = [move for move in moves if move.leg is leg and move.start_s is not None]
        timed.sort(key=lambda move: (move.start_s, move.position))
        wave, ends = 1, float("inf")
        for move in timed:
            assert move.start_s is not None
            if move.start_s >= ends:
                wave, ends = wave + 1, float("inf")
            move.wave = wave
            ends = min(ends, move.end_s or ends)
