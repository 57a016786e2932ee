"""Which scene a wall shows at a moment. Pure: by the clock alone, so that walls of one rotation agree.

Nothing wrong: the rotation as arranged. Something wrong: the scene that shows it stands before each of the others, so
that every second scene tells of it, and for FRESH_S after it began it is shown at once and alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: how long a new trouble keeps the screen, s
FRESH_S = 30.0
#: of a scene that comes forward without standing in the rotation, s
FORWARD_S = 15.0
SHORTEST_S, LONGEST_S = 5, 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One scene and for how many seconds."""

    scene: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a display shows in turn; hashable, since displays that agree share their frames."""

    turns: tuple[Turn, ...]
    comes_forward: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is wrong: the worst first wherever there are several. ``began`` counts seconds since the epoch."""

    scene: str
    text: str
    colour: str
    began: float
    weight: int = 1  # more is worse
    quiet: bool = False  # a person has taken it on: it is told of, and does not come forward


def pick(rotation: Rotation, troubles: Sequence[Trouble], *, at: float) -> str:
    """The scene to show at ``at``, seconds since the epoch.

    (a 10 s, b 10 s), trouble in c since an hour -> c 15 s, a 10 s, c 15 s, b 10 s, and again.
    """
    turns = rotation.turns
    loud = [each for each in troubles if not each.quiet]
    if loud and rotation.comes_forward:
        fresh = [each for each in loud if at - each.began < FRESH_S]
        if fresh:
            return max(fresh, key=lambda each: (each.weight, each.began)).scene
        turns = _between(turns, max(loud, key=lambda each: each.weight).scene)
    at %= sum(turn.seconds for turn in turns)
    for turn in turns:
        at -= turn.seconds
        if at < 0:
            return turn.scene
    return turns[-1].scene


def _between(turns: tuple[Turn, ...], forward: str) -> tuple[Turn, ...]:
    seconds = next((turn.seconds for turn in turns if turn.scene == forward), FORWARD_S)
    first = Turn(scene=forward, seconds=seconds)
    others = [turn for turn in turns if turn.scene != forward]
    return tuple(each for turn in others for each in (first, turn)) or (first,)
