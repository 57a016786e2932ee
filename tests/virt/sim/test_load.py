"""Counters: they never fall while a process lives, and looking more often changes nothing."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.virt.sim.load import PEAK, Means, Meter, make_wander


def _meter(seed: int) -> Meter:
    rng = Random(seed)
    return Meter(cpu_wave=make_wander(rng), io_wave=make_wander(rng), means=Means(cpu=0.5), level=1.0)


@given(st.integers(0, 1000), st.floats(0, 1e6))
def test_activity_stays_between_nothing_and_its_peak(seed: int, t: float) -> None:
    assert 0.0 < make_wander(Random(seed)).value(t) <= PEAK + 1e-9


@given(st.integers(0, 1000), st.lists(st.floats(0, 1e5), min_size=1, max_size=20))
def test_looking_more_often_counts_the_same(seed: int, moments: list[float]) -> None:
    once, often = _meter(seed), _meter(seed)
    last = 0.0
    for moment in sorted(moments):
        often.reach(moment)
        assert often.cpu_s >= last
        last = often.cpu_s
    once.reach(max(moments))
    assert often.cpu_s == pytest.approx(once.cpu_s, rel=1e-6, abs=1e-6)
    assert often.io == pytest.approx(once.io, rel=1e-6, abs=1e-6)


def test_a_guest_that_stands_still_counts_nothing() -> None:
    meter = _meter(1)
    meter.set_level(10.0, 0.0)
    before = meter.cpu_s
    meter.reach(1000.0)
    assert meter.cpu_s == before
