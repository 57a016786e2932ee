"""Every driver takes the same power verbs in the same states, and tells of them in the same words."""

import pytest

from hosts.virt.errors import NoSuchDomain, WrongState
from hosts.virt.records import DomainState, DomainStatus, PowerVerb
from tests.contract.conftest import Heard, Place, wait_until
from tests.contract.test_what_is_there import NOBODY


def test_it_pauses_and_resumes(place: Place) -> None:
    driver = place.open()
    heard = Heard(driver)
    driver.power(place.uuid, PowerVerb.PAUSE)
    assert driver.domain_status(place.uuid) == DomainStatus(state=DomainState.PAUSED, reason="user")
    driver.power(place.uuid, PowerVerb.RESUME)
    assert driver.domain_status(place.uuid) == DomainStatus(state=DomainState.RUNNING, reason="unpaused")
    heard.wait_for("resumed/unpaused")
    assert heard.words() == ["suspended/paused", "resumed/unpaused"]
    assert {event.uuid for event in heard.events} == {place.uuid}


def test_it_powers_off_and_starts(place: Place) -> None:
    driver = place.open()
    heard = Heard(driver)
    driver.power(place.uuid, PowerVerb.POWER_OFF)
    assert driver.domain_status(place.uuid) == DomainStatus(state=DomainState.SHUTOFF, reason="destroyed")
    assert place.uuid in {row.uuid for row in driver.domain_stats()}
    driver.power(place.uuid, PowerVerb.START)
    assert driver.domain_status(place.uuid) == DomainStatus(state=DomainState.RUNNING, reason="booted")
    heard.wait_for("started/booted")
    words = heard.words()
    assert words.index("stopped/destroyed") < words.index("started/booted")


def test_it_asks_the_guest_to_shut_down(place: Place) -> None:
    driver = place.open()
    heard = Heard(driver)
    driver.power(place.uuid, PowerVerb.SHUTDOWN)
    wait_until(
        lambda: driver.domain_status(place.uuid).state == DomainState.SHUTOFF, "the guest shuts down", timeout_s=30
    )
    heard.wait_for("stopped/shutdown")


def test_it_suspends_to_disk_and_a_start_goes_on_from_there(place: Place) -> None:
    driver = place.open()
    heard = Heard(driver)
    driver.power(place.uuid, PowerVerb.SUSPEND)
    assert driver.domain_status(place.uuid) == DomainStatus(state=DomainState.SHUTOFF, reason="saved")
    heard.wait_for("stopped/saved")
    driver.power(place.uuid, PowerVerb.START)
    status = driver.domain_status(place.uuid)
    assert status.state == DomainState.RUNNING
    if place.kind != "test":  # libvirt's test driver boots it anew
        assert "started/restored" in heard.words()


def test_it_refuses_a_verb_that_the_state_forbids(place: Place) -> None:
    driver = place.open()
    _refused(place, PowerVerb.START, PowerVerb.RESUME)
    driver.power(place.uuid, PowerVerb.PAUSE)
    _refused(place, PowerVerb.START, PowerVerb.PAUSE)
    driver.power(place.uuid, PowerVerb.POWER_OFF)
    _refused(place, PowerVerb.SHUTDOWN, PowerVerb.POWER_OFF, PowerVerb.REBOOT, PowerVerb.PAUSE, PowerVerb.RESUME)
    _refused(place, PowerVerb.SUSPEND)
    driver.power(place.uuid, PowerVerb.START)


def _refused(place: Place, *verbs: PowerVerb) -> None:
    driver = place.opened[0]
    before = driver.domain_status(place.uuid)
    for verb in verbs:
        with pytest.raises(WrongState):
            driver.power(place.uuid, verb)
    assert driver.domain_status(place.uuid) == before


@pytest.mark.parametrize("verb", PowerVerb)
def test_it_has_no_verb_for_nobody(place: Place, verb: PowerVerb) -> None:
    with pytest.raises(NoSuchDomain):
        place.open().power(NOBODY, verb)
