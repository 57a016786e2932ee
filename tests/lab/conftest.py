"""The lab for tests: real libvirt hosts h1, h2, h3, one lab a test process (see deploy/lab/sharing.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.lab import Lab, why_not
from deploy.lab.sharing import leave_clean, own_lab


@pytest.fixture(scope="session")
def standing_lab() -> Iterator[Lab]:
    if reason := why_not():
        pytest.skip(reason)
    with own_lab() as lab:
        yield lab


@pytest.fixture
def lab(standing_lab: Lab) -> Iterator[Lab]:
    """The lab, whole at the start of each test: guests and faults of the test before are gone."""
    yield standing_lab
    leave_clean(standing_lab)
