"""In which order the VMs of one host go, and which of them go at the same time. Pure."""

from collections.abc import Mapping

from datacenter.maintenance.planner.expect import Load
from datacenter.maintenance.planner.records import Action, Leg, Light, Move, VMFact

_FIRST = {Action.SHUTDOWN: 0, Action.SUSPEND: 0, Action.MIGRATE: 1, Action.LEAVE: 2, Action.ASK: 3, Action.START: 4}


def in_order(
    moves: list[Move], vms: Mapping[int, VMFact], loads: Mapping[int, Load], chosen: Mapping[int, int]
) -> None:
    """Sort in place and number from 1: what is stopped first, since it waits for nothing; then the longest first, so
    that no long one is left over at the end; where people chose a position, it stands there.
    """
    ordered = sorted(moves, key=lambda move: _key(move, vms[move.vm].name, loads))
    for vm, position in sorted(chosen.items(), key=lambda item: (item[1], item[0])):
        found = next((move for move in ordered if move.vm == vm), None)
        if found is not None:
            ordered.remove(found)
            ordered.insert(max(0, position - 1), found)
    moves[:] = ordered
    for place, move in enumerate(moves, start=1):
        move.position = place


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
