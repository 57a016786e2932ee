"""What becomes of each VM of a host that is emptied: it …"""

import pytest

from datacenter.maintenance.planner import Action, Choice, Leg, Light, Refusal
from tests.maintenance.planner.clusters import hosts, out, plan, vm

PINNED = Refusal(reason="It is pinned to its host.", remedy="Change its migration mode.")


@pytest.mark.parametrize(
    ("rule", "light", "words"),
    [
        (Action.SHUTDOWN, Light.GREEN, "Its rule for maintenance: it is shut down"),
        (Action.SUSPEND, Light.GREEN, "suspended to disk"),
        (Action.LEAVE, Light.YELLOW, "it stays"),
        (Action.ASK, Light.RED, "asks a person"),
    ],
)
def test_it_goes_by_the_vms_own_rule(rule: Action, light: Light, words: str) -> None:
    move = out(plan(hosts(20, 40), [vm(1, rule=rule)], 1), 1)
    assert (move.action, move.light, move.target) == (rule, light, None)
    assert words in move.why


def test_it_does_what_a_person_chose_instead() -> None:
    choices = {(1, 1): Choice(action=Action.SHUTDOWN)}
    move = out(plan(hosts(20, 40), [vm(1, rule=Action.ASK)], 1, choices=choices), 1)
    assert (move.action, move.light) == (Action.SHUTDOWN, Light.GREEN)
    assert move.why.startswith("A person chose it")


def test_it_blocks_with_a_remedy_where_a_vm_cannot_move() -> None:
    found = plan(hosts(20, 40), [vm(1, fixed=PINNED)], 1)
    move = out(found, 1)
    assert (move.light, move.why) == (Light.RED, "It is pinned to its host.")
    assert move.remedy.startswith("Change its migration mode. Move it by hand, shut it down for the time")
    assert found.hosts[0].blocked == "v01: It is pinned to its host."
    assert found.seconds is None


def test_it_shuts_down_what_cannot_move_where_the_plan_says_so() -> None:
    move = out(plan(hosts(20, 40), [vm(1, fixed=PINNED)], 1, stop_unmovable=True), 1)
    assert (move.action, move.light) == (Action.SHUTDOWN, Light.YELLOW)
    assert move.why.startswith("It is pinned to its host. The plan shuts down what cannot move")


def test_it_never_shuts_down_a_transient_vm() -> None:
    known = [vm(1, fixed=PINNED, persistent=False), vm(2, rule=Action.SHUTDOWN, persistent=False)]
    found = plan(hosts(20, 40), known, 1, stop_unmovable=True)
    assert {out(found, 1).light, out(found, 2).light} == {Light.RED}
    assert "it would be gone" in out(found, 2).why


def test_it_gives_a_fallback_only_where_stopping_is_allowed() -> None:
    assert out(plan(hosts(20, 40), [vm(1)], 1), 1).fallback is None
    assert out(plan(hosts(20, 40), [vm(1)], 1, stop_unmovable=True), 1).fallback is Action.SHUTDOWN


def test_it_leaves_what_does_not_run() -> None:
    move = out(plan(hosts(20, 0), [vm(1, runs=False)], 1), 1)
    assert (move.action, move.light) == (Action.LEAVE, Light.GREEN)


def test_it_does_nothing_where_the_host_does_not_answer() -> None:
    move = out(plan(hosts(20, 40), [vm(1, known=False)], 1), 1)
    assert (move.light, move.action) == (Light.RED, Action.ASK)


def test_it_passes_over_a_blocked_host_and_does_the_others() -> None:
    found = plan(hosts(20, 20, 40), [vm(1, fixed=PINNED), vm(2), vm(3, host=2)], 1, 2)
    assert (found.hosts[0].blocked, found.hosts[0].end_s) == ("v01: It is pinned to its host.", None)
    assert out(found, 2).start_s is None, "nothing of a host that is passed over begins"
    assert out(found, 2).target is not None, "but where it would go is shown"
    assert found.hosts[1].end_s == found.seconds


def test_a_red_vm_never_holds_up_the_others_of_its_host() -> None:
    found = plan(hosts(20, 40), [vm(1, fixed=PINNED), vm(2)], 1, skip_blocked=False)
    assert out(found, 2).start_s == 0.0
    assert found.hosts[0].empty_s is None


def test_it_starts_again_what_it_shut_down_and_brings_home_what_it_moved() -> None:
    found = plan(hosts(20, 40), [vm(1), vm(2, rule=Action.SHUTDOWN)], 1, home=True)
    home = {move.vm: move for move in found.moves if move.leg is Leg.HOME}
    assert (home[1].action, home[1].target) == (Action.MIGRATE, 1)
    assert (home[2].action, home[2].target) == (Action.START, 1)
    assert (home[1].start_s or 0) >= (found.hosts[0].empty_s or 0)


def test_nothing_returns_to_a_host_that_stays_in_maintenance() -> None:
    found = plan(hosts(20, 40), [vm(1), vm(2, rule=Action.SHUTDOWN)], 1, home=True, activates=False)
    home = [move for move in found.moves if move.leg is Leg.HOME]
    assert [(move.vm, move.light, move.start_s) for move in home] == [(2, Light.YELLOW, None)]
