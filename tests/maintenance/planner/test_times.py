"""When what begins and ends: it …"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datacenter.maintenance.planner import Action, Choice, HostWish, Leg, Way, expect
from datacenter.maintenance.planner.order import played_s
from hosts.livemigration.queue import Limits
from tests.maintenance.planner.clusters import MIB, hosts, out, plan, vm

LINE = 200.0 * MIB


def test_it_takes_what_must_go_over_the_line() -> None:
    """16 GiB of four VMs over 200 MiB/s, two at once: 82 s, and twice some seconds around a copy."""
    found = plan(hosts(0, 60, 60, 60, line=LINE), [vm(n) for n in range(1, 5)], 1)
    assert found.seconds == pytest.approx(82 + 7.4, abs=1)
    assert found.p90_s is not None
    assert found.p90_s > (found.seconds or 0)


def test_it_sends_as_many_at_once_as_the_queue_allows() -> None:
    found = plan(hosts(0, 60, 60, line=LINE), [vm(n) for n in range(1, 5)], 1, snapshot={"limits": Limits(out=1)})
    starts = sorted(move.start_s or 0.0 for move in found.moves)
    ends = sorted(move.end_s or 0.0 for move in found.moves)
    assert starts[1:] == ends[:-1]
    assert [move.wave for move in sorted(found.moves, key=lambda each: each.start_s or 0)] == [1, 2, 3, 4]


def test_it_sends_the_longest_first_where_a_policy_caps_them() -> None:
    sizes = {1: 1, 2: 8, 3: 4, 4: 2}
    known = [vm(key, gib=gib, way=Way(bandwidth=100 * MIB)) for key, gib in sizes.items()]
    found = plan(hosts(0, 60, 60), known, 1)
    assert [move.vm for move in sorted(found.moves, key=lambda each: each.position)] == [2, 3, 4, 1]


@given(st.lists(st.sampled_from((1, 2, 3, 6)), min_size=3, max_size=24))
def test_it_takes_an_order_that_leaves_the_line_less_idle_than_the_longest_first(sizes: list[int]) -> None:
    known = [vm(key, gib=gib) for key, gib in enumerate(sizes, start=1)]
    found = plan(hosts(0, 500, 500), known, 1)
    loads = {each.key: expect.unmeasured(each, 100.0 * MIB) for each in known}
    ordered = [loads[move.vm] for move in sorted(found.moves, key=lambda each: each.position)]
    longest = sorted(loads.values(), key=lambda load: -load.bytes)
    around = (0.9, 1.0, 1.1)
    assert sum(played_s(ordered, 2, around=each) for each in around) <= sum(
        played_s(longest, 2, around=each) for each in around
    )
    assert sorted(move.vm for move in found.moves) == sorted(loads)


def test_a_persons_order_goes_before_it() -> None:
    choices = {(1, 1): Choice(position=1)}
    found = plan(hosts(0, 60, 60), [vm(1, gib=1), vm(2, gib=8)], 1, choices=choices, snapshot={"limits": Limits(out=1)})
    assert (out(found, 1).position, out(found, 1).start_s) == (1, 0.0)


def test_hosts_follow_each_other_with_their_work_between() -> None:
    wishes = (HostWish(key=1, before_s=10, empty_s=100, after_s=5), HostWish(key=2))
    found = plan(hosts(0, 0, 60, line=LINE), [vm(1), vm(2, host=2)], hosts=wishes)
    one, two = found.hosts
    assert (one.start_s, out(found, 1).start_s) == (0.0, 10.0)
    assert one.end_s == pytest.approx((one.empty_s or 0) + 105)
    assert two.start_s == one.end_s
    assert found.seconds == two.end_s


def test_two_hosts_at_once_share_nothing_but_time() -> None:
    known = hosts(0, 0, 60, 60, line=LINE)
    alone = plan(known, [vm(1), vm(2, host=2)], 1, 2)
    both = plan(known, [vm(1), vm(2, host=2)], 1, 2, at_once=2)
    assert both.hosts[1].start_s == 0.0
    assert (both.seconds or 0) < 0.6 * (alone.seconds or 0)


def test_a_host_waits_for_room_that_another_will_give() -> None:
    """There is room for one of them at a time: the second goes to the first, once that is done."""
    found = plan(hosts(0, 0, 20), [vm(1, gib=16), vm(2, host=2, gib=14, rss_bytes=None)], 1, 2, at_once=2)
    assert out(found, 2).target == 1
    assert (found.hosts[1].start_s or 0) >= (found.hosts[0].end_s or 0)


def test_it_begins_with_what_has_begun_and_leaves_what_is_done() -> None:
    wishes = (HostWish(key=2, begun=True, vms=frozenset({2})), HostWish(key=1))
    found = plan(hosts(20, 20, 60), [vm(1), vm(2, host=2), vm(3, host=2)], hosts=wishes)
    assert {move.vm for move in found.moves} == {1, 2}
    assert out(found, 2).start_s == 0.0


def test_a_guest_that_writes_fast_takes_longer_and_says_so() -> None:
    calm = out(plan(hosts(0, 60, 60, line=LINE), [vm(1, dirty_rate=1.0 * MIB)], 1), 1)
    wild = out(plan(hosts(0, 60, 60, line=LINE), [vm(1, dirty_rate=300.0 * MIB)], 1), 1)
    assert wild.light == "yellow"
    assert "It dirties" in wild.remedy
    assert (wild.p90_s or 0) > (calm.p90_s or 0)


def test_homecoming_is_staggered() -> None:
    found = plan(hosts(0, 60, 60), [vm(1), vm(2)], 1, home=True, home_stagger_s=30.0)
    back = sorted(move.start_s or 0 for move in found.moves if move.leg is Leg.HOME)
    assert back[1] - back[0] >= 30.0 - 1e-6
    assert found.hosts[0].end_s == found.seconds


def test_a_shutdown_counts_with_its_whole_limit_in_the_p90() -> None:
    found = plan(hosts(0, 60), [vm(1, rule=Action.SHUTDOWN)], 1, shutdown_limit_s=300.0)
    assert (found.p90_s or 0) - (found.seconds or 0) >= 200
