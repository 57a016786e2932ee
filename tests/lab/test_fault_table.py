"""A dozen rows of the fault table (tests/bench/faults.py), with Godwit's own worker, guardian and collector: it …"""

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from deploy.lab import Lab
from hosts import feed
from tests.bench.fault_stage import Stage, staged
from tests.bench.fault_table import TABLE
from tests.bench.fault_trial import Fault
from tests.bench.fault_verdict import run

# one stage for all of them: starting Godwit's processes costs more than a trial
pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("fault table")]

QUICK = [fault for fault in TABLE if fault.quick]


@pytest.fixture(scope="module")
def own_database(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database of these tests alone: what is written is committed, for the processes to see."""
    settings = connection.settings_dict
    before, name = settings["NAME"], settings["TEST"]["NAME"]
    settings["TEST"]["NAME"] = f"{before}_faults"
    with django_db_blocker.unblock():
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            yield
        finally:
            feed.OUT.close()
            connection.creation.destroy_test_db(before, verbosity=0)
            settings["TEST"]["NAME"] = name


@pytest.fixture(scope="module")
def stage(standing_lab: Lab, own_database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(standing_lab, tmp_path_factory.mktemp("faults")) as stage:
        yield stage


@pytest.mark.parametrize("fault", QUICK, ids=[fault.name for fault in QUICK])
def test_it_ends_as_the_table_says(stage: Stage, fault: Fault) -> None:
    result = run(stage, fault)
    assert not result.wrong, "\n".join([f"{fault.what} {fault.when}", *result.wrong])
    assert not result.lost
    assert not result.doubled
