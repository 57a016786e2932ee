"""Whatever the cluster: what is true of every proposal. It …"""

import random
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from datacenter.maintenance.planner import (
    Action,
    Fit,
    Group,
    HostFact,
    HostWish,
    Leg,
    Light,
    Move,
    Proposal,
    Refusal,
    Snapshot,
    VMFact,
    Wishes,
    propose,
)
from hosts.livemigration.queue import Limits
from tests.maintenance.planner.clusters import GIB

_EVEN = 1e-6


@st.composite
def clusters(draw: st.DrawFn) -> tuple[Snapshot, Wishes]:
    n = draw(st.integers(2, 6))
    sizes = [draw(st.sampled_from((32, 64))) for _ in range(n)]
    vms = []
    used = Counter[int]()
    for key in range(1, draw(st.integers(0, 18)) + 1):
        host, gib = draw(st.integers(1, n)), draw(st.sampled_from((1, 2, 4, 8)))
        used[host] += gib
        vms.append(
            VMFact(
                key=key, name=f"v{draw(st.integers(1, 9))}", host=host, memory_bytes=gib * GIB,
                rss_bytes=draw(st.sampled_from((None, gib * GIB // 2))),
                kind=draw(st.sampled_from(("any", "picky"))), runs=draw(st.integers(0, 9)) > 0,
                rule=draw(st.sampled_from((Action.MIGRATE,) * 6 + (Action.SHUTDOWN, Action.LEAVE, Action.ASK))),
                fixed=draw(st.sampled_from((None,) * 8 + (Refusal(reason="It is pinned."),))),
            )
        )  # fmt: skip
    hosts = tuple(
        HostFact(
            key=key, name=f"h{key}", memory_bytes=size * GIB, free_bytes=max(0, size - used[key]) * GIB,
            kind=draw(st.sampled_from(("new", "old"))),
            closed=draw(st.sampled_from((None,) * 6 + (Refusal(reason="The host is non-responsive."),))),
            line=draw(st.sampled_from((None, 1e8, 1e9))),
        )
        for key, size in enumerate(sizes, start=1)
    )  # fmt: skip
    groups = tuple(
        Group(
            name=f"g{number}", together=draw(st.booleans()), hard=draw(st.booleans()),
            vms=frozenset(draw(st.sets(st.integers(1, max(1, len(vms))), min_size=1, max_size=4))),
        )
        for number in range(draw(st.integers(0, 3)))
    )  # fmt: skip
    empty = draw(st.lists(st.integers(1, n), unique=True, min_size=1))
    wishes = Wishes(
        hosts=tuple(HostWish(key=key, empty_s=draw(st.sampled_from((0.0, 60.0)))) for key in empty),
        at_once=draw(st.integers(1, 3)),
        keep_spare=draw(st.booleans()),
        stop_unmovable=draw(st.booleans()),
        skip_blocked=draw(st.booleans()),
        home=draw(st.booleans()),
        activates=draw(st.booleans()),
    )
    limits = Limits(out=draw(st.integers(1, 3)), into=draw(st.integers(1, 3)), cluster=draw(st.integers(1, 4)))
    return Snapshot(hosts=hosts, vms=tuple(vms), groups=groups, limits=limits, fits=_fits), wishes


def _fits(vm: VMFact, host: HostFact) -> Fit:
    return Fit(refusal=Refusal(reason="No such CPU.")) if (vm.kind, host.kind) == ("picky", "old") else Fit()


def moving(proposal: Proposal) -> list[Move]:
    """Migrations that are to begin, by their start."""
    found = [move for move in proposal.moves if move.action is Action.MIGRATE and move.start_s is not None]
    return sorted(found, key=lambda move: (move.start_s or 0, move.leg is Leg.OUT, move.position))


def source_of(move: Move, proposal: Proposal) -> int:
    if move.leg is Leg.OUT:
        return move.host
    (out,) = [each for each in proposal.moves if (each.host, each.vm, each.leg) == (move.host, move.vm, Leg.OUT)]
    assert out.target is not None
    return out.target


@given(clusters())
def test_every_vm_has_exactly_one_fate_and_every_fate_its_reason(given_: tuple[Snapshot, Wishes]) -> None:
    snapshot, wishes = given_
    found = propose(snapshot, wishes)
    out = Counter((move.host, move.vm) for move in found.moves if move.leg is Leg.OUT)
    assert set(out.values()) <= {1}
    for vm in snapshot.vms:
        if vm.host in {wish.key for wish in wishes.hosts}:
            assert out[vm.host, vm.key] == 1
    for move in found.moves:
        assert move.why
        assert move.remedy or move.light is not Light.RED
        assert move.target is not None or move.action is not Action.MIGRATE or move.light is Light.RED
        assert move.light is Light.RED or move.action is not Action.ASK
    assert [outlook.key for outlook in found.hosts] == [wish.key for wish in wishes.hosts]


@given(clusters())
def test_memory_is_never_exceeded_at_any_moment(given_: tuple[Snapshot, Wishes]) -> None:
    """A target has the memory taken when a move begins; a source gets back what is sure when it has ended."""
    snapshot, wishes = given_
    found = propose(snapshot, wishes)
    free = {host.key: host.free_bytes or 0 for host in snapshot.hosts}
    vms = {vm.key: vm for vm in snapshot.vms}
    holds = {key: min(vm.memory_bytes, vm.rss_bytes or vm.memory_bytes) for key, vm in vms.items()}
    events = []
    for number, move in enumerate(moving(found)):
        events.append((move.start_s or 0.0, 1, number, move))
        events.append((move.end_s or 0.0, 0, number, move))
    for _, begins, _, move in sorted(events, key=lambda each: each[:3]):
        assert move.target is not None
        if begins:
            free[move.target] -= vms[move.vm].memory_bytes
            assert free[move.target] >= 0
        else:
            free[source_of(move, found)] += holds[move.vm]
            holds[move.vm] = vms[move.vm].memory_bytes


@given(clusters())
def test_the_queues_limits_are_never_exceeded(given_: tuple[Snapshot, Wishes]) -> None:
    snapshot, wishes = given_
    found = propose(snapshot, wishes)
    moves, limits = moving(found), snapshot.limits
    for move in moves:
        at = (move.start_s or 0.0) + _EVEN
        beside = [each for each in moves if (each.start_s or 0.0) <= at < (each.end_s or 0.0)]
        assert len(beside) <= min(limits.cluster, limits.network)
        assert max(Counter(source_of(each, found) for each in beside).values(), default=0) <= limits.out
        assert max(Counter(each.target for each in beside).values(), default=0) <= limits.into


@given(clusters())
def test_no_hard_rule_is_broken_by_a_move(given_: tuple[Snapshot, Wishes]) -> None:
    snapshot, wishes = given_
    found = propose(snapshot, wishes)
    kinds = {vm.key: vm for vm in snapshot.vms}, {host.key: host for host in snapshot.hosts}
    where = {vm.key: vm.host for vm in snapshot.vms if vm.runs}
    turns: dict[tuple[float, int, Leg], list[Move]] = {}
    starts = {outlook.key: outlook.start_s or 0.0 for outlook in found.hosts}
    for move in moving(found):
        begun = starts[move.host] if move.leg is Leg.OUT else move.start_s or 0.0
        turns.setdefault((begun, move.host, move.leg), []).append(move)
    for (_, _, leg), moves in sorted(turns.items(), key=lambda item: item[0][0]):
        for move in moves:
            assert move.target is not None
            assert _fits(kinds[0][move.vm], kinds[1][move.target]).refusal is None
            where[move.vm] = move.target
        for group in snapshot.groups if leg is Leg.OUT else ():
            for move in moves:
                if group.hard and move.vm in group.vms:
                    there = [vm for vm in group.vms if where.get(vm) == move.target]
                    elsewhere = [vm for vm in group.vms if vm in where and where[vm] != move.target]
                    assert group.together or there == [move.vm]
                    assert not group.together or len(there) > 1 or not elsewhere


@given(clusters())
def test_nothing_goes_to_a_host_that_takes_no_vm(given_: tuple[Snapshot, Wishes]) -> None:
    snapshot, wishes = given_
    found = propose(snapshot, wishes)
    begun = {outlook.key: outlook for outlook in found.hosts if outlook.start_s is not None}
    closed = {host.key for host in snapshot.hosts if host.closed} - set(begun)
    for move in moving(found):
        assert move.target not in closed
        if move.target in begun and move.leg is Leg.OUT and move.target != move.host:
            there = begun[move.target]
            assert (move.end_s or 0) <= (there.start_s or 0) + _EVEN or (
                there.empty_s is None or (move.start_s or 0) >= there.empty_s - _EVEN
            )


@given(clusters(), st.randoms())
def test_the_same_question_has_the_same_answer(given_: tuple[Snapshot, Wishes], chance: random.Random) -> None:
    """Whatever the order in which rows were read; ties go by name, then by key."""
    snapshot, wishes = given_
    hosts, vms, groups = list(snapshot.hosts), list(snapshot.vms), list(snapshot.groups)
    for rows in (hosts, vms, groups):
        chance.shuffle(rows)  # type: ignore[arg-type]
    other = replace(snapshot, hosts=tuple(hosts), vms=tuple(vms), groups=tuple(groups))
    assert propose(other, wishes) == propose(snapshot, wishes)


@given(clusters())
def test_nothing_is_closed_at_the_end_that_was_not_at_first(given_: tuple[Snapshot, Wishes]) -> None:
    """Each host that nothing blocks is done, and the plan ends with the last of them."""
    snapshot, wishes = given_
    found = propose(snapshot, wishes)
    for outlook in found.hosts:
        assert (outlook.end_s is None) == bool(outlook.blocked)
    ends = [outlook.end_s for outlook in found.hosts if outlook.end_s is not None]
    assert found.seconds == max(ends, default=None)
    assert (found.p90_s or 0) >= (found.seconds or 0)
