"""What a migration leaves behind on its way: its journal …"""

from datetime import datetime, timedelta
from typing import Any

import pytest

from hosts import feed
from hosts.livemigration.journal import Journal
from hosts.virt.clock import ManualClock
from hosts.virt.records import JobStats, JobType
from tests.factory import make_migration

pytestmark = pytest.mark.django_db

MIB = 1 << 20


@pytest.mark.parametrize(("company", "seconds"), [(1, 0.4), (20, 0.4), (50, 1.0), (200, 4.0)])
def test_it_forecasts_less_often_the_more_are_driven_beside_it(
    monkeypatch: pytest.MonkeyPatch, company: int, seconds: float
) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(feed, "figures", lambda noun, pk, values: shown.append(values))
    clock = ManualClock()
    journal = Journal(make_migration(state="copying"), clock)
    journal.company = company
    began = clock.now()
    for number in range(101):  # 20 s at 5 Hz
        journal.add(reading(began + number * timedelta(seconds=0.2), number))
    assert len(shown) == 101, "the figures themselves tick as ever"
    assert sum("expected_finish" in each for each in shown) == 1 + 20 / seconds


def reading(at: datetime, number: int) -> JobStats:
    return JobStats(
        at=at,
        type=JobType.RUNNING,
        operation="migration_out",
        total_bytes=512 * MIB,
        processed_bytes=number * MIB,
        remaining_bytes=(512 - number) * MIB,
        throughput_bytes_per_s=5.0 * MIB,
        iteration=1,
    )
