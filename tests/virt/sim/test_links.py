"""Lines: shared fairly, filled fully, never overrun."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.virt.sim.links import Flow, Links, share_lines

HOSTS = ("h1", "h2", "h3", "h4")
flows = st.lists(
    st.tuples(st.sampled_from(HOSTS), st.sampled_from(HOSTS), st.floats(0, 2e9)).filter(lambda it: it[0] != it[1]),
    max_size=8,
).map(lambda some: [Flow(key=str(n), source=a, destination=b, ceiling=c) for n, (a, b, c) in enumerate(some)])
lines = st.fixed_dictionaries({host: st.floats(1e3, 2e9) for host in HOSTS})


@given(flows, lines)
def test_no_line_and_no_cap_is_overrun(some: list[Flow], capacity: dict[str, float]) -> None:
    rates = share_lines(some, capacity)
    assert set(rates) == {flow.key for flow in some}
    for flow in some:
        assert -1e-6 <= rates[flow.key] <= flow.ceiling + 1e-3
    for host in HOSTS:
        used = sum(rates[flow.key] for flow in some if host in (flow.source, flow.destination))
        assert used <= capacity[host] + 10.0


@given(flows, lines)
def test_whoever_gets_less_than_its_cap_meets_a_full_line(some: list[Flow], capacity: dict[str, float]) -> None:
    rates = share_lines(some, capacity)
    for flow in some:
        if rates[flow.key] < flow.ceiling - 2.0:
            used = [
                capacity[host] - sum(rates[each.key] for each in some if host in (each.source, each.destination))
                for host in (flow.source, flow.destination)
            ]
            assert min(used) <= 10.0


def test_a_capped_one_leaves_the_rest_to_the_other() -> None:
    two = [
        Flow(key="a", source="h1", destination="h2", ceiling=20.0),
        Flow(key="b", source="h1", destination="h3", ceiling=1000.0),
    ]
    assert share_lines(two, {"h1": 100.0, "h2": 100.0, "h3": 100.0}) == pytest.approx({"a": 20.0, "b": 80.0})


def test_tcp_goes_on_half_an_outage_after_it() -> None:
    links = Links()
    links.cut("h1", "h2", t=10.0)
    assert not links.open("h2", "h1", t=12.0)
    links.mend("h1", "h2", t=18.0)
    assert not links.open("h1", "h2", t=21.9)
    assert links.open("h1", "h2", t=22.1)
