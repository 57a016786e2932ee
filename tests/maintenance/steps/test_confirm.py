"""A confirmation …"""

from typing import Any

from datacenter.maintenance import steps
from datacenter.models import PlanStep
from hosts.virt.clock import ManualClock
from tests.factory import make_host
from tests.maintenance.steps.conftest import make_step, plan_host


def asked(**params: Any) -> tuple[PlanStep, ManualClock]:
    clock = ManualClock()
    step = make_step(plan_host(make_host("h1", state="maintenance")), "confirm", text="Is the DIMM changed?", **params)
    run(step, clock)
    return step, clock


def run(step: PlanStep, clock: ManualClock) -> PlanStep:
    steps.run(PlanStep.objects.get(pk=step.pk), clock=clock)
    step.refresh_from_db()
    return step


def test_it_asks(db: None) -> None:
    step, _ = asked()
    assert (step.state, step.because, step.deadline_at) == ("asking", "Is the DIMM changed?", None)


def test_it_waits_for_ever_without_a_deadline(db: None) -> None:
    step, clock = asked()
    clock.advance(30 * 86_400.0)
    assert run(step, clock).state == "asking"


def test_it_fails_where_nobody_answers_by_the_deadline(db: None) -> None:
    step, clock = asked(deadline_s=600)
    clock.advance(599.0)
    assert run(step, clock).state == "asking"
    clock.advance(1.0)
    assert run(step, clock).state == "failed"
    assert step.because == "Nobody has confirmed it in time: Is the DIMM changed?"


def test_a_cancelled_one_is_left_alone(db: None) -> None:
    step, clock = asked(deadline_s=1)
    assert steps.cancel(step, because="Cancelled by ann.", actor="ann")
    clock.advance(5.0)
    assert run(step, clock).state == "cancelled"
