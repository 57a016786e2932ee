"""Dirty rate, passes and progress from readings: it …"""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hosts.livemigration.readings import DirtyMeter, Point, passes, progress
from hosts.virt.records import JobStats, JobType

START = datetime(2026, 1, 1, tzinfo=UTC)
MIB = 1 << 20


def job(second: float, iteration: int, remaining: int, sent: int, zero_pages: int = 0) -> JobStats:
    """Remaining and sent in MiB."""
    return JobStats(
        at=START + timedelta(seconds=second),
        type=JobType.RUNNING,
        total_bytes=512 * MIB,
        remaining_bytes=remaining * MIB,
        processed_bytes=sent * MIB,
        normal_bytes=sent * MIB,
        zero_pages=zero_pages,
        iteration=iteration,
    )


def reading(second: float, iteration: int, remaining: int, processed: int, total: int = 512) -> Point:
    return Point(
        at=START + timedelta(seconds=second),
        remaining_bytes=remaining * MIB,
        processed_bytes=processed * MIB,
        total_bytes=total * MIB,
        throughput=60.0 * MIB,
        dirty_rate=None,
        iteration=iteration,
    )


points = st.lists(
    st.tuples(st.integers(0, 600), st.integers(0, 600), st.integers(0, 3), st.sampled_from([0, 512])), max_size=40
).map(lambda rows: [reading(n, n + more, left, done, total) for n, (left, done, more, total) in enumerate(rows)])


def test_it_knows_no_dirty_rate_in_the_first_pass() -> None:
    meter = DirtyMeter()
    assert meter.feed(job(0, 1, 512, 0)) is None
    assert meter.feed(job(1, 1, 450, 60)) is None


def test_it_takes_what_was_dirtied_from_what_remains_after_a_sync() -> None:
    # as recorded (a03: 40 MiB/s in order over 100 MiB, cap 60): 13 MiB left, then 61, with 6 sent in between
    meter = DirtyMeter()
    for second, iteration, remaining, sent in ((0, 1, 96, 180), (0.1, 2, 96, 186), (1.5, 2, 13, 262)):
        meter.feed(job(second, iteration, remaining, sent))
    rate = meter.feed(job(1.6, 3, 61, 268))
    assert rate is not None
    assert 34 < rate / MIB < 38


def test_it_counts_zero_pages_as_dealt_with() -> None:
    meter = DirtyMeter()
    meter.feed(job(0, 1, 100, 0))
    rate = meter.feed(job(1, 2, 50, 60, zero_pages=40 * 256))
    assert rate == 50 * MIB


def test_it_takes_short_passes_together() -> None:
    meter = DirtyMeter()
    meter.feed(job(0, 1, 100, 0))
    first = meter.feed(job(1, 2, 40, 100))
    assert meter.feed(job(1.1, 3, 30, 120)) == first
    assert meter.feed(job(1.6, 4, 20, 150)) == (10 + 20) * MIB / 0.6


def test_it_finds_no_rate_for_the_pass_it_was_adopted_in() -> None:
    meter = DirtyMeter()
    assert meter.feed(job(0, 4, 50, 300)) is None
    assert meter.feed(job(0.5, 5, 80, 330)) is None
    assert meter.feed(job(1.5, 6, 80, 390)) == 60 * MIB


def test_it_lists_passes_with_their_length() -> None:
    found = passes([reading(0, 1, 512, 0), reading(1, 1, 300, 100), reading(2, 2, 90, 200), reading(3, 4, 40, 300)])
    assert [(each.number, each.bytes // MIB, each.seconds) for each in found] == [
        (1, 512, 2.0),
        (2, 90, 1.0),
        (4, 40, None),
    ]


@given(points)
def test_its_progress_never_runs_backwards(history: list[Point]) -> None:
    shares = [progress(history[:length]) for length in range(len(history) + 1)]
    assert shares == sorted(shares)
    assert all(0 <= share <= 0.99 for share in shares)


def test_its_progress_grows_with_what_was_done() -> None:
    assert progress([reading(0, 1, 512, 0)]) == 0
    assert 0.4 < progress([reading(0, 1, 512, 0), reading(4, 1, 256, 200)]) < 0.6
