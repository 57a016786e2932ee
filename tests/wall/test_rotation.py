"""Which scene a wall shows at a moment."""

import pytest

from datacenter.wall.rotation import FORWARD_S, FRESH_S, Rotation, Trouble, Turn, pick

AB = Rotation(turns=(Turn(scene="a", seconds=10), Turn(scene="b", seconds=10)))


def trouble(scene="c", *, began=0.0, weight=1, quiet=False):
    return Trouble(scene=scene, text="It is wrong", colour="failed", began=began, weight=weight, quiet=quiet)


@pytest.mark.parametrize(("at", "scene"), [(0, "a"), (9.9, "a"), (10, "b"), (19.9, "b"), (20, "a"), (1e9 + 5, "a")])
def test_it_goes_round_by_the_clock(at, scene):
    assert pick(AB, [], at=at) == scene


def test_it_shows_at_once_and_alone_what_has_just_gone_wrong():
    wrong = [trouble(began=1000.0)]
    assert {pick(AB, wrong, at=1000 + second / 10) for second in range(int(FRESH_S * 10))} == {"c"}


def test_it_puts_what_is_wrong_before_each_other_scene_later():
    wrong = [trouble(began=-1000.0)]
    seen = [pick(AB, wrong, at=at) for at in range(int(2 * FORWARD_S) + 20)]
    order = [scene for scene, before in zip(seen, ["", *seen], strict=False) if scene != before]
    assert order == ["c", "a", "c", "b"]
    assert seen.count("c") == 2 * FORWARD_S


def test_it_gives_a_scene_of_the_rotation_its_own_seconds_when_it_comes_forward():
    assert [pick(AB, [trouble("b", began=-1000)], at=at) for at in (0, 9, 10, 19, 20)] == ["b", "b", "a", "a", "b"]


def test_it_shows_the_worst_of_several():
    wrong = [trouble("c", began=-1000, weight=1), trouble("d", began=-2000, weight=3)]
    assert pick(AB, wrong, at=0) == "d"
    fresh = [trouble("c", began=99, weight=1), trouble("d", began=95, weight=3), trouble("e", began=0, weight=9)]
    assert pick(AB, fresh, at=100) == "d"


def test_it_goes_on_as_arranged_where_nothing_is_to_come_forward():
    calm = Rotation(turns=AB.turns, comes_forward=False)
    assert [pick(calm, [trouble(began=0)], at=at) for at in (0, 10)] == ["a", "b"]


def test_it_stays_on_what_is_wrong_where_that_is_all_there_is():
    alone = Rotation(turns=(Turn(scene="c", seconds=5),))
    assert pick(alone, [trouble(began=-1000)], at=123) == "c"


def test_it_does_not_bring_forward_what_somebody_has_taken_on():
    assert pick(AB, [trouble("c", began=99, weight=9, quiet=True)], at=100) == "a"
    both = [trouble("c", began=-1000, weight=9, quiet=True), trouble("d", began=-1000)]
    assert pick(AB, both, at=0) == "d"
