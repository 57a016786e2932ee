"""Driving migrations of real QEMU guests between real libvirt hosts: it …"""

from pathlib import Path

import pytest

from deploy.lab import Lab
from hosts.livemigration.request import adjust, request_migration
from hosts.models import VM, Adjustment, Migration
from hosts.states import MigrationState
from tests.livemigration.conftest import MIB, LabPlace, background, walk
from tests.livemigration.workers import Worker, eventually

pytestmark = pytest.mark.lab

#: dirties faster than 24 MiB/s carry: without help it copies for ever
ENDLESS = {"memory_mb": 128, "dirty_mb": 48, "dirty_rate": 40, "pattern": "random"}
CAP = 24 * MIB


def fresh(migration: Migration) -> Migration:
    return Migration.objects.get(pk=migration.pk)


def samples_of(migration: Migration) -> int:
    return migration.samples.count()


def test_it_arrives_with_samples_and_a_measured_pause(lab: Lab, lab_place: LabPlace) -> None:
    vm = lab_place.guest("mover", memory_mb=128, dirty_mb=24, dirty_rate=12, pattern="random")
    migration = request_migration(vm, lab_place.hosts["h2"], actor="ann", bandwidth=40 * MIB)
    supervisor = lab_place.supervise(migration)
    with lab.watch("mover") as watch:
        walk(supervisor, seconds=60)
    supervisor.close()
    migration = fresh(migration)
    assert migration.state == MigrationState.DONE, migration.because
    assert lab.running_on("mover") == ["h2"]
    assert VM.objects.get(pk=vm.pk).host == lab_place.hosts["h2"]
    assert migration.dirty_rate_before
    assert migration.iterations >= 2
    assert migration.pause_ms is not None
    # the guest's own gap holds the pause: a beat is 20 ms
    assert migration.pause_ms / 1000 < watch.longest_gap_s + 0.1
    seconds = (migration.ended_at - migration.started_at).total_seconds()
    assert samples_of(migration) / seconds > 2


def test_it_is_cancelled_and_the_guest_runs_on(lab: Lab, lab_place: LabPlace) -> None:
    migration = request_migration(
        lab_place.guest("endless", **ENDLESS), lab_place.hosts["h2"], actor="ann", bandwidth=CAP
    )
    supervisor = lab_place.supervise(migration)
    walk(supervisor, lambda: samples_of(migration) > 10)
    adjust(migration, Adjustment.CANCEL, actor="ben")
    supervisor.nudge()
    walk(supervisor)
    assert fresh(migration).state == MigrationState.CANCELLED, fresh(migration).because
    assert lab.running_on("endless") == ["h1"]
    lab.await_beat("endless")


def test_it_takes_a_longer_pause_and_more_bandwidth_while_it_runs(lab: Lab, lab_place: LabPlace) -> None:
    migration = request_migration(
        lab_place.guest("endless", **ENDLESS), lab_place.hosts["h2"], actor="ann", bandwidth=CAP
    )
    supervisor = lab_place.supervise(migration)
    walk(supervisor, lambda: samples_of(migration) > 30)
    adjust(migration, Adjustment.BANDWIDTH, 2 * CAP, actor="ben")
    adjust(migration, Adjustment.MAX_DOWNTIME, 3000, actor="ben")
    supervisor.nudge()
    walk(supervisor, seconds=60)
    migration = fresh(migration)
    assert migration.state == MigrationState.DONE, migration.because
    assert (migration.bandwidth, migration.max_downtime_ms) == (2 * CAP, 3000)
    assert not Adjustment.objects.filter(applied_at=None).exists()


def test_it_switches_to_post_copy(lab: Lab, lab_place: LabPlace) -> None:
    migration = request_migration(
        lab_place.guest("endless", **ENDLESS), lab_place.hosts["h2"], actor="ann", bandwidth=CAP
    )
    supervisor = lab_place.supervise(migration)
    walk(supervisor, lambda: samples_of(migration) > 30)
    adjust(migration, Adjustment.POSTCOPY, actor="ben")
    supervisor.nudge()
    walk(supervisor, seconds=60)
    migration = fresh(migration)
    assert migration.state == MigrationState.DONE, migration.because
    assert migration.used_postcopy
    assert migration.pause_ms
    assert lab.running_on("endless") == ["h2"]


def test_it_outlives_its_worker(lab: Lab, live_lab_place: LabPlace, tmp_path: Path) -> None:
    vm = live_lab_place.guest("endless", **ENDLESS)
    with Worker(tmp_path / "first.log") as first, Worker(tmp_path / "second.log") as second:
        migration = request_migration(vm, live_lab_place.hosts["h2"], actor="ann", bandwidth=CAP)
        eventually(lambda: samples_of(migration) > 20, seconds=40, what=first.log.read_text)
        holder = fresh(migration).lease_holder
        victim, heir = (first, second) if holder.endswith(f":{first.process.pid}") else (second, first)
        victim.kill()
        before, seen = fresh(migration), samples_of(migration)
        eventually(lambda: fresh(migration).lease_holder.endswith(f":{heir.process.pid}"), seconds=14)
        assert fresh(migration).lease_epoch == before.lease_epoch + 1
        eventually(lambda: samples_of(migration) > seen + 5, seconds=5, what=heir.log.read_text)
        adjust(migration, Adjustment.BANDWIDTH, None, actor="ben")
        eventually(lambda: MigrationState.of(fresh(migration).state).is_final, seconds=40, what=heir.log.read_text)
        assert fresh(migration).state == MigrationState.DONE, fresh(migration).because
        assert fresh(migration).pause_ms
        assert heir.stop() < 5
    assert lab.running_on("endless") == ["h2"]


def test_it_is_left_and_adopted_at_once_where_a_worker_is_asked_to_stop(
    lab: Lab, live_lab_place: LabPlace, tmp_path: Path
) -> None:
    vm = live_lab_place.guest("endless", **ENDLESS)
    with Worker(tmp_path / "first.log") as first:
        migration = request_migration(vm, live_lab_place.hosts["h2"], actor="ann", bandwidth=CAP)
        eventually(lambda: samples_of(migration) > 10, seconds=40, what=first.log.read_text)
        assert first.stop() < 5
        assert first.process.returncode == 0
        assert fresh(migration).lease_holder == ""
    assert "Iteration" in lab.virsh("h1", "domjobinfo", "endless")
    with Worker(tmp_path / "second.log") as second:
        seen = samples_of(migration)
        eventually(lambda: samples_of(migration) > seen + 5, seconds=6, what=second.log.read_text)
        adjust(migration, Adjustment.CANCEL, actor="ben")
        eventually(lambda: fresh(migration).state == MigrationState.CANCELLED, seconds=10, what=second.log.read_text)


def test_it_follows_what_another_tool_started_and_never_touches_it(lab: Lab, lab_place: LabPlace) -> None:
    vm = lab_place.guest("foreign", memory_mb=128, dirty_mb=16, dirty_rate=5)
    with background(lambda: lab.migrate("foreign", "h1", "h3", "--bandwidth", "24")):
        migration = Migration.objects.create(
            vm=vm,
            source=lab_place.hosts["h1"],
            destination=None,
            ours=False,
            requested_by="outside Godwit",
            state=str(MigrationState.COPYING),
        )
        eventually(lambda: "Iteration" in lab.virsh("h1", "domjobinfo", "foreign", check=False), seconds=20)
        walk(lab_place.supervise(migration), seconds=60)
    migration = fresh(migration)
    assert migration.state == MigrationState.DONE, migration.because
    assert migration.destination == lab_place.hosts["h3"]
    assert samples_of(migration) > 5
    assert migration.pause_ms
    assert VM.objects.get(pk=vm.pk).host == lab_place.hosts["h3"]
