"""A dozen rows of the fault table (tests/bench/faults.py), with Godwit's own worker, guardian and collector: it …"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from deploy.lab import Lab
from tests.bench.fault_stage import Stage, staged
from tests.bench.fault_table import TABLE
from tests.bench.fault_trial import Fault
from tests.bench.fault_verdict import run

# one stage for all of them: starting Godwit's processes costs more than a trial
pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("fault table")]

QUICK = [fault for fault in TABLE if fault.quick]


@pytest.fixture(scope="module")
def stage(
    standing_lab: Lab,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """What is written is committed, for the processes to see; the tables are emptied at the end."""
    logs: Path = tmp_path_factory.mktemp("faults")
    with django_db_blocker.unblock():
        try:
            with staged(standing_lab, logs) as stage:
                yield stage
        finally:
            call_command("flush", interactive=False, verbosity=0)


@pytest.mark.parametrize("fault", QUICK, ids=[fault.name for fault in QUICK])
def test_it_ends_as_the_table_says(stage: Stage, fault: Fault) -> None:
    result = run(stage, fault)
    assert not result.wrong, "\n".join([f"{fault.what} {fault.when}", *result.wrong])
    assert not result.lost
    assert not result.doubled
