"""The policies' bench, on a few of its workloads: it …"""

import pytest

from hosts.livemigration.shipped import ADAPTIVE, NOVA, SHIPPED
from tests.bench.held_out import HARD_SEEDS, HELD_OUT, SEEDS, draw
from tests.bench.policies import Outcome, Run, ahead, scout, summary
from tests.bench.workloads import WORKLOADS, Workload

POLICIES = {each.name: each.policy for each in (*SHIPPED, NOVA)}
WORKS = {work.name: work for work in WORKLOADS}


def play(work: Workload, policy: str = ADAPTIVE) -> Outcome:
    line, switch_s = scout(work)
    return Run(work, POLICIES[policy], line, switch_s).play()


@pytest.mark.parametrize("name", ["never, capped", "capped, loose budget", "never, capped, no post-copy"])
def test_adaptive_saves_a_guest_that_never_converges_within_its_budget(name: str) -> None:
    work = WORKS[name]
    outcome = play(work)
    assert outcome.within(work.budget_ms)
    assert not outcome.postcopy
    assert outcome.seconds < play(work, "Minimal downtime").seconds


def test_adaptive_goes_to_post_copy_where_no_pause_would_do() -> None:
    outcome = play(WORKS["never, full line"])
    assert outcome.postcopy
    assert outcome.seconds < 6


def test_the_same_run_gives_the_same_outcome() -> None:
    assert play(WORKS["hot and cold"]) == play(WORKS["hot and cold"])


def test_a_budget_that_is_broken_is_no_success() -> None:
    work = WORKS["idle"]
    late = Outcome(arrived=True, seconds=5, pause_ms=work.budget_ms + 1)
    fine, slow = Outcome(arrived=True, seconds=5, pause_ms=100), Outcome(arrived=True, seconds=9, pause_ms=100)
    failed = Outcome(arrived=False, seconds=5)
    assert ahead(work, {ADAPTIVE: slow, "other": late})
    assert ahead(work, {ADAPTIVE: failed, "other": failed})
    assert not ahead(work, {ADAPTIVE: late, "other": slow})
    assert not ahead(work, {ADAPTIVE: slow, "other": fine})
    assert not ahead(work, {ADAPTIVE: failed, "other": slow})


def test_it_tells_where_adaptive_is_behind() -> None:
    fine, slow = Outcome(arrived=True, seconds=5, pause_ms=100), Outcome(arrived=True, seconds=9, pause_ms=100)
    works = {"idle": WORKS["idle"]}
    told = summary({"idle": {ADAPTIVE: slow, "other": fine}}, works)
    assert (told["adaptive_ahead_or_equal"], told["behind"]) == (False, ["idle"])


def test_there_are_at_least_twelve_workloads() -> None:
    assert len(WORKS) == len(WORKLOADS) >= 12


def test_held_out_workloads_are_the_same_each_time_and_no_two_alike() -> None:
    assert [draw(seed) for seed in SEEDS] == list(HELD_OUT[: len(SEEDS)])
    assert len({(work.memory, work.line, work.touched) for work in HELD_OUT}) == len(HELD_OUT) >= 40
    assert not {work.name for work in HELD_OUT} & WORKS.keys()


def test_hard_ones_dirty_at_least_a_fourth_of_what_they_may_send() -> None:
    for seed in HARD_SEEDS:
        work = draw(seed, hard=True)
        assert sum(hot.rate for hot in work.hot) >= 0.25 * (work.cap or work.line)
        assert work.budget_ms <= 500
