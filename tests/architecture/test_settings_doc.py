"""docs/settings.md …"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: read by tests alone
TESTS_ONLY = {"GODWIT_WRITE_SCENARIOS"}
NAME = re.compile(r"\b(?:GODWIT_[A-Z][A-Z_]*[A-Z]|DATABASE_URL)\b")


def test_it_lists_every_variable_that_is_read_and_no_other() -> None:
    files = [each for name in ("hosts", "datacenter", "deploy") for each in (ROOT / name).rglob("*.py")]
    read = {name for each in files for name in NAME.findall(each.read_text())} - TESTS_ONLY
    listed = set(NAME.findall((ROOT / "docs" / "settings.md").read_text()))
    assert read == listed
