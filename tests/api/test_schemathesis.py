"""The whole API as it describes itself, tried with what fits its description and with what does not.

Every operation twice with objects that are there, once with ids that are not. Each request is taken back, so that the
next one meets the same rows. The stream is left out: it does not end (test_stream.py).
"""

from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup

from datacenter.api.bearer import TRIED
from tests.api.house import furnish

pytestmark = pytest.mark.django_db

EXAMPLES = 3
#: what an order may say to a request that fits the description: not now, not for this version, not this host
REFUSALS = ["2xx", "401", "403", "404", "409", "412", "422", "428", "429"]
REJECTIONS = ["400", "401", "404", "405", "409", "413", "415", "422", "428"]
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {"expected-statuses": REFUSALS},
            "negative_data_rejection": {
                "expected-statuses": ["400", "401", "404", "405", "409", "413", "415", "422", "428"]
            },
        }
    }
)


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The end of a request closes its connection; here all are in the test's one transaction, as Client does it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


class TakenBack(Exception):
    """Nothing is kept of a request."""


def test_it_does_what_its_description_says(make: Callable[..., Any], people: Any) -> None:
    there = furnish(people["ada"])
    headers = {"Authorization": f"Bearer {make('ada')[1]}"}
    described = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application(), config=CONFIG)
    tried, failures = 0, list[str]()
    for found in described.get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/events/stream"):
            continue
        known = there.get(operation.path.split("/")[3], {})
        mine = {name: known[name] for name in known if f"{{{name}}}" in operation.path}
        fits, does_not = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
        missing = [(fits, {})] if mine else []
        for mode, ids in ((fits, mine), (does_not, mine), *missing):
            tried += _try(operation, mode, ids, headers, failures)
    assert not failures, "\n".join(failures)
    assert tried > 300


def _try(
    operation: Any, mode: GenerationMode, ids: dict[str, Any], headers: dict[str, str], failures: list[str]
) -> int:
    count = 0
    given = {"path_parameters": ids} if ids else {}

    @hypothesis.seed(20261124)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode, **given))
    def run(case: Any) -> None:
        nonlocal count
        count += 1
        TRIED.clear()  # it tries wrong tokens too, more than a person would
        try:
            with transaction.atomic():
                case.call_and_validate(headers=headers)
                raise TakenBack
        except TakenBack:
            pass

    try:
        run()
    except hypothesis.errors.Unsatisfiable:  # nothing of this operation can be wrong
        return 0
    except FailureGroup as exc:
        failures.append(f"{operation.method.upper()} {operation.path}: {exc}")
    return count
