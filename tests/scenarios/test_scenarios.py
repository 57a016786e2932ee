"""Every folder here plays its script and says what its expected.log says.

After a change on purpose: ``GODWIT_WRITE_SCENARIOS=1 pytest tests/scenarios``, and read the diff before the commit.
"""

import difflib
import os
from pathlib import Path

import pytest

from tests.scenarios.engine import play

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/script.txt"))


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_it_says_what_is_expected(folder: Path) -> None:
    said, expected = play(folder), folder / "expected.log"
    if os.environ.get("GODWIT_WRITE_SCENARIOS"):
        expected.write_text(said)
    diff = difflib.unified_diff(
        expected.read_text().splitlines(), said.splitlines(), "expected.log", "this run", lineterm="", n=2
    )
    assert not (lines := list(diff)), "\n".join(lines)


@pytest.mark.parametrize("folder", FOLDERS[:2], ids=[folder.name for folder in FOLDERS[:2]])
def test_it_says_the_same_every_time(folder: Path) -> None:
    assert play(folder) == play(folder)
