"""Adaptive between real libvirt hosts with real QEMU: it …"""

import pytest

from deploy.lab import Lab
from hosts.livemigration.request import request_migration
from hosts.livemigration.shipped import ADAPTIVE
from hosts.livemigration.terms import ship
from hosts.models import VM, Adjustment, Migration
from hosts.states import MigrationState
from tests.livemigration.conftest import MIB, LabPlace, walk

pytestmark = pytest.mark.lab

#: dirties faster than 24 MiB/s carry: by QEMU's own 300 ms it copies for ever
ENDLESS = {"memory_mb": 128, "dirty_mb": 48, "dirty_rate": 40, "pattern": "random"}
TEACHER = {"memory_mb": 320, "dirty_mb": 200, "dirty_rate": 60, "pattern": "random"}


def moved(lab_place: LabPlace, vm: VM, **asked: object) -> Migration:
    migration = request_migration(vm, lab_place.hosts["h2"], actor="ann", policy=ship(ADAPTIVE), **asked)  # type: ignore[arg-type]
    supervisor = lab_place.supervise(migration)
    walk(supervisor, seconds=120)
    supervisor.close()
    return Migration.objects.get(pk=migration.pk)


def test_it_moves_an_endless_guest_within_its_budget_once_the_line_is_known(lab: Lab, lab_place: LabPlace) -> None:
    before = moved(lab_place, lab_place.guest("teacher", **TEACHER), max_downtime_ms=1000)
    assert before.state == MigrationState.DONE, before.because
    vm = lab_place.guest("endless", **ENDLESS)
    asked = {"bandwidth": 24 * MIB, "max_downtime_ms": 1000, "postcopy_allowed": False, "auto_converge": False}
    migration = moved(lab_place, vm, **asked)
    assert migration.state == MigrationState.DONE, migration.because
    assert lab.running_on("endless") == ["h2"]
    assert not migration.used_postcopy
    assert migration.pause_ms is not None
    assert migration.pause_ms < 1500  # the budget, and what a machine at its limits adds


def test_it_takes_post_copy_by_itself_where_nothing_is_known_of_the_line(lab: Lab, lab_place: LabPlace) -> None:
    vm = lab_place.guest("hopeless", memory_mb=160, dirty_mb=80, dirty_rate=80, pattern="sequential")
    migration = moved(lab_place, vm, bandwidth=24 * MIB, max_downtime_ms=200)
    assert migration.state == MigrationState.DONE, migration.because
    assert migration.used_postcopy
    order = Adjustment.objects.get(migration=migration, kind=Adjustment.POSTCOPY)
    assert order.actor == "policy Adaptive"
    assert "It would never be below" in order.because
    assert lab.running_on("hopeless") == ["h2"]
