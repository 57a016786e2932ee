"""A VM that moves keeps its row; only its host changes."""

import threading
from contextlib import suppress

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from hosts.models import VM, Migration, Transition
from hosts.states import MigrationState, VMState
from hosts.virt.clock import WALL
from hosts.virt.connect import connect
from hosts.virt.errors import MigrationAborted
from hosts.virt.records import DomainState, EventKind, MigrateSpec
from hosts.virt.sim.world import World
from tests.factory import make_migration
from tests.telemetry.collecting import NO_BEAT, add, all_up, collecting, host, until, vm

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(name: str, source: str, destination: str, **changes: object) -> threading.Thread:
    """Somebody migrates it by another tool; the thread ends with the migration."""
    spec = MigrateSpec(uuid=str(vm(name).uuid), destination_uri=f"sim://{destination}/", **changes)  # type: ignore[arg-type]
    driver = connect(f"sim://{source}/")

    def run() -> None:
        with suppress(MigrationAborted):
            driver.migrate(spec)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def moves(row: VM) -> list[tuple[str, str]]:
    return list(Transition.objects.filter(noun="vm", row=row.pk, field="host").values_list("old", "new"))


def states(row: VM) -> list[str]:
    return list(
        Transition.objects.filter(noun="vm", row=row.pk, field="state").order_by("id").values_list("new", flat=True)
    )


def test_it_changes_the_host_and_nothing_else(world: World) -> None:
    add("h1", "h2")
    with collecting(NO_BEAT):
        all_up("h1", "h2")
        before = vm("busy")
        thread = migrate("busy", "h1", "h2")
        until(lambda: vm("busy").host.name == "h2", what="moved")
        thread.join(60)
        WALL.sleep(0.3)
    after = vm("busy")
    assert moves(after) == [("h1", "h2")]
    assert states(after) == ["up"]  # neither paused for the hand-over nor missing at any moment
    assert (after.pk, after.uuid, after.name, after.up_since, after.first_seen_at) == (
        before.pk, before.uuid, before.name, before.up_since, before.first_seen_at,
    )  # fmt: skip
    assert VM.objects.count() == 4


def test_it_leaves_the_row_on_the_source_while_both_hosts_have_it(world: World) -> None:
    add("h1", "h2")
    with collecting(NO_BEAT):
        all_up("h1", "h2")
        migrate("wild", "h1", "h2", bandwidth_bytes_per_s=20 << 20)
        uuid = str(vm("wild").uuid)
        until(lambda: len(world.copies_of(uuid)) == 2, what="two copies")
        WALL.sleep(1.0)
        assert (vm("wild").host.name, vm("wild").state) == ("h1", VMState.UP)
        driver = connect("sim://h1/")
        driver.abort_job(uuid)
        until(lambda: len(world.copies_of(uuid)) == 1, what="aborted")
        WALL.sleep(0.3)
    assert (vm("wild").host.name, states(vm("wild")), moves(vm("wild"))) == ("h1", ["up"], [])


def test_it_makes_a_row_for_a_migration_that_somebody_else_started(world: World) -> None:
    add("h1", "h2")
    with collecting(NO_BEAT):
        all_up("h1", "h2")
        migrate("wild", "h1", "h2", bandwidth_bytes_per_s=30 << 20)
        until(Migration.objects.exists, what="a row")
        until(lambda: Migration.objects.get().destination, what="its destination")
    row = Migration.objects.get()
    assert (row.vm, row.source, row.destination) == (vm("wild"), host("h1"), host("h2"))
    assert (row.ours, row.requested_by, row.state) == (False, "outside Godwit", MigrationState.COPYING)
    job = ProcrastinateJob.objects.latest("id")
    assert (job.task_name, job.args, job.lock) == (
        "hosts.livemigration.tasks.drive", {"migration_id": row.pk}, f"vm:{row.vm_id}",
    )  # fmt: skip


def test_it_keeps_the_moments_of_our_own_migration(world: World) -> None:
    add("h1", "h2")
    with collecting(NO_BEAT):
        all_up("h1", "h2")
        make_migration(vm("busy"), destination=host("h2"), state=MigrationState.COPYING)
        thread = migrate("busy", "h1", "h2")
        thread.join(60)
        until(lambda: Migration.objects.get().libvirt_downtime_ms is not None, what="libvirt's downtime")
        until(lambda: vm("busy").host.name == "h2", what="moved")
    row = Migration.objects.get()  # and no second one, as from outside
    assert row.ours
    assert row.suspended_at < row.resumed_at
    assert 0.005 < (row.resumed_at - row.suspended_at).total_seconds() < 5
    assert row.iterations >= 1


def test_it_forgets_a_standstill_that_ended_on_the_source(world: World) -> None:
    add("h1", "h2")
    with collecting(NO_BEAT):
        all_up("h1", "h2")
        make_migration(vm("busy"), destination=host("h2"), state=MigrationState.COPYING)
        with world.present():
            world.emit("h1", EventKind.LIFECYCLE, world.guest_named("busy"), "suspended/migrated")
        until(lambda: Migration.objects.get().suspended_at, what="suspended_at")
        with world.present():
            world.emit("h1", EventKind.LIFECYCLE, world.guest_named("busy"), "resumed/unpaused")
        until(lambda: Migration.objects.get().suspended_at is None, what="no suspended_at")


def test_it_does_not_take_a_definition_left_behind_for_a_move(world: World) -> None:
    add("h1", "h2")
    with collecting():
        all_up("h1", "h2")
        uuid = str(vm("busy").uuid)
        with world.present():
            copy = world.hosts["h1"].copies[uuid]
            world.hosts["h2"].copies[uuid] = type(copy)(guest=copy.guest, status=copy.status)
            world.set_status("h2", uuid, DomainState.SHUTOFF, "unknown")
            world.emit("h2", EventKind.LIFECYCLE, copy.guest, "defined/added")
        WALL.sleep(1.5)
    assert (vm("busy").host.name, vm("busy").state, moves(vm("busy"))) == ("h1", VMState.UP, [])


def test_it_says_loudly_that_a_vm_runs_twice_and_keeps_its_row(world: World, caplog: pytest.LogCaptureFixture) -> None:
    add("h1", "h2")
    with collecting():
        all_up("h1", "h2")
        uuid = str(vm("busy").uuid)
        with world.present():
            copy = world.hosts["h1"].copies[uuid]
            world.hosts["h2"].copies[uuid] = type(copy)(guest=copy.guest, status=copy.status)
            world.emit("h2", EventKind.LIFECYCLE, copy.guest, "started/booted")
        until(lambda: Transition.objects.filter(field="copies").exists(), what="the note")
        WALL.sleep(2.0)
    assert (vm("busy").host.name, vm("busy").state) == ("h1", VMState.UP)
    assert Transition.objects.get(field="copies").new == "h1 and h2"  # said once, not with every beat
    loud = [record for record in caplog.records if getattr(record, "action", "") == "two_copies"]
    assert [record.levelname for record in loud] == ["CRITICAL"]


def test_it_shows_a_guest_as_paused_that_stands_still_for_long(world: World) -> None:
    add("h1")
    with collecting(NO_BEAT):
        all_up("h1")
        with world.present():
            world.set_status("h1", str(vm("busy").uuid), DomainState.PAUSED, "migration")
            world.emit("h1", EventKind.LIFECYCLE, world.guest_named("busy"), "suspended/migrated")
        WALL.sleep(1.0)
        assert vm("busy").state == VMState.UP
        until(lambda: vm("busy").state == VMState.PAUSED, what="paused")
