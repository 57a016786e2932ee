"""A policy is refused where it contradicts itself, with the field and a sentence; what is kept is the same policy."""

from dataclasses import replace

import pytest

from hosts.livemigration.policy import (
    GREATEST_BANDWIDTH,
    MIB,
    Contradiction,
    Do,
    Method,
    Policy,
    Step,
    Stuck,
    as_json,
    check,
    from_json,
)
from hosts.livemigration.shipped import PEERS, SHIPPED

GOOD = Policy(method=Method.PASSES, max_downtime_ms=500, initial_downtime_ms=100)


@pytest.mark.parametrize("named", [*SHIPPED, *PEERS], ids=lambda named: named.name)
def test_what_is_shipped_makes_sense_and_survives_the_database(named: object) -> None:
    policy = named.policy  # type: ignore[attr-defined]
    check(policy)
    assert from_json(as_json(policy)) == policy


def test_ovirts_five_have_its_numbers() -> None:
    by_name = {each.name: each.policy for each in SHIPPED}
    schedule = [(step.after, step.value) for step in by_name["Minimal downtime"].steps]
    assert schedule == [(1, 150), (2, 200), (3, 300), (4, 400), (6, 500)]
    assert [step.value for step in by_name["Very large VMs"].steps] == [400, 500, 700, 1000, 1500, 5000]
    assert by_name["Suspend workload if needed"].steps[-1] == Step(after=0, value=5000)
    assert by_name["Post-copy migration"].when_stuck is Stuck.POSTCOPY
    assert [by_name[name].concurrent for name in ("Minimal downtime", "Very large VMs", "Legacy")] == [2, 1, 2]
    assert by_name["Legacy"].steps[-1] == Step(after=42, do=Do.CANCEL)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"concurrent": 0}, "concurrent"),
        ({"bandwidth": MIB - 1}, "bandwidth"),
        ({"bandwidth": GREATEST_BANDWIDTH + 1}, "bandwidth"),
        ({"parallel": 1}, "parallel"),
        ({"parallel": 256}, "parallel"),
        ({"max_downtime_ms": 0, "initial_downtime_ms": None}, "max_downtime_ms"),
        ({"max_downtime_ms": 2_000_001}, "max_downtime_ms"),
        ({"initial_downtime_ms": 501}, "initial_downtime_ms"),
        ({"steps": (Step(after=2, value=200), Step(after=1, value=300))}, "steps"),
        ({"steps": (Step(after=1, value=300), Step(after=2, value=200))}, "steps"),
        ({"steps": (Step(after=1, value=501),)}, "steps"),
        ({"steps": (Step(after=1, do=Do.CANCEL, value=1),)}, "steps"),
        ({"steps": (Step(after=1, do=Do.POSTCOPY),)}, "steps"),
        ({"method": Method.ADAPTIVE, "steps": (Step(after=1, value=200),)}, "steps"),
        ({"postcopy": True, "parallel": 4}, "parallel"),
        ({"compression": True, "parallel": 4}, "compression"),
        ({"when_stuck": Stuck.POSTCOPY}, "when_stuck"),
        ({"otherwise": Stuck.POSTCOPY}, "when_stuck"),
        ({"method": Method.ADAPTIVE, "auto_converge": True, "postcopy": True}, "auto_converge"),
        ({"deadline_s_per_gib": 10, "bandwidth": 100 * MIB}, "deadline_s_per_gib"),
        ({"deadline_s_per_gib": 0}, "deadline_s_per_gib"),
        ({"deadline_s_per_gib": 1, "deadline_least_s": 0}, "deadline_least_s"),
    ],
)
def test_it_refuses_a_contradiction_at_its_field(change: dict[str, object], field: str) -> None:
    check(GOOD)
    with pytest.raises(Contradiction) as refused:
        check(replace(GOOD, **change))  # type: ignore[arg-type]
    assert refused.value.field == field
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("data", [{"method": "magic"}, {"steps": [{"after": "x", "do": "cancel"}]}, {"steps": [7]}])
def test_it_refuses_what_is_no_policy(data: dict[str, object]) -> None:
    with pytest.raises(Contradiction):
        from_json(data)


def test_the_deadline_grows_with_the_memory() -> None:
    policy = Policy(deadline_s_per_gib=150, deadline_least_s=300)
    assert policy.deadline_s(1 << 30) == 300
    assert policy.deadline_s(8 << 30) == 1200
    assert Policy().deadline_s(8 << 30) is None


def test_throttling_comes_last() -> None:
    adaptive = next(each.policy for each in SHIPPED if each.name == "Adaptive")
    assert not adaptive.throttles(postcopy=True)
    assert adaptive.throttles(postcopy=False)
