"""Measuring what waits in the queue: it …"""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hosts.livemigration import ahead
from hosts.livemigration.admission import admit_now
from hosts.livemigration.ahead import Ahead
from hosts.livemigration.forecast.records import LONG_S, SHORT_S
from hosts.livemigration.request import request_migration
from hosts.models import VM, Migration, Priority
from hosts.states import MigrationState
from hosts.virt.errors import OperationFailed
from hosts.virt.sim.driver import SimDriver
from tests.factory import make_host, make_migration, make_vm
from tests.livemigration.conftest import MIB, Place, walk

pytestmark = pytest.mark.django_db


class Round:
    """One process that measures; ``until_done`` looks each time a call has come back."""

    def __init__(self, place: Place) -> None:
        self.woken = threading.Event()
        self.ahead = Ahead(pool=place.pool, wake=self.woken.set)

    def look(self) -> None:
        self.woken.clear()
        self.ahead.look()

    def until_done(self, migration: Migration) -> None:
        self.look()
        while ahead.is_measured(migration.pk):
            assert self.woken.wait(30), "the call never came back"
            self.look()


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seconds of every measurement that a host was asked for."""
    asked: list[int] = []
    original = SimDriver.measure_dirty_rate

    def counting(self: SimDriver, uuid: str, seconds: int, **more: Any) -> object:
        asked.append(seconds)
        return original(self, uuid, seconds, **more)

    monkeypatch.setattr(SimDriver, "measure_dirty_rate", counting)
    monkeypatch.setenv("GODWIT_MEASURE_LONG", "1")
    return asked


def queue(place: Place) -> Migration:
    return request_migration(place.vm, place.destination, actor="ann")


def test_it_measures_one_that_waits_and_its_supervisor_takes_that(place: Place, measured: list[int]) -> None:
    migration = queue(place)
    Round(place).until_done(migration)
    assert measured == [SHORT_S, LONG_S]  # 60 MiB at 40 MiB/s: the second tells more
    migration.refresh_from_db()
    assert (migration.state, migration.measuring_until) == (MigrationState.QUEUED, None)
    vm = VM.objects.get(pk=place.vm.pk)
    walk(place.supervise(migration))
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE
    assert measured == [SHORT_S, LONG_S]
    assert migration.dirty_rate_before == vm.dirty_rate
    assert migration.dirty_rate_long_before == vm.dirty_rate_long
    assert migration.expected is not None


def test_it_leaves_a_fresh_measurement_alone_and_makes_an_old_one_again(place: Place, measured: list[int]) -> None:
    place.dirty(1 * MIB, 1 * MIB)
    fresh = timezone.now()
    VM.objects.filter(pk=place.vm.pk).update(dirty_rate=1.0 * MIB, dirty_rate_at=fresh)
    migration = queue(place)
    Round(place).look()
    assert not ahead.is_measured(migration.pk)
    VM.objects.filter(pk=place.vm.pk).update(dirty_rate_at=fresh - timedelta(minutes=2))
    Round(place).until_done(migration)
    assert measured == [SHORT_S]


def test_one_that_gets_its_place_meanwhile_waits_for_what_runs_and_is_not_measured_twice(
    place: Place, measured: list[int]
) -> None:
    migration, round_ = queue(place), Round(place)
    round_.look()
    admit_now()
    supervisor = place.supervise(migration)
    walk(supervisor, lambda: supervisor.state is MigrationState.MEASURING)
    supervisor.step()
    assert (supervisor.state, supervisor.measurement) == (MigrationState.MEASURING, None)
    round_.until_done(migration)
    walk(supervisor)
    assert measured == [SHORT_S, LONG_S]
    assert supervisor.state is MigrationState.DONE


def test_its_supervisor_measures_itself_where_the_worker_that_did_is_gone(place: Place, measured: list[int]) -> None:
    migration = queue(place)
    Migration.objects.filter(pk=migration.pk).update(measuring_until=timezone.now() - timedelta(seconds=1))
    walk(place.supervise(migration))
    migration.refresh_from_db()
    assert measured == [SHORT_S, LONG_S]
    assert migration.state == MigrationState.DONE


def test_a_guest_that_cannot_be_measured_keeps_its_place_and_is_tried_by_its_supervisor(place: Place) -> None:
    migration, round_ = queue(place), Round(place)
    with place.world.present():
        place.world.hosts["s1"].frozen = True
    round_.until_done(migration)
    migration.refresh_from_db()
    assert migration.state == MigrationState.QUEUED
    round_.look()
    assert not ahead.is_measured(migration.pk), "not asked again at once"


def test_it_measures_few_of_a_host_at_once_the_next_in_line_first(place: Place, measured: list[int]) -> None:
    other = make_host("s3", uri="sim://s3/", cluster=place.source.cluster)
    rows = [
        make_migration(make_vm(host=place.source), destination=place.destination, queue_place=n)
        for n in range(9, 0, -1)
    ]
    elsewhere = make_migration(make_vm(host=other), destination=place.destination, queue_place=30)
    Round(place).look()
    Round(place).look()  # another process
    claimed = {row.pk for row in (*rows, elsewhere) if ahead.is_measured(row.pk)}
    next_ones = {row.pk for row in rows if row.queue_place is not None and row.queue_place <= ahead.AT_ONCE}
    assert claimed == {*next_ones, elsewhere.pk}


def test_it_does_not_measure_what_waits_for_its_moment_nor_what_is_down(place: Place, measured: list[int]) -> None:
    later = make_migration(place.vm, destination=place.destination, not_before=timezone.now() + timedelta(minutes=5))
    off = make_migration(make_vm(host=place.source, state="down"), destination=place.destination, offline=True)
    Round(place).look()
    assert not ahead.is_measured(later.pk)
    assert not ahead.is_measured(off.pk)
    assert measured == []


def test_a_drains_move_that_has_its_place_at_once_is_measured_while_its_destination_prepares(
    place: Place, measured: list[int]
) -> None:
    migration = request_migration(place.vm, place.destination, actor="ann", priority=Priority.DRAIN)
    supervisor = place.supervise(migration)
    walk(supervisor, lambda: supervisor.state is MigrationState.STARTING)
    assert supervisor.row.dirty_rate_before is None
    assert supervisor.attempt is not None, "it was asked of libvirt"
    walk(supervisor)
    migration.refresh_from_db()
    assert measured == [SHORT_S]
    assert migration.state == MigrationState.DONE
    assert migration.dirty_rate_before is not None
    assert migration.expected is not None
    assert VM.objects.get(pk=place.vm.pk).dirty_rate == migration.dirty_rate_before


def test_a_drains_move_starts_though_it_cannot_be_measured(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise OperationFailed("no such measurement")

    monkeypatch.setattr(SimDriver, "measure_dirty_rate", refusing)
    migration = request_migration(place.vm, place.destination, actor="ann", priority=Priority.DRAIN)
    walk(place.supervise(migration))
    migration.refresh_from_db()
    assert (migration.state, migration.dirty_rate_before) == (MigrationState.DONE, None)
