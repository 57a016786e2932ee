"""Deciding who starts and who waits: it …"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hosts.livemigration.queue import HEAD_START, PATIENCE, Limits, Waiting, Way, admit, in_words, ordinal
from hosts.models import Priority

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def way(source: int, destination: int | None, cluster: int = 1, network: int = 1) -> Way:
    return Way(
        source=source,
        destination=destination,
        cluster=cluster,
        network=network,
        source_name=f"h{source}",
        destination_name=f"h{destination}",
        cluster_name=f"c{cluster}",
    )


def one(pk: int, source: int = 1, destination: int = 2, **fields: object) -> Waiting:
    given = {"way": way(source, destination), "asked_at": NOON + timedelta(seconds=pk)} | fields
    return Waiting(pk=pk, **given)  # type: ignore[arg-type]


def test_it_starts_as_many_as_the_source_may_send_in_the_order_they_were_asked_for() -> None:
    waiting = [one(pk, 1, pk + 10) for pk in (3, 1, 2)]
    decision = admit(waiting, [], {}, now=NOON)
    assert decision.starts == [1, 2]
    assert decision.waits[3].place == 1
    assert decision.waits[3].reason == "h1 already sends 2 of 2"


def test_it_counts_what_runs_another_tools_migration_too() -> None:
    outside = way(7, None)
    decision = admit([one(1)], [way(8, 2), way(9, 2), outside], {}, now=NOON)
    assert decision.waits[1].reason == "h2 already receives 2 of 2"
    assert admit([one(1, 7)], [outside, outside], {}, now=NOON).waits[1].reason == "h7 already sends 2 of 2"


def test_it_holds_to_the_cluster_and_to_the_network() -> None:
    busy = [way(pk, pk + 100) for pk in range(8)]
    decision = admit([one(1, 50, 51)], busy, {}, now=NOON)
    assert decision.waits[1].reason == "the cluster c1 already moves 8 of 8"
    elsewhere = [way(pk, pk + 100, cluster=2 + pk // 8) for pk in range(16)]
    decision = admit([one(1, 50, 51)], elsewhere, {}, now=NOON)
    assert decision.waits[1].reason == "the migration network already carries 16 of 16"
    apart = [way(pk, pk + 100, cluster=2 + pk // 8, network=2) for pk in range(16)]
    assert admit([one(1, 50, 51)], apart, {}, now=NOON).starts == [1]


def test_it_goes_by_the_limits_of_the_cluster() -> None:
    limits = {1: Limits(out=3, into=9, cluster=9)}
    assert admit([one(pk, 1, pk) for pk in range(2, 8)], [], limits, now=NOON).starts == [2, 3, 4]
    assert admit([one(1)], [], {1: Limits(out=0)}, now=NOON).starts == []


def test_it_lets_a_drain_go_before_a_person_before_a_balancer() -> None:
    waiting = [
        one(1, priority=Priority.BALANCER),
        one(2, priority=Priority.PERSON),
        one(3, priority=Priority.DRAIN),
    ]
    decision = admit(waiting, [], {1: Limits(out=1)}, now=NOON)
    assert decision.starts == [3]
    assert (decision.waits[2].place, decision.waits[1].place) == (1, 2)


def test_it_lets_age_outrun_priority_after_the_head_start() -> None:
    old = one(1, priority=Priority.BALANCER, asked_at=NOON - HEAD_START[Priority.DRAIN] - MINUTE)
    fresh = one(2, priority=Priority.DRAIN, asked_at=NOON)
    assert admit([fresh, old], [], {1: Limits(out=1)}, now=NOON).starts == [1]


def test_it_starts_one_behind_where_the_one_before_waits_for_another_host() -> None:
    decision = admit([one(1, 1, 2), one(2, 3, 4)], [way(8, 2), way(9, 2)], {}, now=NOON + timedelta(seconds=5))
    assert decision.starts == [2]


def test_it_keeps_places_for_one_that_waited_long() -> None:
    now = NOON + PATIENCE + MINUTE
    decision = admit([one(1, 1, 2), one(2, 1, 4)], [way(8, 2), way(9, 2), way(1, 5)], {}, now=now)
    assert decision.starts == []
    assert decision.waits[2].reason == "h1 sends 1 of 2, the rest is kept for one that waits longer"


def test_it_does_not_start_a_try_before_its_time_and_keeps_no_place_for_it() -> None:
    later = one(1, not_before=NOON + timedelta(seconds=20))
    decision = admit([later, one(2)], [], {1: Limits(out=1)}, now=NOON)
    assert decision.starts == [2]
    assert decision.waits[1].place is None
    assert decision.waits[1].reason == "tried again at 12:00:20 UTC"
    assert admit([later], [], {}, now=NOON + timedelta(seconds=20)).starts == [1]


def test_it_says_place_and_reason_in_words() -> None:
    assert in_words(3, "h2 already receives 2 of 2") == "3rd in line; h2 already receives 2 of 2."
    assert in_words(None, "tried again at 12:00:20 UTC") == "tried again at 12:00:20 UTC."
    assert in_words(None, "") == ""
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 101, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "101st", "111th",
    ]  # fmt: skip


hosts = st.integers(1, 5)
ways = st.tuples(hosts, hosts, st.integers(1, 2)).filter(lambda w: w[0] != w[1])
small = st.builds(
    Limits, out=st.integers(1, 3), into=st.integers(1, 3), cluster=st.integers(1, 4), network=st.integers(1, 5)
)


def _way(given: tuple[int, int, int]) -> Way:
    source, destination, cluster = given
    return way(source + 10 * cluster, destination + 10 * cluster, cluster)


def _counts(running: list[Way]) -> dict[str, Counter[int]]:
    return {
        "out": Counter(each.source for each in running),
        "into": Counter(each.destination for each in running if each.destination),
        "cluster": Counter(each.cluster for each in running),
    }


@given(
    waiting=st.lists(st.tuples(ways, st.sampled_from(Priority), st.integers(0, 3000)), max_size=20),
    running=st.lists(ways, max_size=8),
    limits=st.fixed_dictionaries({1: small, 2: small}),
)
@settings(max_examples=150, deadline=None)
def test_it_never_breaks_a_limit_and_forgets_nobody(waiting, running, limits) -> None:
    queue = [
        Waiting(pk=pk, way=_way(each), priority=priority, asked_at=NOON - timedelta(seconds=age))
        for pk, (each, priority, age) in enumerate(waiting)
    ]
    before = [_way(each) for each in running]
    decision = admit(queue, before, limits, now=NOON)
    started = [each.way for each in queue if each.pk in decision.starts]
    assert set(decision.starts) | set(decision.waits) == set(range(len(queue)))
    assert not set(decision.starts) & set(decision.waits)
    was, counted = _counts(before), _counts(before + started)
    for kind, counts in counted.items():
        for key, count in counts.items():
            most = getattr(limits[key if kind == "cluster" else key // 10], kind)
            assert count <= max(most, was[kind][key]), (kind, key)
    if started:
        assert len(before) + len(started) <= max(limits[each.cluster].network for each in started)
    assert all(wait.reason for wait in decision.waits.values())
    for cluster in (1, 2):
        places = [
            decision.waits[each.pk].place for each in queue if each.pk in decision.waits and each.way.cluster == cluster
        ]
        assert sorted(places) == list(range(1, len(places) + 1))


@given(
    victim=ways.map(_way),
    priority=st.sampled_from(Priority),
    crowd=st.lists(st.tuples(ways, st.sampled_from(Priority)), min_size=5, max_size=30),
    limits=st.fixed_dictionaries({1: small, 2: small}),
    lasts=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_it_starves_nobody_however_many_come_later(victim, priority, crowd, limits, lasts) -> None:
    """Each minute three more are asked for, for ever; each runs some minutes. The victim starts within a bound."""
    network = min(each.network for each in limits.values())
    limits = {key: Limits(out=m.out, into=m.into, cluster=m.cluster, network=network) for key, m in limits.items()}
    queue = [Waiting(pk=0, way=victim, priority=priority, asked_at=NOON)]
    running: list[tuple[int, Way]] = [(lasts, _way(each)) for each, _ in crowd[:network]]
    for minute in range(1, 500):
        now = NOON + minute * MINUTE
        running = [(left - 1, each) for left, each in running if left > 1]
        for extra in range(3):
            each, rank = crowd[(3 * minute + extra) % len(crowd)]
            queue.append(Waiting(pk=3 * minute + extra, way=_way(each), priority=rank, asked_at=now))
        decision = admit(queue, [each for _, each in running], limits, now=now)
        if 0 in decision.starts:
            return
        running += [(lasts, each.way) for each in queue if each.pk in decision.starts]
        queue = [each for each in queue if each.pk not in decision.starts]
    raise AssertionError("it starved")
