"""Counters become rates."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hosts.telemetry.rates import coarse, host_figures, percent, rate, seconds_between, vm_figures
from hosts.virt.records import DomainState, DomainStats, DomainStatus, HostStats

START = datetime(2026, 1, 1, tzinfo=UTC)
RUNNING = DomainStatus(state=DomainState.RUNNING, reason="booted")
counters = st.integers(min_value=0, max_value=2**62)


def reading(at_s: float = 0.0, **counters: float | None) -> DomainStats:
    known: dict[str, object] = {"vcpus": 2, "cpu_time_s": 0.0, "net_rx_bytes": 0, "disk_read_bytes": 0}
    return DomainStats(uuid="u", name="n", at=START + timedelta(seconds=at_s), status=RUNNING, **(known | counters))


def test_it_divides_what_was_counted_by_the_time_between() -> None:
    told = vm_figures(reading(), reading(10, cpu_time_s=5.0, net_rx_bytes=1000, disk_read_bytes=20), elapsed_s=10)
    assert (told.cpu_percent, told.net_rx_rate, told.disk_read_rate) == (25.0, 100.0, 2.0)


def test_it_has_no_rates_from_one_reading_but_what_is_no_rate() -> None:
    told = vm_figures(None, reading(memory_used_bytes=7, rss_bytes=9), elapsed_s=10)
    assert (told.cpu_percent, told.net_rx_rate, told.memory_used_bytes, told.rss_bytes) == (None, None, 7, 9)


def test_it_has_no_rates_over_a_restart_though_a_counter_is_already_past_its_old_value() -> None:
    told = vm_figures(reading(cpu_time_s=90.0), reading(10, cpu_time_s=3.0, net_rx_bytes=10**9), elapsed_s=10)
    assert told.cpu_percent is None
    assert told.net_rx_rate is None


def test_it_has_no_rates_when_somebody_set_the_clock() -> None:
    old, new = reading(), reading(10, cpu_time_s=20.0)
    assert vm_figures(old, new, elapsed_s=40).cpu_percent is None  # set back by half a minute
    assert vm_figures(old, replace(new, at=START - timedelta(seconds=5)), elapsed_s=10).cpu_percent is None
    assert vm_figures(old, new, elapsed_s=10.3).cpu_percent == 100.0  # a late thread is no clock step


def test_it_does_not_know_what_the_daemon_does_not_tell() -> None:
    told = vm_figures(reading(cpu_time_s=None, vcpus=None), reading(10, net_rx_bytes=None), elapsed_s=10)
    assert (told.cpu_percent, told.net_rx_rate, told.disk_read_rate) == (None, None, 0.0)


def test_it_counts_a_host_by_its_own_clock_and_sums_its_vms() -> None:
    old = HostStats(at=START, cpu_busy_s=10, cpu_total_s=100, memory_total_bytes=10, memory_free_bytes=5)
    new = replace(old, at=START + timedelta(seconds=10), cpu_busy_s=20, cpu_total_s=140, memory_free_bytes=4)
    vms = [vm_figures(reading(), reading(10, net_rx_bytes=each), elapsed_s=10) for each in (100, None, 200)]
    told = host_figures(old, new, elapsed_s=10, vms=vms)
    assert (told.cpu_percent, told.memory_free_bytes, told.net_rx_rate, told.net_tx_rate) == (25.0, 4, 30.0, None)


def test_it_says_a_figure_again_when_two_digits_changed() -> None:
    assert [coarse(each) for each in (None, 0, 12.34, 12.4, 0.04, 0.26, 123_456.0)] == [
        None, 0.0, 12.0, 12.0, 0.0, 0.3, 120_000.0,
    ]  # fmt: skip


@given(counters, counters, st.floats(min_value=0.5, max_value=120))
def test_it_is_never_negative_and_none_exactly_when_the_counter_fell(old: int, new: int, seconds: float) -> None:
    told = rate(old, new, seconds)
    assert (told is None) == (new < old)
    assert told is None or told >= 0


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_it_is_a_percentage_or_nothing(busy: float, possible: float) -> None:
    told = percent(busy, possible)
    assert told is None or 0.0 <= told <= 100.0


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_it_never_divides_by_time_that_did_not_pass(wall_s: float, elapsed_s: float) -> None:
    seconds = seconds_between(START, START + timedelta(seconds=wall_s), elapsed_s=elapsed_s)
    assert seconds is None or (seconds >= 0.5 and abs(seconds - elapsed_s) <= 0.5 + 0.2 * seconds)


@given(counters, counters, st.integers(1, 512), st.floats(0, 1e9), st.floats(0, 1e9))
def test_it_never_shows_a_spike(rx: int, rx2: int, vcpus: int, cpu: float, cpu2: float) -> None:
    told = vm_figures(
        reading(cpu_time_s=cpu, net_rx_bytes=rx, vcpus=vcpus),
        reading(10, cpu_time_s=cpu2, net_rx_bytes=rx2, vcpus=vcpus),
        elapsed_s=10,
    )
    assert told.cpu_percent is None or 0 <= told.cpu_percent <= 100
    assert told.net_rx_rate is None or told.net_rx_rate >= 0
