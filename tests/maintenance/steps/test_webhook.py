"""A webhook step …"""

import json
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from datacenter.maintenance import address
from datacenter.maintenance.steps.webhook import KIND
from datacenter.models import PlanHost
from hosts.virt.clock import ManualClock
from tests.factory import make_host
from tests.maintenance.steps.conftest import drive, make_step, plan_host
from tests.maintenance.steps.receiver import Receiver, receive


@pytest.fixture
def receiver(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_SECRET = "a secret of ours"
    monkeypatch.setattr(address, "_look_up", lambda host, port: ["127.0.0.1"])
    with receive() as server:
        yield server


@pytest.fixture
def place(db: None) -> PlanHost:
    return plan_host(make_host("h1", state="maintenance"))


def test_it_tells_the_receiver_which_host_and_plan(place: PlanHost, receiver: Receiver) -> None:
    step = drive(KIND, make_step(place, "webhook", url=receiver.url))
    assert (step.state, step.because) == ("done", "It was taken at try 1, with 200.")
    assert step.output == "Try 1: It answered 200.\nas you wish\n"
    told = json.loads(receiver.got[0].body)
    assert (told["event"], told["host"]["name"], told["plan"]["title"]) == ("maintenance.step", "h1", "Kernel update")


def test_it_is_tried_again_later_and_later_with_the_same_delivery(place: PlanHost, receiver: Receiver) -> None:
    receiver.answers = [500, 503, 200]
    clock = ManualClock()
    step = make_step(place, "webhook", url=receiver.url)
    tries = []
    while step.state in ("waiting", "running"):
        drive(KIND, step, clock=clock)
        tries.append((clock.monotonic(), len(receiver.got)))
        clock.advance(1.0)
    assert step.state == "done"
    assert [next(at for at, count in tries if count == number) for number in (1, 2, 3)] == [0.0, 2.0, 10.0]
    assert len({got.headers["Godwit-Delivery"] for got in receiver.got}) == 1


def test_it_fails_after_its_tries(place: PlanHost, receiver: Receiver) -> None:
    receiver.answers = [500]
    clock = ManualClock()
    step = make_step(place, "webhook", url=receiver.url, tries=2)
    for _ in range(60):
        if step.state in ("waiting", "running"):
            drive(KIND, step, clock=clock)
        clock.advance(1.0)
    assert (step.state, step.because) == ("failed", "It was not taken after 2 tries: It answered 500.")
    assert len(receiver.got) == 2


def test_it_is_not_tried_again_where_that_cannot_help(place: PlanHost, receiver: Receiver) -> None:
    receiver.answers = ["redirect"]
    step = drive(KIND, make_step(place, "webhook", url=receiver.url))
    assert (step.state, len(receiver.got)) == ("failed", 1)
    assert "after 1 try: It answered 302" in step.because


def test_a_try_whose_worker_ended_counts(place: PlanHost, receiver: Receiver) -> None:
    receiver.answers = [500]
    clock = ManualClock()
    step = drive(KIND, make_step(place, "webhook", url=receiver.url, tries=2), clock=clock)
    step.progress["tried"] = 1
    clock.advance(30.0)
    assert drive(KIND, step, clock=clock).state == "failed"
    assert len(receiver.got) == 2


def test_it_keeps_the_beginning_of_an_endless_answer_only(place: PlanHost, receiver: Receiver) -> None:
    receiver.answers = ["big"]
    step = drive(KIND, make_step(place, "webhook", url=receiver.url))
    assert step.state == "done"
    assert len(step.output) < 5000
