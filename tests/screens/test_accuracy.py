"""How good the forecasts were, by method; it …"""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from datacenter.screens.accuracy import summary
from hosts.models import Migration
from tests.screens import factory

pytestmark = pytest.mark.django_db
SAID = {"method": "precopy", "sentence": "It dirties little.", "seconds": [8, 10, 12], "pause_ms": [50, 80, 120]}


def ended(seconds: float, **fields: Any) -> Migration:
    now = timezone.now()
    given = {
        "state": "done",
        "started_at": now - timedelta(seconds=seconds),
        "resumed_at": now,
        "ended_at": now,
        "pause_ms": 100.0,
        "expected": SAID | {"bytes": [1, 2, 3]},
    }
    source = factory.host(f"a{Migration.objects.count()}")
    return factory.migration(factory.vm(on=source), factory.host(f"b{source.pk}"), **(given | fields))


def test_it_says_that_none_has_ended_yet(otto: Client) -> None:
    assert "No migration that was foretold" in otto.get("/migrations/accuracy").content.decode()


def test_it_sums_errors_up_by_method(otto: Client) -> None:
    for seconds in (10.0, 8.0, 20.0):
        ended(seconds)
    ended(10.0, used_postcopy=True)
    found = summary("all", list(Migration.objects.filter(used_postcopy=False)))
    assert found.count == 3
    assert found.time.median == pytest.approx(25, abs=0.1)  # 0, 25 and 50 %
    assert found.time.p90 == pytest.approx(50, abs=0.1)
    assert found.time.inside == pytest.approx(200 / 3)
    assert (found.pause_ms, found.pause_inside) == (20, 100)
    page = otto.get("/migrations/accuracy").content.decode()
    for words in ("Plain copying", "Post-copy", "All", "25 %"):
        assert words in page


def test_it_leaves_out_what_another_tool_started_and_what_failed(otto: Client) -> None:
    ended(10.0, ours=False)
    ended(10.0, state="failed")
    ended(10.0, expected=None)
    assert "No migration that was foretold" in otto.get("/migrations/accuracy").content.decode()


def test_a_migrations_page_shows_both_and_what_was_checked(otto: Client) -> None:
    evil = {"check": "cpu", "outcome": "refuses", "text": "<script>x</script>", "remedy": ""}
    row = ended(10.0, checks=[{"check": "odd"}, evil, 7])
    page = otto.get(f"/migrations/{row.pk}").content.decode()
    assert "It dirties little." in page
    assert "8 s to 12 s" in page
    assert "<script>x" not in page
    assert page.index("Refuses") < page.index(">odd<")


def test_it_shows_what_pairs_of_hosts_taught_with_its_age_and_count(otto: Client) -> None:
    assert "By pair of hosts" not in otto.get("/migrations/accuracy").content.decode()
    row = ended(10.0, taught={"setup_s": 0.8, "free_speed": 110.0 * 2**20})
    page = otto.get("/migrations/accuracy").content.decode()
    section = page[page.index("By pair of hosts") :]
    assert f"{row.source.name} → {row.destination.name}" in section
    for words in ("110 MiB/s", "0.7 s", "<time datetime="):
        assert words in section
    assert '<td class="end">1</td>' in section
