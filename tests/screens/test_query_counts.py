"""SQL budgets: a page costs the same number of queries whatever is in it. Changed on purpose only:
``UPDATE_BUDGETS=1 pytest tests/screens/test_query_counts.py`` writes tests/screens/query_counts.json anew.
"""

import json
import os
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from datacenter.maintenance.plans import make_plan
from datacenter.maintenance.terms import Terms
from datacenter.models import User, WindowRun
from tests.maintenance.drafts import make_policy
from tests.screens import factory
from tests.screens.pages import addresses

pytestmark = pytest.mark.django_db
BUDGETS = Path(__file__).with_name("query_counts.json")


def counted(client: Client) -> dict[str, int]:
    counts = {}
    for name, address in addresses().items():
        client.get(address)  # templates and content types are cached after this
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(address).status_code == 200, name
        counts[name] = len(queries)
    return counts


def test_it_costs_what_the_budget_says_with_few_rows_and_with_many(otto: Client) -> None:
    home = factory.cluster()
    host = factory.host("first", in_cluster=home)
    factory.migration(factory.vm("first", on=host), factory.host("second", in_cluster=home), state="copying")
    make_plan(User.objects.get(username="ada"), [host], title="Boards", reason="", terms=Terms())
    make_policy(home)
    few = counted(otto)
    factory.fill(vms=80)
    for number in range(3):
        made = make_policy(home, name=f"Policy {number}", hosts=(host,))
        WindowRun.objects.create(policy=made, starts_at=made.changed_at, ends_at=made.changed_at)
    many = counted(otto)
    if os.environ.get("UPDATE_BUDGETS"):
        BUDGETS.write_text(json.dumps(few, indent=2, sort_keys=True) + "\n")
    assert few == json.loads(BUDGETS.read_text())
    assert many == few
