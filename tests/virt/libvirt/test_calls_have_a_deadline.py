"""No call lasts longer than its deadline, and a call that hangs costs one thread which is counted."""

import threading
import time
from collections.abc import Iterator

import pytest

from hosts.virt.clock import WALL
from hosts.virt.errors import HostLost, HostTimeout
from hosts.virt.libvirt.deadline import Caller, Task, abandoned_threads

DEADLINE_S = 0.2


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """Calls ``wait`` on it to hang; it is let go at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def caller() -> Iterator[Caller]:
    made = Caller("a host", deadline_s=DEADLINE_S)
    yield made
    made.declare_dead(HostLost("over"))


def _until(true: object, timeout_s: float = 2.0) -> bool:
    end = WALL.monotonic() + timeout_s
    while WALL.monotonic() < end:
        if true():  # type: ignore[operator]
            return True
        WALL.sleep(0.01)
    return False


def test_it_gives_the_value(caller: Caller) -> None:
    assert caller.run(lambda: 42) == 42


def test_it_raises_the_calls_own_error_and_lives_on(caller: Caller) -> None:
    with pytest.raises(ZeroDivisionError):
        caller.run(lambda: 1 // 0)
    assert caller.run(lambda: 1) == 1


def test_it_ends_at_the_deadline_and_makes_the_connection_dead(caller: Caller, hang: threading.Event) -> None:
    began = time.monotonic()
    with pytest.raises(HostTimeout):
        caller.run(hang.wait)
    assert DEADLINE_S <= time.monotonic() - began < DEADLINE_S + 0.3
    assert caller.dead


def test_a_dead_connection_answers_at_once(caller: Caller, hang: threading.Event) -> None:
    with pytest.raises(HostTimeout):
        caller.run(hang.wait)
    began = time.monotonic()
    with pytest.raises(HostTimeout):
        caller.run(lambda: 1)
    assert time.monotonic() - began < 0.05


def test_those_who_wait_behind_a_hung_call_fail_with_it(caller: Caller, hang: threading.Event) -> None:
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            caller.run(hang.wait)
        except HostTimeout as exc:
            failed.append(exc)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S + 1)
    assert len(failed) == 5


def test_calls_run_one_at_a_time(caller: Caller) -> None:
    at_once, most = 0, 0

    def call() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.005)
        at_once -= 1

    threads = [threading.Thread(target=caller.run, args=(call,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_call_that_waited_for_its_turn_does_not_make_the_connection_dead(caller: Caller) -> None:
    def slow() -> None:
        time.sleep(DEADLINE_S * 0.7)

    first = threading.Thread(target=caller.run, args=(slow,))
    first.start()
    time.sleep(0.02)
    with pytest.raises(HostTimeout):
        caller.run(slow)
    first.join()
    assert not caller.dead
    assert caller.run(lambda: 1) == 1


def test_a_hung_thread_is_counted_until_its_call_comes_back(caller: Caller, hang: threading.Event) -> None:
    before = abandoned_threads()
    with pytest.raises(HostTimeout):
        caller.run(hang.wait)
    assert abandoned_threads() == before + 1
    assert not caller.drained(0.01)
    hang.set()
    assert _until(lambda: abandoned_threads() == before)
    assert caller.drained(1)


def test_its_thread_ends_with_the_connection() -> None:
    caller = Caller("a host to be closed", deadline_s=DEADLINE_S)
    caller.run(lambda: 1)
    caller.declare_dead(HostLost("closed"))
    assert _until(lambda: not any("a host to be closed" in thread.name for thread in threading.enumerate()))
    with pytest.raises(HostLost, match="closed"):
        caller.run(lambda: 1)


def test_the_first_reason_stays(caller: Caller) -> None:
    caller.declare_dead(HostTimeout("first"))
    caller.declare_dead(HostLost("second"))
    with pytest.raises(HostTimeout, match="first"):
        caller.run(lambda: 1)


def test_a_task_that_came_back_cannot_be_given_up() -> None:
    task = Task(lambda: 1)
    task.run()
    before = abandoned_threads()
    assert not task.give_up()
    assert abandoned_threads() == before
