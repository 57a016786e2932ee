"""libvirt's dicts become records by name; what is not told is None, never a made-up zero."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.virt.libvirt import stats, words
from hosts.virt.records import DirtyRate, DomainState, DomainStatus, JobType

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_it_reads_a_full_row() -> None:
    row = stats.domain_stats(
        "u",
        "n",
        {
            "state.state": 1,
            "state.reason": 2,
            "cpu.time": 2_500_000_000,
            "vcpu.current": 2,
            "balloon.current": 1024,
            "balloon.available": 1000,
            "balloon.unused": 400,
            "balloon.rss": 2048,
            "net.count": 2,
            "net.0.rx.bytes": 1,
            "net.1.rx.bytes": 2,
            "net.0.tx.bytes": 5,
            "block.count": 2,
            "block.0.rd.bytes": 7,
            "block.1.wr.bytes": 9,
        },
        AT,
    )
    assert row.status == DomainStatus(state=DomainState.RUNNING, reason="migrated")
    assert (row.cpu_time_s, row.vcpus, row.balloon_bytes, row.rss_bytes) == (2.5, 2, 1 << 20, 2 << 20)
    assert row.memory_used_bytes == 600 * 1024
    assert (row.net_rx_bytes, row.net_tx_bytes, row.disk_read_bytes, row.disk_write_bytes) == (3, 5, 7, 9)


def test_what_nowait_leaves_out_is_unknown_and_not_zero() -> None:
    row = stats.domain_stats("u", "n", {"state.state": 1, "state.reason": 1, "block.count": 1, "net.count": 0}, AT)
    assert row.cpu_time_s is None
    assert row.memory_used_bytes is None
    assert row.net_rx_bytes is None
    assert row.disk_read_bytes is None
    assert row.dirty_rate is None


@pytest.mark.parametrize(
    ("raw", "rate"),
    [
        ({"dirtyrate.calc_status": 2, "dirtyrate.megabytes_per_second": 46, "dirtyrate.calc_period": 1}, 46 << 20),
        ({"dirtyrate.calc_status": 1, "dirtyrate.megabytes_per_second": 46, "dirtyrate.calc_period": 1}, None),
        ({"dirtyrate.calc_status": 0}, None),
        ({"dirtyrate.calc_status": 2}, None),
        ({"dirtyrate.calc_status": 2, "dirtyrate.megabytes_per_second": -1}, None),
        ({}, None),
    ],
)
def test_a_dirty_rate_counts_only_once_it_is_measured(raw: dict[str, int], rate: int | None) -> None:
    found = stats.dirty_rate(dict(raw), AT)
    assert found == (None if rate is None else DirtyRate(bytes_per_s=float(rate), period_s=1.0, at=AT))


def test_a_running_job_expects_a_downtime_and_a_completed_one_had_it() -> None:
    running = stats.job_stats({"type": 2, "operation": 5, "downtime": 300, "memory_dirty_rate": 10}, AT)
    assert (running.type, running.operation) == (JobType.RUNNING, "migration_out")
    assert (running.expected_downtime_ms, running.downtime_ms) == (300, None)
    assert running.dirty_rate_bytes_per_s == 40960  # pages a second
    completed = stats.job_stats({"type": 3, "operation": 4, "downtime": 152}, AT)
    assert (completed.expected_downtime_ms, completed.downtime_ms) == (None, 152)


@given(
    st.dictionaries(
        st.sampled_from(["type", "operation", "downtime", "memory_total", "memory_page_size", "errmsg", "success"]),
        st.one_of(st.integers(), st.booleans(), st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    )
)
def test_no_dict_breaks_it(raw: dict[str, int | float | str | bool]) -> None:
    assert stats.job_stats(raw, AT).at == AT


@given(st.integers(-5, 300), st.integers(-5, 300))
def test_numbers_of_a_newer_libvirt_are_unknown_and_no_error(first: int, second: int) -> None:
    status = words.status(first, second)
    assert status.reason
    event, _, detail = words.lifecycle(first, second).partition("/")
    assert event
    assert detail
    assert words.job_operation(first)
    assert words.job_type(first) in JobType


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((3, 1), "suspended/migrated"),
        ((3, 7), "suspended/postcopy"),
        ((3, 8), "suspended/postcopy_failed"),
        ((4, 1), "resumed/migrated"),
        ((4, 3), "resumed/postcopy"),
        ((5, 3), "stopped/migrated"),
        ((5, 5), "stopped/failed"),
        ((2, 1), "started/migrated"),
        ((1, 0), "undefined/removed"),
        ((6, 0), "shutdown/finished"),
        ((8, 0), "crashed/panicked"),
    ],
)
def test_it_says_life_cycle_events_in_words(numbers: tuple[int, int], said: str) -> None:
    assert words.lifecycle(*numbers) == said
