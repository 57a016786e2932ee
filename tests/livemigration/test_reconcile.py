"""Hosts against rows, on the simulated datacenter: it …"""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from hosts.lifecycle.request import PowerRefused, request_power
from hosts.livemigration.guardian.process import Guardian
from hosts.livemigration.request import RequestRefused, request_migration
from hosts.models import Doubt, Transition
from hosts.virt.records import DomainState, DomainStatus, PowerVerb
from hosts.virt.sim import faults
from hosts.virt.sim.guest import Copy
from tests.livemigration.conftest import Place
from tests.livemigration.guarding import guarding


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("SECOND_LOOK_S", 0.5), ("DOUBT_SWEEP_S", 0.3), ("REMEDY_S", 0.1)):
        monkeypatch.setattr(f"hosts.livemigration.guardian.reconcile.{name}", seconds)


def second_copy(place: Place, *, state: DomainState, reason: str) -> None:
    """Somebody defined and started it on s2 as well, without Godwit."""
    with place.world.present():
        status = DomainStatus(state=state, reason=reason)
        place.world.hosts["s2"].copies[place.guest.uuid] = Copy(guest=place.guest, status=status)


def until(guardian: Guardian, true: Callable[[], object], *, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        guardian.step()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_is_quiet_where_every_guest_is_once(place: Place) -> None:
    with guarding() as guardian:
        end = time.monotonic() + 1.5
        until(guardian, lambda: time.monotonic() > end)
    assert not Doubt.objects.exists()


@pytest.mark.parametrize(("state", "reason"), [(DomainState.RUNNING, "booted"), (DomainState.PAUSED, "migration")])
def test_it_alarms_of_a_second_copy_and_forbids_everything_until_it_is_gone(
    place: Place, state: DomainState, reason: str
) -> None:
    second_copy(place, state=state, reason=reason)
    with guarding() as guardian:
        until(guardian, Doubt.objects.exists)
        doubt = Doubt.objects.get()
        assert {each["name"]: each["state"] for each in doubt.evidence} == {"s1": "running", "s2": str(state)}
        assert all(each["cpu_time_s"] is not None and each["seen_at"] for each in doubt.evidence)
        for verb in PowerVerb:
            with pytest.raises(PowerRefused, match="two copies"):
                request_power(place.vm, verb, actor="ann")
        with pytest.raises(RequestRefused, match="two copies"):
            request_migration(place.vm, place.destination, actor="ann")
        with place.world.present():
            del place.world.hosts["s2"].copies[place.guest.uuid]
        until(guardian, lambda: Doubt.objects.filter(resolved_at__isnull=False).exists())
    assert Transition.objects.filter(noun="vm", field="doubt").count() == 2
    request_power(place.vm, PowerVerb.SHUTDOWN, actor="ann")


def test_it_ends_the_copy_that_a_person_chose(place: Place) -> None:
    second_copy(place, state=DomainState.RUNNING, reason="booted")
    with guarding() as guardian:
        until(guardian, Doubt.objects.exists)
        Doubt.objects.update(remedy="suspend", remedy_host=place.destination, remedy_by="ann")
        until(guardian, lambda: place.copies()["s2"] == "paused")
        until(guardian, lambda: Doubt.objects.get().remedy == "")
        Doubt.objects.update(remedy="end", remedy_host=place.destination, remedy_by="ann")
        until(guardian, lambda: Doubt.objects.get().resolved_at)
    assert place.copies() == {"s1": "running"}


def test_it_ends_nothing_while_the_other_host_is_silent(place: Place) -> None:
    second_copy(place, state=DomainState.RUNNING, reason="booted")
    with guarding() as guardian:
        until(guardian, Doubt.objects.exists)
        with place.world.present():
            faults.kill_daemon(place.world, "s1")
        Doubt.objects.update(remedy="end", remedy_host=place.destination, remedy_by="ann")
        until(guardian, lambda: Doubt.objects.get().remedy_error)
        assert "Connection refused" in Doubt.objects.get().remedy_error
    assert place.copies()["s2"] == "running"
    assert Doubt.objects.get().resolved_at is None


def test_it_never_ends_the_only_copy(place: Place) -> None:
    second_copy(place, state=DomainState.RUNNING, reason="booted")
    with guarding() as guardian:
        until(guardian, Doubt.objects.exists)
        with place.world.present():
            copy = place.world.hosts["s1"].copies[place.guest.uuid]
            copy.status = replace(copy.status, state=DomainState.SHUTOFF, reason="shutdown")
        Doubt.objects.update(remedy="end", remedy_host=place.destination, remedy_by="ann")
        until(guardian, lambda: Doubt.objects.get().remedy_error or Doubt.objects.get().resolved_at)
    assert place.copies()["s2"] == "running"


def test_only_one_guardian_is_on_duty_and_the_next_takes_over(place: Place) -> None:
    with guarding() as second:
        with guarding() as first:
            first.step()
            second.step()
            assert (first.active(), second.active()) == (True, False)
        second._lease_at = 0.0
        second.step()
        assert second.active()
