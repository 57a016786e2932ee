"""Ways of moving a real QEMU guest between real libvirt hosts: it …"""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.lab import Lab
from hosts.livemigration.request import request_migration
from hosts.models import VM, Migration
from hosts.states import MigrationState, VMState
from tests.livemigration.conftest import MIB, LabPlace, walk

pytestmark = pytest.mark.lab

LIGHT = {"memory_mb": 128, "dirty_mb": 16, "dirty_rate": 6, "pattern": "random"}


def moved(lab_place: LabPlace, vm: VM, **asked: object) -> Migration:
    """Ordered to h2 and walked to its end."""
    migration = request_migration(vm, lab_place.hosts["h2"], actor="ann", **asked)  # type: ignore[arg-type]
    supervisor = lab_place.supervise(migration)
    walk(supervisor, seconds=90)
    supervisor.close()
    return Migration.objects.get(pk=migration.pk)


def checks_of(migration: Migration) -> dict[str, str]:
    return {each["check"]: each["outcome"] for each in migration.checks}


def test_it_moves_a_paused_guest_and_leaves_it_paused(lab: Lab, lab_place: LabPlace) -> None:
    vm = lab_place.guest("still", **LIGHT)
    lab.virsh("h1", "suspend", "still")
    VM.objects.filter(pk=vm.pk).update(state=str(VMState.PAUSED))
    vm.refresh_from_db()
    migration = moved(lab_place, vm)
    assert migration.state == MigrationState.DONE, migration.because
    assert lab.running_on("still") == ["h2"]
    assert "paused" in lab.virsh("h2", "domstate", "still")
    beats = len(lab.beats("still"))
    lab.virsh("h2", "resume", "still")
    lab.await_beat("still")
    assert len(lab.beats("still")) > beats


def test_it_keeps_what_was_checked_and_what_was_expected(lab: Lab, lab_place: LabPlace) -> None:
    migration = moved(lab_place, lab_place.guest("seen", **LIGHT), bandwidth=60 * MIB)
    assert migration.state == MigrationState.DONE, migration.because
    found = checks_of(migration)
    assert found["machine_type"] == "passes"
    assert found["memory"] == "passes"
    assert found["keepalive"] == "warns"
    assert "refuses" not in found.values()


@pytest.mark.parametrize(
    "asked", [{"xbzrle": True}, {"parallel": 2, "postcopy_allowed": False}], ids=["xbzrle", "parallel"]
)
def test_it_moves_a_guest_that_way(lab: Lab, lab_place: LabPlace, asked: dict[str, object]) -> None:
    migration = moved(lab_place, lab_place.guest("way", **LIGHT), **asked)
    assert migration.state == MigrationState.DONE, migration.because
    assert lab.running_on("way") == ["h2"]
    lab.await_beat("way")


def test_it_moves_a_transient_guest_and_leaves_no_definition(lab: Lab, lab_place: LabPlace) -> None:
    vm = lab_place.guest("passing", **LIGHT)
    lab.virsh("h1", "undefine", "passing")
    VM.objects.filter(pk=vm.pk).update(persistent=False)
    vm.refresh_from_db()
    migration = moved(lab_place, vm)
    assert migration.state == MigrationState.DONE, migration.because
    assert "passing" not in lab.virsh("h1", "list", "--all", "--name")
    assert "passing" in lab.virsh("h2", "list", "--transient", "--name")


def test_it_says_that_tls_is_not_set_up_and_the_guest_stays(lab: Lab, lab_place: LabPlace) -> None:
    migration = moved(lab_place, lab_place.guest("secret", **LIGHT), tls=True)
    assert migration.state == MigrationState.FAILED
    assert "qemu" in migration.because
    assert checks_of(migration)["tls"] == "warns"
    assert lab.running_on("secret") == ["h1"]
    lab.await_beat("secret")


def test_it_copies_a_disk_that_is_not_shared(lab: Lab, lab_place: LabPlace) -> None:
    vm = lab_place.guest("heavy", **LIGHT)
    for name in ("h1", "h2"):
        image = image_on(lab, name)
        image.parent.mkdir(parents=True, exist_ok=True)
        with image.open("wb") as file:
            file.truncate(64 * MIB)
    with image_on(lab, "h1").open("r+b") as file:
        file.write(b"godwit" * 100_000)
    attach = "attach-disk heavy /var/lib/libvirt/images/heavy.raw vdb --subdriver raw --cache none --live --config"
    lab.virsh("h1", attach)
    migration = moved(lab_place, vm, copy_disks=True, bandwidth=60 * MIB)
    assert migration.state == MigrationState.DONE, migration.because
    assert lab.running_on("heavy") == ["h2"]
    assert image_on(lab, "h2").read_bytes()[:600_000] == b"godwit" * 100_000
    assert (migration.disk_total_bytes or 0) >= 64 * MIB
    assert migration.disk_processed_bytes == migration.disk_total_bytes
    lab.await_beat("heavy")


def image_on(lab: Lab, host: str) -> Path:
    """The disk's image in the host's own /var/lib/libvirt."""
    return lab.plan.state / "hosts" / host / "var/lib/libvirt/images/heavy.raw"


def test_it_sends_memory_to_the_address_on_the_migration_network(lab: Lab, lab_place: LabPlace) -> None:
    vm = lab_place.guest("routed", **LIGHT)
    there = lab_place.hosts["h2"]
    there.migration_address = urlsplit(there.uri).hostname or ""
    there.save(update_fields=["migration_address"])
    migration = moved(lab_place, vm)
    assert migration.state == MigrationState.DONE, migration.because
    assert lab.running_on("routed") == ["h2"]
