"""A person states that a silent host is switched off: it …"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hosts.lifecycle.off import OffRefused, state_off
from hosts.lifecycle.request import PowerRefused, request_power
from hosts.livemigration.guardian.process import Guardian
from hosts.livemigration.recovery import ABSENT, UNKNOWN
from hosts.livemigration.request import request_migration
from hosts.models import VM, Doubt, Host, Transition
from hosts.states import MigrationState
from hosts.telemetry import hosting
from hosts.virt.records import DomainState, DomainStatus, PowerVerb
from hosts.virt.sim import faults
from hosts.virt.sim.guest import Copy
from tests.livemigration.conftest import MIB, Place, walk
from tests.livemigration.guarding import guarding
from tests.livemigration.test_reconcile import until


def silence(host: Host) -> Host:
    """It has not answered for a minute, and its VMs are unknown."""
    Host.objects.filter(pk=host.pk).update(
        state="non_responsive", answered_at=timezone.now() - timedelta(minutes=1), error="No answer."
    )
    hosting.silent(host.pk, seconds=30)
    return Host.objects.get(pk=host.pk)


def test_its_vms_are_down_and_it_says_who_said_so(place: Place) -> None:
    host = silence(place.source)
    assert VM.objects.get().state == "unknown"
    assert state_off(host, actor="ann") == [place.vm]
    assert VM.objects.get().state == "down"
    told = Transition.objects.filter(field="off", noun="host").get()
    assert (told.actor, told.new) == ("ann", "stated")
    hosting.silent(host.pk, seconds=30)
    assert VM.objects.get().state == "down", "a silence that goes on takes nothing back"


def test_until_then_nothing_of_an_unknown_vm_is_done_anywhere(place: Place) -> None:
    silence(place.source)
    for verb in PowerVerb:
        with pytest.raises(PowerRefused):
            request_power(place.vm, verb, actor="ann")
    with pytest.raises(Exception, match="does not answer"):
        request_migration(VM.objects.get(), place.destination, actor="ann")


def test_it_is_refused_of_a_host_that_answers(place: Place) -> None:
    with pytest.raises(OffRefused, match="answered a moment ago"):
        state_off(place.source, actor="ann")
    host = silence(place.source)
    state_off(host, actor="ann")
    with pytest.raises(OffRefused, match="already, by ann"):
        state_off(host, actor="ben")


def test_its_next_answer_takes_it_back(place: Place) -> None:
    host = silence(place.source)
    state_off(host, actor="ann")
    hosting.answered(Host.objects.get(pk=host.pk))
    host.refresh_from_db()
    assert (host.off_stated_at, host.off_stated_by, host.state) == (None, "", "up")
    assert list(Transition.objects.filter(field="off").order_by("id").values_list("new", flat=True)) == ["stated", ""]


def test_only_who_administers_may_say_so(place: Place, client: Client, django_user_model: type) -> None:
    host = silence(place.source)
    user = django_user_model.objects.create_user("otto", password="x")  # type: ignore[attr-defined]
    client.force_login(user)
    client.post(f"/hosts/{host.pk}/off", {"looked": "on"})
    assert Host.objects.get(pk=host.pk).off_stated_at is None
    boss = django_user_model.objects.create_superuser("ada", password="x")  # type: ignore[attr-defined]
    client.force_login(boss)
    page = client.get(f"/hosts/{host.pk}?tab=checks").content.decode()
    assert "I switched it off" in page
    client.post(f"/hosts/{host.pk}/off")
    assert Host.objects.get(pk=host.pk).off_stated_at is None, "who has not looked cannot say so"
    client.post(f"/hosts/{host.pk}/off", {"looked": "on"})
    assert Host.objects.get(pk=host.pk).off_stated_by == "ada"
    assert "ada states that this host is switched off" in client.get(f"/hosts/{host.pk}?tab=checks").content.decode()


def test_a_supervisor_believes_it_of_a_silent_host_only(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann")
    eyes = place.supervise(migration).eyes
    Host.objects.filter(pk=place.destination.pk).update(off_stated_at=timezone.now())
    with place.world.present() as world:
        world.hosts["s2"].copies[place.guest.uuid] = world.hosts["s1"].copies[place.guest.uuid]
    assert isinstance(eyes.look().destination, DomainStatus), "it speaks: what it says counts"
    with place.world.present() as world:
        faults.kill_daemon(world, "s2")
    assert eyes.look().destination is ABSENT
    assert eyes.look(of_definitions=True).destination is UNKNOWN, "what it has defined outlives its power"


def test_a_migration_whose_destination_was_switched_off_ends_safely(place: Place) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann", bandwidth=20 * MIB)
    supervisor = place.supervise(migration)
    walk(supervisor, lambda: supervisor.state is MigrationState.COPYING)
    with place.world.present() as world:
        faults.kill_daemon(world, "s2")
        world.hosts["s2"].copies.clear()
    walk(supervisor, lambda: supervisor.state is MigrationState.PROBING)
    Host.objects.filter(pk=place.destination.pk).update(off_stated_at=timezone.now(), off_stated_by="ann")
    walk(supervisor)
    migration.refresh_from_db()
    assert migration.state == MigrationState.FAILED
    assert place.copies() == {"s1": "running"}


def test_a_doubt_is_over_once_one_of_its_hosts_is_switched_off(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then nothing is resumed: the silent host may run the newer copy."""
    for name, seconds in (("SECOND_LOOK_S", 0.5), ("DOUBT_SWEEP_S", 0.3), ("REMEDY_S", 0.1)):
        monkeypatch.setattr(f"hosts.livemigration.guardian.reconcile.{name}", seconds)
    with place.world.present() as world:
        status = DomainStatus(state=DomainState.PAUSED, reason="user")
        world.hosts["s2"].copies[place.guest.uuid] = Copy(guest=place.guest, status=status)
    with guarding() as guardian:
        until(guardian, Doubt.objects.exists)
        with place.world.present() as world:
            faults.kill_daemon(world, "s2")
        waits(guardian, lambda: Doubt.objects.filter(resolved_at=None).exists())
        Host.objects.filter(pk=place.destination.pk).update(off_stated_at=timezone.now(), off_stated_by="ann")
        until(guardian, lambda: not Doubt.objects.filter(resolved_at=None).exists())


def waits(guardian: Guardian, true: Callable[[], object]) -> None:
    """For a second it stays so."""
    end = timezone.now() + timedelta(seconds=1)
    until(guardian, lambda: timezone.now() > end)
    assert true()
