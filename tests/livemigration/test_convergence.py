"""What each policy turns, and when: schedules as tables, and what holds for all of them whatever they read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosts.livemigration.adaptive import at_syncs, floor, switch_cost_s
from hosts.livemigration.convergence import decide
from hosts.livemigration.decision import Decision, Facts
from hosts.livemigration.policy import GREATEST_DOWNTIME_MS, Do, Policy, Stuck
from hosts.livemigration.readings import Point
from hosts.livemigration.shipped import ADAPTIVE, NOVA, PEERS, PROXMOX, SHIPPED

MIB = 1 << 20
GIB = 1 << 30
START = datetime(2026, 1, 1, tzinfo=UTC)
BY_NAME = {each.name: each.policy for each in (*SHIPPED, *PEERS)}
SMART = BY_NAME[ADAPTIVE]


def reading(second: float, number: int, *, left: float, sent: float = 0.0, rate: float = 60.0) -> Point:
    """One reading: ``left`` and ``sent`` MiB, ``rate`` MiB/s."""
    return Point(
        at=START + timedelta(seconds=second),
        remaining_bytes=int(left * MIB),
        processed_bytes=int(sent * MIB),
        total_bytes=GIB,
        throughput=rate * MIB,
        dirty_rate=None,
        iteration=number,
    )


def passes(sizes: Sequence[float], *, rate: float = 60.0, first: float = 480.0, kept: float = 13.6) -> list[Point]:
    """Readings at 5 Hz of a migration at ``rate`` MiB/s, whose passes begin with these MiB and end with ``kept``, which
    QEMU's limit leaves: 228 ms at 60 MiB/s. The last one goes to its middle."""
    found, now, sent = [], 0.0, 0.0
    for number, size in enumerate([first, *sizes], start=1):
        left = size
        while left > (size / 2 if number == len(sizes) + 1 else kept):
            found.append(reading(now, number, left=left, sent=sent, rate=rate))
            step = min(0.2 * rate, max(left - kept, 0.1))
            now, sent, left = now + step / rate, sent + step, left - step
    return found


def drive(
    policy: Policy, readings: Sequence[Point], *, memory: int = GIB, **facts: object
) -> list[tuple[float, Decision]]:
    """All that it decides along the way, each obeyed at once."""
    known = Facts(
        elapsed_s=0.0, memory_bytes=memory, max_downtime_ms=policy.initial_downtime_ms or policy.max_downtime_ms
    )
    known = replace(known, **facts)  # type: ignore[arg-type]
    found: list[tuple[float, Decision]] = []
    for number, now in enumerate(readings, start=1):
        elapsed = (now.at - START).total_seconds()
        said = decide(policy, readings[:number], replace(known, elapsed_s=elapsed))
        if said is None:
            continue
        found.append((elapsed, said))
        known = replace(known, taken=known.taken + 1, taken_at_s=elapsed)
        if said.do is not Do.MAX_DOWNTIME:
            break
        known = replace(known, max_downtime_ms=said.value or 0)
    return found


def turned(found: list[tuple[float, Decision]]) -> list[tuple[int, str, int | None]]:
    return [(int(second), said.do.value, said.value) for second, said in found]


def one_pass_each(seconds: float, count: int) -> list[Point]:
    """A pass every so many seconds, read each second; nothing ever shrinks."""
    last = int(seconds * count)
    return [
        reading(s, 1 + int(s / seconds), left=300 - 60 * (s % seconds) / seconds, sent=60.0 * s) for s in range(last)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "Minimal downtime",
            [(20, 150), (30, 200), (40, 300), (50, 400), (70, 500), (80, "cancel")],
        ),
        (
            "Suspend workload if needed",
            [(20, 150), (30, 200), (40, 300), (50, 400), (70, 500), (80, 5000), (90, "cancel")],
        ),
        ("Post-copy migration", [(20, 150), (30, 200), (40, "postcopy")]),
        (
            "Very large VMs",
            [(20, 400), (30, 500), (40, 700), (50, 1000), (70, 1500), (80, 5000), (90, "cancel")],
        ),
        ("Legacy", [(20, 104), (30, 120), (40, 189), (50, 500), (420, "cancel")]),
    ],
)
def test_ovirts_take_a_step_a_look_by_the_number_of_the_pass(name: str, expected: list[tuple[int, object]]) -> None:
    found = turned(drive(BY_NAME[name], one_pass_each(9.9, 60), postcopy_possible=True))
    assert [(second // 10 * 10, value or do) for second, do, value in found] == expected


def test_ovirts_take_none_without_a_new_pass() -> None:
    slow = [reading(s, 1, left=900 - s, sent=float(s)) for s in range(300)]
    assert drive(BY_NAME["Minimal downtime"], slow) == []


def test_post_copy_that_cannot_be_gives_way_to_the_end() -> None:
    found = turned(drive(BY_NAME["Post-copy migration"], one_pass_each(9.9, 20), postcopy_possible=False))
    assert [do for _, do, _ in found] == ["max_downtime", "max_downtime", "cancel"]


def test_novas_rises_by_time_for_each_gib_and_ends_at_its_timeout() -> None:
    readings = [reading(s, 5, left=300, sent=60.0 * s) for s in range(0, 6500, 10)]
    found = turned(drive(NOVA.policy, readings, memory=8 * GIB))
    assert found[:2] == [(600, "max_downtime", 95), (1200, "max_downtime", 140)]
    assert found[9] == (6000, "max_downtime", 500)
    assert found[10] == (6400, "cancel", None)


def test_novas_counts_two_gib_at_least() -> None:
    readings = [reading(s, 5, left=300, sent=60.0 * s) for s in range(0, 400, 10)]
    assert turned(drive(NOVA.policy, readings, memory=GIB // 2))[0][0] == 150


def test_proxmoxs_doubles_after_six_growths() -> None:
    growing = [reading(s, s, left=300 + s, sent=60.0 * s) for s in range(40)]
    found = turned(drive(PROXMOX.policy, growing))
    assert [value for _, _, value in found[:3]] == [200, 400, 800]
    assert 6 <= found[0][0] <= 8
    shrinking = [reading(s, s, left=3000 - s, sent=60.0 * s) for s in range(40)]
    assert drive(PROXMOX.policy, shrinking) == []


def test_adaptive_raises_the_limit_by_what_the_line_takes_once_the_cap_is_lifted() -> None:
    found = drive(SMART, passes([100, 74, 62]), bandwidth=60 * MIB, line=330.0 * MIB, budget_ms=400)
    second, said = found[0]
    assert second <= 1.2
    assert said.do is Do.MAX_DOWNTIME
    assert said.value == pytest.approx(1000 * 0.34 * 330 / 60 / 1.05, rel=0.02)
    assert "330 MiB/s, not 60" in said.because


def test_adaptive_knows_no_lift_without_a_cap_or_a_known_line() -> None:
    for facts in ({"line": 330.0 * MIB}, {"bandwidth": 60 * MIB}):
        found = drive(SMART, passes([19, 18]), budget_ms=400, max_downtime_ms=320, **facts)  # type: ignore[arg-type]
        assert found == []


def test_adaptive_lowers_the_limit_where_the_line_takes_less_than_it_did() -> None:
    """Begun with a lift that the line does not bear: 30 MiB/s flow under a cap of 60."""
    found = drive(SMART, passes([30], rate=30), bandwidth=60 * MIB, line=330.0 * MIB, max_downtime_ms=1500)
    assert found[0][1].value is not None
    assert found[0][1].value < 300
    assert "would pause the guest longer" in found[0][1].because


def test_adaptive_goes_to_post_copy_as_soon_as_the_floor_says_so() -> None:
    found = drive(SMART, passes([400, 400]), dirty_rate_before=400.0 * MIB, postcopy_possible=True)
    second, said = found[-1]
    assert said.do is Do.POSTCOPY
    assert second < 9  # right after the first pass, which takes 8 s
    assert "would never be below" in said.because


def test_adaptive_waits_while_passes_shrink_by_a_steady_share() -> None:
    sizes = [300 * 0.85**n for n in range(10)]
    assert not [
        said
        for _, said in drive(SMART, passes(sizes), postcopy_possible=True, max_downtime_ms=228)
        if said.do is not Do.MAX_DOWNTIME
    ]


def test_adaptive_sees_passes_at_rest() -> None:
    sizes = [100, 80, 70, 66, 64, 65, 64, 64]
    assert drive(SMART, passes(sizes), postcopy_possible=True)[-1][1].do is Do.POSTCOPY


def test_adaptive_cancels_with_a_reason_where_nothing_is_allowed() -> None:
    said = drive(SMART, passes([400, 400]), dirty_rate_before=400.0 * MIB)[-1][1]
    assert said.do is Do.CANCEL
    assert "that needs a pause of" in said.because


def test_adaptive_leaves_throttling_to_go_on() -> None:
    assert drive(SMART, passes([400] * 4), dirty_rate_before=400.0 * MIB, throttles=True, max_downtime_ms=228) == []


def test_adaptive_never_pauses_by_force_unless_the_policy_says_so() -> None:
    wait = replace(SMART, when_stuck=Stuck.WAIT, otherwise=Stuck.WAIT)
    assert drive(wait, passes([400] * 6), dirty_rate_before=400.0 * MIB, max_downtime_ms=228) == []
    pause = replace(SMART, when_stuck=Stuck.PAUSE, otherwise=Stuck.PAUSE)
    said = drive(pause, passes([400] * 6), dirty_rate_before=400.0 * MIB, max_downtime_ms=228)[0][1]
    assert said.value is not None
    assert said.value > 6600  # 400 MiB at 60 MiB/s
    assert "The policy lets it pause to finish." in said.because


def test_post_copy_waits_for_a_steady_link() -> None:
    readings = passes([400, 400])
    stumbling = [
        *readings[:-8],
        *[replace(each, processed_bytes=readings[-9].processed_bytes) for each in readings[-8:]],
    ]
    facts = Facts(
        elapsed_s=12, memory_bytes=GIB, max_downtime_ms=228, dirty_rate_before=400.0 * MIB, postcopy_possible=True
    )
    said = decide(SMART, stumbling, facts)
    assert said is None or said.do is Do.MAX_DOWNTIME


@pytest.mark.parametrize("policy", [SMART, BY_NAME["Minimal downtime"], NOVA.policy])
def test_a_deadline_ends_it_and_never_before(policy: Policy) -> None:
    policy = replace(policy, when_stuck=Stuck.WAIT, otherwise=Stuck.WAIT, deadline_s_per_gib=60, deadline_least_s=100)
    readings = [reading(s, 2, left=20, sent=60.0 * s) for s in range(150)]
    ends = [second for second, said in drive(policy, readings) if said.do is Do.CANCEL]
    assert ends == [100.0]


def test_by_hand_turns_nothing() -> None:
    assert drive(BY_NAME["By hand"], passes([400] * 8), dirty_rate_before=400.0 * MIB, postcopy_possible=True) == []


def test_the_size_at_a_sync_is_found_between_two_readings() -> None:
    before = reading(0.0, 2, left=6, sent=100, rate=330)
    after = reading(0.2, 3, left=140, sent=166, rate=330)  # 66 sent: 6 to the end of the pass, 60 of the new one
    assert at_syncs([before, after], 1)[0] / MIB == pytest.approx(200, abs=1)


def test_a_floor_needs_proof() -> None:
    facts = Facts(elapsed_s=10, memory_bytes=GIB, max_downtime_ms=10)
    assert floor([100.0 * MIB, 85.0 * MIB, 72.0 * MIB, 61.0 * MIB], facts, 60.0 * MIB) in (None, 0.0)
    assert floor([100.0 * MIB], replace(facts, dirty_rate_before=50.0 * MIB), 60.0 * MIB) is None
    proved = floor([500.0 * MIB], replace(facts, dirty_rate_before=500.0 * MIB), 330.0 * MIB)
    assert proved is not None
    assert proved / MIB == pytest.approx(500 * (1 - 330 / 425), abs=1)


def test_the_cost_of_a_switch_over_is_bounded() -> None:
    assert switch_cost_s(()) == 0.06


@settings(max_examples=60, deadline=None)
@given(
    policy=st.sampled_from([each.policy for each in (*SHIPPED, *PEERS)]),
    sizes=st.lists(st.floats(1, 2000), min_size=1, max_size=8),
    rate=st.floats(1, 2000),
    budget=st.integers(1, GREATEST_DOWNTIME_MS) | st.none(),
    line=st.floats(1, 1e5) | st.none(),
    cap=st.integers(1, 5000) | st.none(),
    before=st.floats(0, 5000) | st.none(),
    possible=st.booleans(),
    throttles=st.booleans(),
)
def test_it_stays_within_what_qemu_takes_and_a_schedule_never_lowers(
    policy: Policy,
    sizes: list[float],
    rate: float,
    budget: int | None,
    line: float | None,
    cap: int | None,
    before: float | None,
    possible: bool,
    throttles: bool,
) -> None:
    readings = passes(sizes, rate=rate, first=max(sizes))[-400:]
    facts = {
        "budget_ms": budget,
        "line": line and line * MIB,
        "bandwidth": cap and cap * MIB,
        "dirty_rate_before": before and before * MIB,
        "postcopy_possible": possible,
        "throttles": throttles,
    }
    last = policy.initial_downtime_ms or policy.max_downtime_ms
    for _, said in drive(policy, readings, **facts):
        assert said.because
        if said.do is Do.MAX_DOWNTIME:
            assert said.value is not None
            assert 1 <= said.value <= GREATEST_DOWNTIME_MS
            if policy is not SMART:
                assert said.value > last
            last = said.value
        if said.do is Do.POSTCOPY:
            assert possible


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_it_turns_nothing_that_a_person_has_turned(name: str) -> None:
    readings = passes([400] * 12)
    for kind in Do:
        found = drive(
            BY_NAME[name],
            readings,
            dirty_rate_before=400.0 * MIB,
            postcopy_possible=True,
            turned=frozenset({kind.value}),
        )
        assert kind not in {said.do for _, said in found}
    everything = frozenset(kind.value for kind in Do)
    assert drive(BY_NAME[name], readings, dirty_rate_before=400.0 * MIB, turned=everything) == []
