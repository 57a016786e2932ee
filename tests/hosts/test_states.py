"""The table of states …"""

import pytest

from hosts.states import CANCELLABLE, EDGES, OPEN_MIGRATION, HostState, MigrationState, OperationState, State, VMState

ALL = (HostState, VMState, MigrationState, OperationState)
TOKENS = {"ok", "busy", "warning", "failed", "maintenance", "unknown", "off"}


@pytest.mark.parametrize("states", ALL)
def test_it_gives_each_state_a_word_an_icon_and_a_known_colour(states: type[State]) -> None:
    for state in states:
        assert state.label
        assert state.icon
        assert state.colour in TOKENS


@pytest.mark.parametrize("states", ALL)
def test_it_lists_edges_for_every_state_and_none_to_itself(states: type[State]) -> None:
    assert set(EDGES[states]) == set(states)
    assert all(state not in state.next for state in states)


def test_it_lets_every_migration_reach_an_end() -> None:
    ending = {state for state in MigrationState if state.is_final}
    for _ in MigrationState:
        ending |= {state for state in MigrationState if state.next & ending}
    assert ending == set(MigrationState)


def test_it_never_cancels_from_post_copy() -> None:
    for state in (MigrationState.POSTCOPY, MigrationState.POSTCOPY_PAUSED):
        assert MigrationState.CANCELLED not in state.next
        assert state not in CANCELLABLE


def test_it_can_end_each_cancellable_state_as_cancelled() -> None:
    assert all(MigrationState.CANCELLED in state.next for state in CANCELLABLE)


def test_it_says_failed_only_where_the_guest_may_still_be_on_the_source() -> None:
    after_handover = (MigrationState.POSTCOPY, MigrationState.POSTCOPY_PAUSED, MigrationState.CONFIRMING)
    assert all(MigrationState.FAILED not in state.next for state in after_handover)


def test_it_counts_every_state_that_has_a_next_one_as_open() -> None:
    assert set(OPEN_MIGRATION) == {state for state in MigrationState if state.next}
