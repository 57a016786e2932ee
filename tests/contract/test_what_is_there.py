"""Every driver tells what is there in the same words."""

import uuid as uuids
from datetime import UTC

import pytest

from hosts.virt.errors import NoSuchDomain
from hosts.virt.records import DomainState
from tests.contract.conftest import Place

NOBODY = "00000000-0000-4000-8000-000000000000"


def test_it_knows_its_host(place: Place) -> None:
    facts = place.open().host_facts()
    assert str(uuids.UUID(facts.uuid)) == facts.uuid
    assert facts.hostname
    assert facts.cpus > 0
    assert facts.memory_bytes > 1 << 30
    assert facts.virt_types


def test_it_gives_the_host_the_same_uuid_over_every_connection(place: Place) -> None:
    assert place.open().host_facts().uuid == place.open().host_facts().uuid


def test_it_measures_its_host(place: Place) -> None:
    stats = place.open().host_stats()
    assert stats.at.tzinfo is UTC
    assert 0 <= stats.memory_free_bytes <= stats.memory_total_bytes
    assert stats.cpu_busy_s is None or stats.cpu_total_s is None or 0 <= stats.cpu_busy_s <= stats.cpu_total_s


def test_it_lists_the_guest_as_it_describes_it(place: Place) -> None:
    driver = place.open()
    listed = {domain.uuid: domain for domain in driver.domains()}
    assert listed[place.uuid] == driver.domain(place.uuid)


def test_it_describes_a_guest(place: Place) -> None:
    guest = place.open().domain(place.uuid)
    assert guest.name
    assert guest.persistent
    assert guest.vcpus > 0
    assert 0 < guest.memory_bytes <= guest.max_memory_bytes
    assert guest.virt_type in {"kvm", "qemu", "test"}
    assert guest.xml.lstrip().startswith("<domain")


def test_it_says_state_and_reason(place: Place) -> None:
    driver = place.open()
    status = driver.domain_status(place.uuid)
    assert status.state == DomainState.RUNNING
    assert status.reason
    assert status == driver.domain(place.uuid).status


def test_it_measures_all_guests_at_once(place: Place) -> None:
    driver = place.open()
    rows = {row.uuid: row for row in driver.domain_stats()}
    assert set(rows) == {domain.uuid for domain in driver.domains()}
    assert rows[place.uuid].at.tzinfo is UTC
    assert rows[place.uuid].status == driver.domain_status(place.uuid)


def test_its_counters_only_grow(moving: Place) -> None:
    driver = moving.open()
    first, second = ({row.uuid: row for row in driver.domain_stats()}[moving.uuid] for _ in range(2))
    for name in ("cpu_time_s", "net_rx_bytes", "net_tx_bytes"):
        assert getattr(first, name) is not None
        assert getattr(second, name) >= getattr(first, name)
    assert first.balloon_bytes
    assert second.at >= first.at


@pytest.mark.parametrize("uuid", [NOBODY, "no uuid at all", ""])
def test_it_says_that_it_has_no_such_guest(place: Place, uuid: str) -> None:
    driver = place.open()
    for ask in (driver.domain, driver.domain_status):
        with pytest.raises(NoSuchDomain):
            ask(uuid)
