"""The planner's places: it …"""

import pytest

from datacenter.maintenance.planner import Action, Choice, Fit, Group, Light, Refusal
from tests.maintenance.planner.clusters import hosts, out, plan, targets, vm


def test_it_takes_the_host_with_most_memory_left_and_says_so() -> None:
    move = out(plan(hosts(20, 30, 40), [vm(1)], 1), 1)
    assert (move.target, move.light) == (3, Light.GREEN)
    assert move.why == "36.0 GiB of 64.0 GiB stay free there; it need not move again."


def test_it_spreads_over_equal_hosts_and_ties_go_by_name() -> None:
    assert targets(plan(hosts(20, 40, 40), [vm(n) for n in range(1, 5)], 1)) == {1: 2, 2: 3, 3: 2, 4: 3}


def test_it_avoids_hosts_that_are_still_to_be_emptied() -> None:
    found = plan(hosts(30, 60, 30), [vm(1), vm(2, host=2)], 1, 2)
    assert out(found, 1).target == 3
    assert found.again == 0


def test_it_uses_what_was_emptied_before() -> None:
    """A roll through a whole cluster: only the first host's VMs move twice."""
    vms = [vm(host * 10 + n, host=host, gib=8) for host in (1, 2, 3, 4) for n in range(4)]
    found = plan(hosts(30, 30, 30, 30), vms, 1, 2, 3, 4)
    assert found.again == 4
    assert len(found.moves) == 20
    assert {out(found, 20 + n).target for n in range(4)} == {1}


def test_it_prefers_a_host_to_be_emptied_over_one_that_would_be_full() -> None:
    assert out(plan(hosts(30, 60, 5), [vm(1)], 1, 2), 1, host=1).target == 2


def test_it_says_why_no_host_can_take_it_and_what_would_help() -> None:
    move = out(plan(hosts(20, 4, 3), [vm(1)], 1), 1)
    assert (move.light, move.action, move.target) == (Light.RED, Action.MIGRATE, None)
    assert move.why.startswith("No host can take it. h2: Needs 4.4 GiB of memory, 4.0 GiB is free. So with 1 more.")
    assert "It needs a host with 4.4 GiB of memory free." in move.remedy


def test_it_counts_what_it_has_placed() -> None:
    found = plan(hosts(20, 14), [vm(n) for n in range(1, 5)], 1, skip_blocked=False)
    assert [out(found, n).light for n in range(1, 5)] == [Light.GREEN] * 3 + [Light.RED]


def test_it_keeps_the_memory_of_the_largest_host_free() -> None:
    """Three others have 30 GiB each: 90, of which 64 stay, so 26 can be taken: six of 4 GiB."""
    found = plan(hosts(0, 30, 30, 30), [vm(n) for n in range(1, 9)], 1, keep_spare=True)
    reds = [move for move in found.moves if move.light is Light.RED]
    assert len(reds) == 2
    assert "N+1 keeps 64.0 GiB, what its largest host has" in reds[0].why
    assert found.hosts[0].blocked.startswith("v07: ")


def test_it_warns_where_one_host_alone_is_left() -> None:
    move = out(plan(hosts(30, 60), [vm(1)], 1, keep_spare=True), 1)
    assert move.light is Light.YELLOW
    assert move.remedy == "h2 is the only host left: should it fail, nothing takes its VMs."


def test_it_names_the_rule_that_a_kind_of_host_breaks() -> None:
    refusal = Refusal(reason="No machine type pc-q35-9.0.", remedy="Upgrade its QEMU.")

    def fits(one: object, host: object) -> Fit:
        return Fit(refusal=refusal) if host.kind == "old" else Fit()  # type: ignore[attr-defined]

    first, second, third = hosts(30, 60, 40)
    old = type(second)(key=2, name="h2", memory_bytes=second.memory_bytes, free_bytes=second.free_bytes, kind="old")
    assert out(plan([first, old, third], [vm(1)], 1, snapshot={"fits": fits}), 1).target == 3
    alone = out(plan([first, old], [vm(1)], 1, snapshot={"fits": fits}), 1)
    assert alone.why == "No host can take it. h2: No machine type pc-q35-9.0."


def test_it_keeps_hard_groups_together_and_apart() -> None:
    together = Group(name="db", together=True, hard=True, vms=frozenset({1, 2}))
    apart = Group(name="dns", together=False, hard=True, vms=frozenset({3, 4}))
    found = targets(plan(hosts(20, 40, 40), [vm(n) for n in range(1, 5)], 1, groups=[together, apart]))
    assert found[1] == found[2]
    assert found[3] != found[4]


def test_it_follows_a_group_to_where_its_others_are() -> None:
    together = Group(name="db", together=True, hard=True, vms=frozenset({1, 2}))
    known = [vm(1), vm(2, host=2)]
    assert out(plan(hosts(20, 30, 60), known, 1, groups=[together]), 1).target == 2
    refused = out(plan(hosts(20, 2, 60), known, 1, groups=[together]), 1)
    assert refused.light is Light.RED
    assert refused.why.startswith("The group “db” keeps it on one host with VMs on h2. Needs 4.4 GiB")


def test_it_breaks_no_hard_rule_for_want_of_hosts() -> None:
    apart = Group(name="dns", together=False, hard=True, vms=frozenset({1, 2, 3}))
    found = plan(hosts(20, 40, 40), [vm(n) for n in (1, 2, 3)], 1, groups=[apart])
    lights = sorted(str(out(found, n).light) for n in (1, 2, 3))
    assert lights == ["green", "green", "red"]


def test_it_refuses_groups_that_contradict_each_other() -> None:
    both = frozenset({1, 2})
    groups = [
        Group(name="a", together=True, hard=True, vms=both),
        Group(name="b", together=False, hard=True, vms=both),
    ]
    move = out(plan(hosts(20, 40, 40), [vm(1), vm(2)], 1, groups=groups), 1)
    assert move.why == "The group “b” keeps VMs apart that another one keeps together."


@pytest.mark.parametrize(("together", "target"), [(True, 2), (False, 3)])
def test_it_heeds_wishes_where_memory_makes_little_difference(together: bool, target: int) -> None:
    group = Group(name="web", together=together, hard=False, vms=frozenset({1, 2}))
    free = (20, 38, 40) if together else (20, 42, 40)
    assert out(plan(hosts(*free), [vm(1), vm(2, host=2)], 1, groups=[group]), 1).target == target


def test_a_wish_never_blocks() -> None:
    group = Group(name="web", together=True, hard=False, vms=frozenset({1, 2}))
    assert out(plan(hosts(20, 1, 40), [vm(1), vm(2, host=2)], 1, groups=[group]), 1).target == 3


def test_a_persons_target_goes_before_the_best_one() -> None:
    choices = {(1, 1): Choice(action=Action.MIGRATE, target=2)}
    move = out(plan(hosts(20, 30, 60), [vm(1)], 1, choices=choices), 1)
    assert (move.target, move.why.split(";")[0]) == (2, "A person chose it")


def test_a_persons_target_that_cannot_take_it_is_red_and_stays_chosen() -> None:
    choices = {(1, 1): Choice(action=Action.MIGRATE, target=2)}
    move = out(plan(hosts(20, 3, 60), [vm(1)], 1, choices=choices), 1)
    assert (move.light, move.target) == (Light.RED, 2)
    assert move.why == "h2 cannot take it: Needs 4.4 GiB of memory, 3.0 GiB is free."
