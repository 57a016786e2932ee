"""In which order the VMs of one host go, and which of them go at the same time. Pure."""

from collections.abc import Mapping
from itertools import zip_longest

from datacenter.maintenance.planner.expect import Load
from datacenter.maintenance.planner.records import Action, Leg, Light, Move, VMFact

_FIRST = {Action.SHUTDOWN: 0, Action.SUSPEND: 0, Action.MIGRATE: 1, Action.LEAVE: 2, Action.ASK: 3, Action.START: 4}


def in_order(
    moves: list[Move], vms: Mapping[int, VMFact], loads: Mapping[int, Load], chosen: Mapping[int, int]
) -> None:
    """Sort in place and number from 1: what is stopped first, since it waits for nothing; then what moves, the longest
    first; where people chose a position, it stands there.

    Where moves share a line, the longest and the shortest take turns: while a long one copies, the checks and starts
    of short ones cost the line nothing, and no two long ones end together and leave it idle (6 % of the time of 16
    VMs, two at once). Where a policy caps them a long one that is left over counts for itself: the longest first.
    """
    ordered = sorted(moves, key=lambda move: _key(move, vms[move.vm].name, loads))
    movers = [move for move in ordered if move.vm in loads]
    if all(vms[move.vm].way.bandwidth is None for move in movers):
        turns = iter(_by_turns(movers))
        ordered = [next(turns) if move.vm in loads else move for move in ordered]
    for vm, position in sorted(chosen.items(), key=lambda item: (item[1], item[0])):
        found = next((move for move in ordered if move.vm == vm), None)
        if found is not None:
            ordered.remove(found)
            ordered.insert(max(0, position - 1), found)
    moves[:] = ordered
    for place, move in enumerate(moves, start=1):
        move.position = place


def _by_turns(moves: list[Move]) -> list[Move]:
    """First, last, second, last but one, …"""
    half = (len(moves) + 1) // 2
    pairs = zip_longest(moves[:half], reversed(moves[half:]))
    return [move for pair in pairs for move in pair if move is not None]


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
