"""What a guest dirties: it …"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.livemigration.forecast.pages import FORMS, Form, exponential, floor, hot_and_cold, sequential
from hosts.livemigration.forecast.records import MIB

forms = st.builds(
    lambda make, size, rate: make(size * MIB, rate * MIB),
    st.sampled_from(FORMS),
    st.floats(1, 10_000),
    st.floats(0.5, 2_000),
)


@pytest.mark.parametrize(
    ("form", "one", "four"),
    [
        (sequential(100 * MIB, 46 * MIB), 46, 100),
        (exponential(100 * MIB, 46 * MIB), 37, 84),
        (hot_and_cold(100 * MIB, 46 * MIB), 14, 27),
    ],
)
def test_is_as_the_docstring_says(form: Form, one: float, four: float) -> None:
    assert form.dirtied(1) / MIB == pytest.approx(one, abs=0.5)
    assert form.dirtied(4) / MIB == pytest.approx(four, abs=0.5)


@given(forms, st.floats(0.01, 60), st.floats(1.01, 10))
def test_grows_with_time_bends_and_stays_within_the_working_set(form: Form, seconds: float, longer: float) -> None:
    short, long = form.dirtied(seconds), form.dirtied(longer * seconds)
    assert 0 < short <= long <= form.size * (1 + 1e-9)
    assert long <= longer * short * (1 + 1e-9)


@given(forms, st.floats(0.01, 60), st.floats(0, 1))
def test_finds_less_fresh_where_some_is_dirty_already(form: Form, seconds: float, share: float) -> None:
    assert 0 <= form.fresh(share * form.size, seconds) <= form.dirtied(seconds) * (1 + 1e-9)


@given(forms, st.floats(1, 2_000), st.floats(1, 4))
def test_has_a_floor_that_more_bandwidth_never_raises(form: Form, speed: float, more: float) -> None:
    low = floor(form, speed * more * MIB)
    assert 0 <= low <= floor(form, speed * MIB) * 1.001 + 4096
    assert math.isfinite(low)


def test_has_the_floor_of_the_docstring() -> None:
    assert floor(exponential(100 * MIB, 80 * MIB), 60 * MIB) / MIB == pytest.approx(45, abs=3)
    assert floor(sequential(100 * MIB, 80 * MIB), 60 * MIB) == 100 * MIB
    assert floor(sequential(100 * MIB, 40 * MIB), 60 * MIB) == 0
