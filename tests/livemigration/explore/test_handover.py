"""Every interleaving of a hand-over with up to two faults, each before and after each step: it …

Some 40,000 states a start, a few seconds to half a minute each; docs/decisions, "The handover", says what is in it.
"""

from dataclasses import replace

import pytest

from hosts.livemigration.guardian.arbiter import Act, Decision, Past, decide
from hosts.livemigration.recovery import UNKNOWN, Truth
from tests.livemigration.explore.model import World, keep
from tests.livemigration.explore.search import explore


def start(*, faults: int, locks: bool = False, paused: bool = False) -> World:
    return World(job="copying", d="incoming", faults=faults, locks=locks, paused=paused, kept=keep(_past(paused)))


def _past(paused: bool) -> Past:
    return Past(arrives_paused=paused)


@pytest.mark.parametrize(
    ("faults", "locks", "paused"),
    [(2, False, False), (2, False, True), (1, True, False), (1, True, True)],
    ids=["no locks", "no locks, arrives paused", "locks", "locks, arrives paused"],
)
def test_it_never_leaves_two_running_nor_ends_the_guests_own_copy(faults: int, locks: bool, paused: bool) -> None:
    found = explore(start(faults=faults, locks=locks, paused=paused))
    assert found.flaws == [], "\n".join(found.flaws[0][1])
    assert found.states > 5_000


def _idle(truth: Truth, past: Past) -> Decision:
    return Decision(act=Act.NOTHING, because="Disabled.")


def _rash(truth: Truth, past: Past) -> Decision:
    """Takes a silent destination for a running one."""
    if truth.destination is UNKNOWN and truth.source is not UNKNOWN and past.stood_s:
        return Decision(act=Act.END_SOURCE, because="Rash.")
    return decide(truth, past)


def _hasty(truth: Truth, past: Past) -> Decision:
    """Resumes the source wherever the destination has no copy, whatever ran there before."""
    return decide(truth, replace(past, ran_there=False, watched=True))


def test_it_finds_the_split_where_the_arbiter_is_disabled() -> None:
    found = explore(start(faults=1), _idle, most_flaws=100_000)
    splits = [way for flaw, way in found.flaws if flaw.startswith("two copies run, and the arbiter")]
    assert all("goes on there" in way and "answer given up" in way for way in splits)
    assert any("destination daemon killed" in way for way in splits)  # H05
    assert any("message lost" in way for way in splits)  # H06
    assert any("link cut" in way for way in splits)


def test_it_finds_an_arbiter_that_acts_on_silence() -> None:
    with pytest.raises(AssertionError, match="acted on silence"):
        explore(start(faults=1), _rash)


def test_it_finds_an_arbiter_that_forgets_what_ran() -> None:
    flaws = [flaw for flaw, _ in explore(start(faults=2), _hasty).flaws]
    assert flaws == ["the guardian let an old copy run"]
