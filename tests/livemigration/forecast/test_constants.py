"""What a pair of hosts teaches: it …"""

import math

import pytest

from hosts.livemigration.forecast.constants import Constants, Learnt, learn
from hosts.livemigration.forecast.records import MIB


def test_is_left_alone_by_a_migration_that_tells_nothing() -> None:
    assert learn(Constants(), Learnt()) == Constants()


def test_follows_a_slow_start_only_a_little_and_forgets_it() -> None:
    known = learn(Constants(setup_s=0.5), Learnt(setup_s=4.0))
    assert known.setup_s == pytest.approx(0.76, abs=0.01)
    for _ in range(5):
        known = learn(known, Learnt(setup_s=0.5))
    assert known.setup_s == pytest.approx(0.57, abs=0.01)


def test_comes_to_what_it_is_told_again_and_again() -> None:
    known = Constants()
    told = Learnt(setup_s=1.2, overhead=45 * MIB, switch_s=0.01, line_share=0.9, free_speed=1600 * MIB)
    for _ in range(60):
        known = learn(known, told)
    assert known.setup_s == pytest.approx(1.2, rel=0.01)
    assert known.rss_overhead == pytest.approx(45 * MIB, rel=0.01)
    assert known.device_s == pytest.approx(0.01, rel=0.05)
    assert known.free_speed == pytest.approx(1600 * MIB, rel=0.01)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_takes_no_nonsense(wrong: float) -> None:
    assert learn(Constants(), Learnt(setup_s=wrong, free_speed=wrong)) == Constants()
