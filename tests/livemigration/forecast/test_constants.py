"""What a pair of hosts teaches: it …"""

import math

import pytest

from hosts.livemigration.forecast.constants import Constants, Learnt, learn
from hosts.livemigration.forecast.records import MIB


def test_is_left_alone_by_migrations_that_tell_nothing() -> None:
    assert learn([]) == Constants()
    assert learn([Learnt(), Learnt()]) == Constants()


def test_follows_a_slow_start_only_a_little_and_forgets_it() -> None:
    slow = [Learnt(setup_s=4.0)]
    assert learn(slow, Constants(setup_s=0.5)).setup_s == pytest.approx(1.41, abs=0.01)
    later = slow + [Learnt(setup_s=0.5)] * 5
    assert learn(later, Constants(setup_s=0.5)).setup_s == pytest.approx(0.65, abs=0.01)


def test_believes_the_first_migration_s_speed_at_once_and_the_lab_no_more() -> None:
    assert learn([Learnt(free_speed=1600 * MIB)]).free_speed == pytest.approx(1600 * MIB)


def test_comes_to_what_it_is_told_again_and_again() -> None:
    told = Learnt(setup_s=1.2, overhead=45 * MIB, pause_s=0.012, rest_bytes=2 * MIB, free_speed=1600 * MIB)
    known = learn([told] * 60)
    assert known.setup_s == pytest.approx(1.2, rel=0.01)
    assert known.rss_overhead == pytest.approx(45 * MIB, rel=0.01)
    assert known.device_s == pytest.approx(0.012 - 2 / 1200, rel=0.05)
    assert known.free_speed == pytest.approx(1600 * MIB, rel=0.01)
    assert known.free_spread == 0.05


def test_tells_the_line_from_the_switch_over_by_what_was_on_its_way() -> None:
    slow_line = Learnt(pause_s=0.355, rest_bytes=33 * MIB)
    short = Learnt(pause_s=0.08, rest_bytes=1 * MIB)
    known = learn([slow_line, short, slow_line, short])
    assert known.stop_speed == pytest.approx(115 * MIB, rel=0.1)
    assert 0.06 < known.device_s < 0.08


def test_widens_the_range_where_speeds_differ() -> None:
    even = learn([Learnt(free_speed=rate * MIB) for rate in (100, 102, 99, 101)])
    uneven = learn([Learnt(free_speed=rate * MIB) for rate in (100, 150, 80, 130)])
    assert even.free_spread < 0.06 < 0.2 < uneven.free_spread


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_takes_no_nonsense(wrong: float) -> None:
    assert learn([Learnt(setup_s=wrong, free_speed=wrong, pause_s=wrong, rest_bytes=0.0)]) == Constants()
