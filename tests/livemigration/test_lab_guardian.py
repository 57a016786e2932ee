"""The guardian against real libvirt and QEMU, whose diskless guests no lock protects: it …

Ids in brackets are the trials of the study of live migration. A host cut off from its peer is cut off from us as well.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.lab import Lab, LabError
from hosts.livemigration.request import adjust, request_migration
from hosts.models import Adjustment, Doubt, Migration
from hosts.states import MigrationState
from hosts.virt.clock import WALL
from hosts.virt.pool import Pool
from hosts.virt.records import DomainEvent
from tests.livemigration.conftest import MIB, LabPlace
from tests.livemigration.guarding import acts, guarding, together
from tests.livemigration.workers import GuardProcess, Worker, eventually

pytestmark = pytest.mark.lab

BUSY = {"memory_mb": 128, "dirty_mb": 32, "dirty_rate": 20, "pattern": "random"}


def fresh(migration: Migration) -> Migration:
    return Migration.objects.get(pk=migration.pk)


def states(lab: Lab, guest: str) -> dict[str, str]:
    """host -> what its daemon says of the guest; hosts that have none or are silent are left out."""
    found = {}
    for host in ("h1", "h2"):
        try:
            found[host] = lab.virsh(host, "domstate", guest, timeout_s=5).strip()
        except LabError:
            continue
    return found


def when(pool: Pool, uri: str, uuid: str, word: str, act: Callable[[], object]) -> list[float]:
    """Do ``act`` at the first event ``word``; the list gets the moment. On a thread: the event loop must not wait."""
    at: list[float] = []

    def hear(event: DomainEvent) -> None:
        if event.detail == word and not at:
            at.append(time.monotonic())
            threading.Thread(target=act).start()

    pool.listen(uri, uuid, hear)
    pool.get(uri)
    return at


def test_it_makes_one_copy_of_two_within_seconds(lab: Lab, lab_place: LabPlace) -> None:
    """H05: the destination's daemon dies as the guest goes on there; the source lets it run as well."""
    vm, h2 = lab_place.guest("mover", **BUSY), lab_place.hosts["h2"]
    migration = request_migration(vm, h2, actor="ann")
    with guarding() as guardian:
        supervisor = lab_place.supervise(migration)
        struck = when(lab_place.pool, h2.uri, str(vm.uuid), "resumed/migrated", lambda: lab.kill_daemon("h2"))
        together(guardian, supervisor, lambda: bool(struck), seconds=60)
        together(guardian, supervisor, lambda: time.monotonic() - struck[0] > 2.0)
        assert lab.running_on("mover") == ["h1", "h2"]  # two QEMU processes
        lab.start_daemon("h2")
        together(guardian, supervisor, lambda: states(lab, "mover").get("h1") == "paused", seconds=10)
        together(guardian, supervisor, seconds=30)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE, migration.because
    assert acts(migration) == ["suspend_source", "end_source"]
    assert lab.running_on("mover") == ["h2"]
    assert states(lab, "mover") == {"h2": "running"}
    assert Doubt.objects.exists()
    lab.await_beat("mover")


def test_it_ends_the_zombie_of_a_source_daemon_killed_at_resume(lab: Lab, lab_place: LabPlace) -> None:
    """H04."""
    vm, h2 = lab_place.guest("mover", **BUSY), lab_place.hosts["h2"]
    migration = request_migration(vm, h2, actor="ann")
    with guarding() as guardian:
        supervisor = lab_place.supervise(migration)
        struck = when(lab_place.pool, h2.uri, str(vm.uuid), "resumed/migrated", lambda: lab.kill_daemon("h1"))
        together(guardian, supervisor, lambda: bool(struck), seconds=60)
        lab.start_daemon("h1")
        together(guardian, supervisor, seconds=40)
    migration.refresh_from_db()
    assert migration.state == MigrationState.DONE, migration.because
    assert acts(migration) == ["end_source"]
    assert lab.running_on("mover") == ["h2"]
    assert states(lab, "mover") == {"h2": "running"}


def test_it_takes_the_guest_back_where_the_link_breaks_at_switch_over(
    lab: Lab, live_lab_place: LabPlace, tmp_path: Path
) -> None:
    """H18: a pause of about 2 s, where libvirt alone takes its keepalive's time (28 s by default).

    The rest has to fit into the sockets' buffers: QEMU 7.2 sends it with its big lock held, and neither tells of its
    job nor takes an abort while it waits for a dead line.
    """
    vm = live_lab_place.guest("mover", memory_mb=128, dirty_mb=8, dirty_rate=2, pattern="random")
    h1 = live_lab_place.hosts["h1"]
    struck = when(live_lab_place.pool, h1.uri, str(vm.uuid), "suspended/migrated", lambda: lab.cut("h2"))
    with Worker(tmp_path / "work.log") as worker, GuardProcess(tmp_path / "guard.log") as guard:
        migration = request_migration(vm, live_lab_place.hosts["h2"], actor="ann", max_downtime_ms=10)
        with lab.watch("mover") as watch:
            eventually(lambda: struck, seconds=60, what=worker.log.read_text)
            eventually(lambda: "abort" in acts(migration), seconds=10, what=guard.log.read_text)
            eventually(lambda: states(lab, "mover").get("h1") == "running", seconds=20, what=guard.log.read_text)
        lab.mend("h2")
        eventually(lambda: fresh(migration).ended_at, seconds=60, what=worker.log.read_text)
    assert fresh(migration).state == MigrationState.FAILED, fresh(migration).because
    assert "stood still" in fresh(migration).because
    assert lab.running_on("mover") == ["h1"]
    assert watch.longest_gap_s < 3.5


def test_it_leaves_post_copy_alone_that_goes_on_after_a_broken_link(
    lab: Lab, live_lab_place: LabPlace, tmp_path: Path
) -> None:
    """G11: the link is cut for five seconds. QEMU goes on when TCP does; a pause would hang (docs/decisions/0006)."""
    vm = live_lab_place.guest("mover", memory_mb=192, dirty_mb=96, dirty_rate=40, pattern="random")
    h2 = live_lab_place.hosts["h2"]
    lab.slow("h2", 50)
    with Worker(tmp_path / "work.log") as worker, GuardProcess(tmp_path / "guard.log") as guard:
        migration = request_migration(vm, h2, actor="ann", bandwidth=4 * MIB, postcopy_allowed=True)
        eventually(lambda: migration.samples.count() > 5, seconds=60, what=worker.log.read_text)
        adjust(migration, Adjustment.POSTCOPY, actor="ben")
        eventually(lambda: fresh(migration).state == MigrationState.POSTCOPY, seconds=30, what=worker.log.read_text)
        lab.cut("h2")
        WALL.sleep(5.0)
        lab.mend("h2")
        eventually(lambda: fresh(migration).ended_at, seconds=150, what=guard.log.read_text)
    assert fresh(migration).state == MigrationState.DONE, fresh(migration).because
    assert "pause_postcopy" not in acts(migration)
    assert lab.running_on("mover") == ["h2"]
    lab.await_beat("mover")
