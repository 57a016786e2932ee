"""Every folder here plays its script with Godwit's own supervisor and guardian, and says what its expected.log says.

After a change on purpose: ``GODWIT_WRITE_SCENARIOS=1 pytest tests/scenarios/moves``, and read the diff.
"""

import difflib
import os
from pathlib import Path

import pytest

from tests.scenarios.moves.engine import play

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/script.txt"))


@pytest.mark.django_db
@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_it_says_what_is_expected(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    said, expected = play(folder), folder / "expected.log"
    assert not [record.getMessage() for record in caplog.records if record.exc_info], "something of ours broke"
    if os.environ.get("GODWIT_WRITE_SCENARIOS"):
        expected.write_text(said)
    diff = difflib.unified_diff(
        expected.read_text().splitlines(), said.splitlines(), "expected.log", "this run", lineterm="", n=2
    )
    assert not (lines := list(diff)), "\n".join(lines)
