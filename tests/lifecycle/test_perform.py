"""Doing a power change, on the simulated datacenter: it …"""

from datetime import timedelta

import pytest
from django.utils import timezone

from hosts.lifecycle.request import request_power
from hosts.lifecycle.tasks import abandon_unfinished, perform
from hosts.models import VM, Migration, Operation, Transition
from hosts.states import OperationState
from hosts.virt.connect import connect
from hosts.virt.pool import Pool
from hosts.virt.records import DomainState, PowerVerb
from hosts.virt.sim import faults
from tests.factory import make_migration
from tests.livemigration.conftest import Place, place

__all__ = ["place"]


def order(place: Place, verb: PowerVerb, *, known: str = "up") -> Operation:
    """Ask for it where the row says ``known``, and do it."""
    VM.objects.filter(pk=place.vm.pk).update(state=known)
    operation = request_power(place.vm, verb, actor="ann")
    perform(operation.pk, pool=place.pool)
    operation.refresh_from_db()
    return operation


def test_it_pauses_resumes_powers_off_and_starts(place: Place) -> None:
    for verb, known, then in (
        (PowerVerb.PAUSE, "up", "paused"),
        (PowerVerb.RESUME, "paused", "running"),
        (PowerVerb.POWER_OFF, "up", "shutoff"),
        (PowerVerb.START, "down", "running"),
    ):
        operation = order(place, verb, known=known)
        assert operation.state == OperationState.DONE, operation.because
        assert place.copies() == {"s1": then}
    states = Transition.objects.filter(noun="operation").order_by("id").values_list("new", "actor")
    assert list(states)[:3] == [("queued", "ann"), ("running", "ann"), ("done", "ann")]


def test_it_only_asks_the_guest_to_shut_down_or_reboot(place: Place) -> None:
    for verb in (PowerVerb.REBOOT, PowerVerb.SHUTDOWN):
        operation = order(place, verb)
        assert operation.state == OperationState.DONE
        assert operation.because.startswith("The guest was asked to")


def test_it_fails_where_the_state_changed_meanwhile(place: Place) -> None:
    operation = order(place, PowerVerb.START, known="down")
    assert operation.state == OperationState.FAILED
    assert operation.because
    assert place.copies() == {"s1": "running"}


def test_it_fails_where_the_vm_vanished(place: Place) -> None:
    with place.world.present():
        del place.world.hosts["s1"].copies[place.guest.uuid]
    operation = order(place, PowerVerb.PAUSE)
    assert (operation.state, operation.because) == (OperationState.FAILED, "s1 has no VM db any more.")


def test_it_fails_where_the_host_cannot_be_reached(place: Place) -> None:
    with place.world.present():
        faults.kill_daemon(place.world, "s1")
    operation = order(place, PowerVerb.PAUSE)
    assert operation.state == OperationState.FAILED
    assert operation.because.startswith("s1 cannot be reached, so nothing was asked of it")


def test_it_says_that_the_outcome_is_unknown_where_the_host_is_frozen(place: Place) -> None:
    place.pool = Pool(opener=lambda uri: connect(uri, deadline_s=0.3))
    place.pool.get(place.source.uri)
    with place.world.present():
        faults.freeze(place.world, "s1")
    operation = order(place, PowerVerb.PAUSE)
    assert operation.state == OperationState.FAILED
    assert "whether it was done is not known" in operation.because


def test_it_touches_nothing_where_a_migration_began_meanwhile(place: Place) -> None:
    operation = request_power(place.vm, PowerVerb.POWER_OFF, actor="ann")
    make_migration(place.vm, destination=place.destination)
    perform(operation.pk, pool=place.pool)
    operation.refresh_from_db()
    assert operation.state == OperationState.FAILED
    assert place.copies() == {"s1": "running"}


@pytest.mark.parametrize(
    ("state", "reason"),
    [(DomainState.PAUSED, "migration"), (DomainState.PAUSED, "postcopy"), (DomainState.RUNNING, "postcopy_failed")],
)
def test_it_never_resumes_a_copy_that_is_half_way(place: Place, state: DomainState, reason: str) -> None:
    with place.world.present():
        place.world.set_status("s1", place.guest.uuid, state, reason)
    operation = order(place, PowerVerb.RESUME, known="paused")
    assert operation.state == OperationState.FAILED
    assert "half way between two hosts" in operation.because
    assert place.copies() == {"s1": str(state)}


def test_it_is_done_once(place: Place) -> None:
    operation = order(place, PowerVerb.PAUSE)
    place.pool.get(place.source.uri).power(str(place.vm.uuid), PowerVerb.RESUME)
    perform(operation.pk, pool=place.pool)
    assert place.copies() == {"s1": "running"}


def test_it_ends_what_a_dead_worker_left(place: Place) -> None:
    operation = request_power(place.vm, PowerVerb.PAUSE, actor="ann")
    Operation.objects.filter(pk=operation.pk).update(state="running", state_since=timezone.now())
    assert abandon_unfinished() == 0
    Operation.objects.filter(pk=operation.pk).update(state_since=timezone.now() - timedelta(minutes=2))
    assert abandon_unfinished() == 1
    operation.refresh_from_db()
    assert operation.state == OperationState.FAILED
    assert not Migration.objects.exists()


def test_it_suspends_to_disk_and_starts_again_from_there(place: Place) -> None:
    operation = order(place, PowerVerb.SUSPEND)
    assert operation.state == OperationState.DONE, operation.because
    assert place.copies() == {"s1": "shutoff"}
    assert order(place, PowerVerb.START, known="down").state == OperationState.DONE
    with place.world.present():
        assert place.world.copies_of(place.guest.uuid)["s1"].status.reason == "restored"


def test_it_starts_nothing_where_the_host_began_to_be_emptied_meanwhile(place: Place) -> None:
    place.pool.get(place.source.uri).power(str(place.vm.uuid), PowerVerb.POWER_OFF)
    VM.objects.filter(pk=place.vm.pk).update(state="down")
    operation = request_power(place.vm, PowerVerb.START, actor="ann")
    place.source.state = "preparing"
    place.source.save()
    perform(operation.pk, pool=place.pool)
    operation.refresh_from_db()
    assert operation.state == OperationState.FAILED
    assert "nothing is started there" in operation.because
    assert place.copies() == {"s1": "shutoff"}
