"""docs/states.md …"""

from pathlib import Path

import pytest

from hosts.states import (
    HostState,
    MigrationState,
    OperationState,
    PlanHostState,
    PlanMoveState,
    PlanState,
    PlanStepState,
    State,
    VMState,
)

DOC = Path(__file__).parents[2] / "docs" / "states.md"
TITLES = {
    HostState: "Hosts",
    VMState: "VMs",
    MigrationState: "Migrations",
    OperationState: "Operations",
    PlanState: "Plans",
    PlanHostState: "Hosts of a plan",
    PlanMoveState: "Moves of a plan",
    PlanStepState: "Steps of a plan",
}


def table(states: type[State]) -> str:
    lines = [f"## {TITLES[states]}", "", "| state | shown as | colour | may become |", "|---|---|---|---|"]
    for state in states:
        following = ", ".join(f"`{each.value}`" for each in states if each in state.next) or "(final)"
        if len(state.next) == len(states) - 1:
            following = "any"
        lines.append(f"| `{state.value}` | {state.label} | {state.colour} | {following} |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("states", TITLES)
def test_it_says_what_the_table_in_the_code_says(states: type[State]) -> None:
    assert table(states) in DOC.read_text(), f"docs/states.md should hold:\n\n{table(states)}"
