"""The forecast that ticks on a migration's page, fed with recorded runs as the worker reads them: it …"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from hosts.livemigration.prediction import Forecast, Limits, forecast
from hosts.livemigration.readings import DirtyMeter, Point, point
from hosts.virt.records import JobStats, JobType
from tests.bench.forecast import LOGS
from tests.bench.migration_logs import read

MIB = 1 << 20

pytestmark = pytest.mark.skipif(not LOGS.is_dir(), reason="the recorded migrations lie beside the repository")


def points(name: str) -> Iterator[tuple[float, Point]]:
    """Seconds since the start, and the reading as the journal makes it."""
    lines = [json.loads(text) for text in (LOGS / f"{name}.jsonl").read_text().splitlines()]
    meter = DirtyMeter()
    for line in lines:
        if line["k"] == "s" and line.get("memory_total"):
            stats = job(line)
            yield line["t"] - lines[1]["t"], point(stats, dirty_rate=meter.feed(stats))


def job(line: dict[str, Any]) -> JobStats:
    return JobStats(
        at=datetime.fromtimestamp(line["t"], UTC),
        type=JobType.RUNNING,
        total_bytes=line["memory_total"],
        processed_bytes=line["memory_processed"],
        remaining_bytes=line["memory_remaining"],
        throughput_bytes_per_s=line.get("memory_bps", 0),
        iteration=line["memory_iteration"],
        zero_pages=line["memory_constant"],
        normal_bytes=line["memory_normal_bytes"],
    )


def limits(name: str) -> Limits:
    known = read(LOGS / f"{name}.jsonl").before
    second = next(sample.rate for sample in known.guest.dirty if sample.seconds == 1)
    cap = known.orders.cap
    return Limits(
        max_downtime_ms=known.orders.max_downtime_ms, bandwidth=int(cap) if cap else None, dirty_rate_before=second
    )


def at_pass(name: str, number: int) -> tuple[float, Forecast]:
    """The forecast at the first reading of a pass, and when that was."""
    seen: list[Point] = []
    for at_s, reading in points(name):
        seen.append(reading)
        if reading.iteration >= number:
            found = forecast(seen, limits(name))
            assert found is not None
            return at_s, found
    raise AssertionError(f"{name} had no pass {number}")


def test_tells_the_end_of_recorded_runs_after_their_second_pass() -> None:
    names = [
        "a02_seq100_r20_cap60",
        "a03_seq100_r40_cap60",
        "a08_seq200_r60_cap100",
        "a11_hot200_r80_cap60",
        "a16_1g_rand400_r80_cap120",
        "b01_seq100_r20_line400",
        "b03_rand200_r30_line400",
    ]
    errors: list[float] = []
    for name in names:
        truth = read(LOGS / f"{name}.jsonl").truth.seconds
        assert truth is not None
        at_s, found = at_pass(name, 3)
        assert found.about_s is not None, name
        errors.append(abs(at_s + found.about_s - truth) / truth)
    assert median(errors) < 0.04
    assert max(errors) < 0.15


def test_gives_up_where_the_recorded_run_had_to_be_aborted() -> None:
    _at_s, found = at_pass("a05_seq100_r80_cap60", 4)
    assert found.converges is False
    assert found.floor_bytes == pytest.approx(96 * MIB, rel=0.1)  # 84 to 100 MiB were left each time


def test_runs_down_between_two_answers_of_the_model() -> None:
    """Readings of one second share an answer; the rest shrinks with the clock."""
    seen: list[Point] = []
    rests: list[tuple[float, float]] = []
    for at_s, reading in points("b03_rand200_r30_line400"):
        seen.append(reading)
        if reading.iteration == 2 and at_s < 8:
            found = forecast(seen, limits("b03_rand200_r30_line400"))
            if found is not None and found.seconds is not None:
                rests.append((at_s, found.seconds[0]))
    falls = [earlier[1] - later[1] for earlier, later in pairwise(rests)]
    assert len(falls) > 5
    assert sum(0.05 < fall < 0.2 for fall in falls) >= 0.7 * len(falls)
