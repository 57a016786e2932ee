"""Which host holds a VM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.states import VMState
from hosts.telemetry.whereabouts import Hold, decide, hold, is_moving, vm_state
from hosts.virt.records import DomainState, DomainStatus

HERE, THERE, THIRD = 1, 2, 3
holds = st.sampled_from(list(Hold))


def status(state: DomainState, reason: str = "") -> DomainStatus:
    return DomainStatus(state=state, reason=reason)


@pytest.mark.parametrize(
    ("here", "there", "stays"),
    [
        (Hold.RUNNING, Hold.STILL, True),  # the destination's incoming copy steals nothing
        (Hold.STILL, Hold.STILL, True),  # a paused guest that migrates: source and copy both stand still
        (Hold.STILL, Hold.RUNNING, False),  # resumed on the destination
        (Hold.NONE, Hold.RUNNING, False),
        (Hold.NONE, Hold.DEFINED, False),  # defined elsewhere, undefined here
        (Hold.RUNNING, Hold.DEFINED, True),  # a definition left behind is no move
        (Hold.DEFINED, Hold.DEFINED, True),
        (Hold.DEFINED, Hold.STILL, False),  # arrives paused, and is shut off here
        (Hold.NONE, Hold.NONE, True),
    ],
)
def test_it_follows_the_stronger_claim(here: Hold, there: Hold, stays: bool) -> None:
    verdict = decide(HERE, here, {THERE: there})
    assert verdict.host == (HERE if stays else THERE)
    assert verdict.rival is None


def test_it_keeps_the_row_and_names_the_rival_where_two_run() -> None:
    verdict = decide(HERE, Hold.RUNNING, {THERE: Hold.RUNNING, THIRD: Hold.DEFINED})
    assert (verdict.host, verdict.rival) == (HERE, THERE)


@given(holds, st.dictionaries(st.integers(2, 9), holds))
def test_it_never_goes_to_a_weaker_claim(here: Hold, others: dict[int, Hold]) -> None:
    verdict = decide(HERE, here, others)
    chosen = here if verdict.host == HERE else others[verdict.host]
    assert chosen == max([here, *others.values()])
    assert verdict.host == HERE or chosen > here


@given(st.sampled_from(list(DomainState)))
def test_it_has_a_state_and_a_claim_for_whatever_libvirt_says(state: DomainState) -> None:
    assert vm_state(status(state)) in VMState
    assert hold(status(state)) in Hold


def test_it_calls_a_domain_crashed_that_is_off_because_it_crashed() -> None:
    assert vm_state(status(DomainState.SHUTOFF, "crashed")) is VMState.CRASHED
    assert vm_state(status(DomainState.SHUTOFF, "shutdown")) is VMState.DOWN


def test_it_tells_a_guest_that_moves_from_one_that_was_paused() -> None:
    assert is_moving(status(DomainState.PAUSED, "migration"))
    assert not is_moving(status(DomainState.PAUSED, "user"))
    assert not is_moving(status(DomainState.RUNNING, "migration"))
