"""What the tests of `up` share: a folder like var/ that PostgreSQL's account can reach, and programs that misbehave."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def var() -> Iterator[Path]:
    """pytest's own folders are closed to others, and under root PostgreSQL runs as another account."""
    folder = Path(tempfile.mkdtemp(prefix="godwit-test-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "log").mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def said() -> list[tuple[str, str]]:
    return []


def python(code: str) -> list[str]:
    """A command line that runs a few lines of Python."""
    return [sys.executable, "-c", code]
