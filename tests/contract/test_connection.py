"""Every driver's connection ends the same way: at once where it is closed, in time where nobody answers."""

import time

import pytest

from hosts.virt.connect import connect
from hosts.virt.errors import HostLost, HostTimeout, HostUnreachable
from tests.contract.conftest import DEADLINE_S, Heard, Place


def test_it_is_alive_until_it_is_closed(place: Place) -> None:
    driver = place.open()
    assert driver.alive()
    driver.close()
    assert not driver.alive()
    with pytest.raises(HostLost):
        driver.domains()
    driver.close()


def test_closing_one_connection_leaves_the_others(place: Place) -> None:
    first, second = place.open(), place.open()
    first.close()
    assert second.alive()
    assert second.domains()


def test_it_remembers_its_uri(place: Place) -> None:
    assert place.open().uri == place.uri


def test_it_says_once_that_the_daemon_is_gone(moving: Place) -> None:
    driver = moving.open()
    heard = Heard(driver)
    moving.kill()
    heard.wait_for("connection_lost", timeout_s=3)
    assert not driver.alive()
    with pytest.raises(HostLost):
        driver.host_stats()
    assert heard.words().count("connection_lost") == 1
    assert heard.events[-1].uuid == ""


def test_it_says_that_a_dead_daemon_is_unreachable(moving: Place) -> None:
    moving.kill()
    began = time.monotonic()
    with pytest.raises(HostUnreachable):
        connect(moving.uri, deadline_s=DEADLINE_S)
    assert time.monotonic() - began < DEADLINE_S


def test_a_call_to_a_frozen_daemon_ends_at_the_deadline(moving: Place) -> None:
    driver = moving.open()
    driver.host_stats()
    moving.freeze()
    began = time.monotonic()
    with pytest.raises(HostTimeout):
        driver.host_stats()
    assert time.monotonic() - began < DEADLINE_S + 0.5


def test_opening_a_frozen_daemon_ends_at_the_deadline(moving: Place) -> None:
    moving.freeze()
    began = time.monotonic()
    with pytest.raises(HostTimeout):
        connect(moving.uri, deadline_s=DEADLINE_S)
    assert time.monotonic() - began < DEADLINE_S + 0.5


def test_closing_a_frozen_connection_takes_no_longer_than_a_second(moving: Place) -> None:
    driver = moving.open()
    moving.freeze()
    began = time.monotonic()
    driver.close()
    assert time.monotonic() - began < 1.5


def test_it_opens_again_when_the_daemon_is_back(moving: Place) -> None:
    before = moving.open().domain_status(moving.uuid)
    moving.kill()
    moving.mend()
    after = moving.open().domain_status(moving.uuid)
    assert after.state == before.state
