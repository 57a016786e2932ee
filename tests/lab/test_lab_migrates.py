"""A lab's hosts migrate real guests to one another: what every other lab test stands on."""

from __future__ import annotations

import threading
import time

import pytest

from deploy.lab import Lab, LabError

pytestmark = pytest.mark.lab

LONG = {"memory_mb": 128, "dirty_mb": 32, "dirty_rate": 30, "pattern": "random"}
CAP_MIB = "16"  # MiB/s, below the dirty rate above: such a migration never converges


def start_endless(lab: Lab, *flags: str) -> tuple[threading.Thread, list[str]]:
    """Start a migration h1 -> h2 that can't converge; its complaint lands in the list."""
    complaints: list[str] = []

    def move() -> None:
        try:
            lab.migrate("endless", "h1", "h2", "--bandwidth", CAP_MIB, *flags)
        except LabError as exc:
            complaints.append(str(exc))

    lab.guest("endless", "h1", **LONG)
    lab.await_beat("endless")
    thread = threading.Thread(target=move)
    thread.start()
    await_iteration(lab)
    return thread, complaints


def await_iteration(lab: Lab) -> None:
    for _ in range(1200):
        if "Iteration" in lab.virsh("h1", "domjobinfo", "endless", check=False):
            return
        time.sleep(0.05)
    pytest.fail("the migration never reported an iteration")


def test_it_moves_a_guest_between_all_hosts_both_ways(lab: Lab) -> None:
    lab.guest("walker", "h1", dirty_mb=8, dirty_rate=4, nics=("bridge",))
    lab.await_beat("walker")
    for source, destination in (("h1", "h2"), ("h2", "h3"), ("h3", "h1"), ("h1", "h3"), ("h3", "h2"), ("h2", "h1")):
        lab.migrate("walker", source, destination)
        assert lab.running_on("walker") == [destination]
        assert "walker" not in lab.virsh(source, "list", "--all", "--name")
        assert "walker" in lab.virsh(destination, "list", "--persistent", "--name")
    lab.await_beat("walker")
    beats = lab.beats("walker")
    assert len({beat.boot for beat in beats}) == 1
    assert [beat.sequence for beat in beats] == list(range(len(beats))), "a heartbeat was lost on the way"


def test_it_moves_a_guest_with_a_shared_disk_without_being_called_unsafe(lab: Lab) -> None:
    lab.guest("disk", "h1", disk=True)
    lab.await_beat("disk")
    lab.migrate("disk", "h1", "h2")
    assert lab.running_on("disk") == ["h2"]
    lab.await_beat("disk")


def test_it_moves_a_guest_with_a_user_mode_nic(lab: Lab) -> None:
    lab.guest("odd", "h2", nics=("user",))
    lab.await_beat("odd")
    lab.migrate("odd", "h2", "h3")
    assert lab.running_on("odd") == ["h3"]


def test_it_aborts_a_migration_and_the_guest_stays(lab: Lab) -> None:
    thread, complaints = start_endless(lab)
    lab.virsh("h1", "domjobabort", "endless")
    thread.join(120)
    assert complaints
    assert lab.running_on("endless") == ["h1"]
    lab.await_beat("endless")


def test_it_switches_to_postcopy_and_the_guest_arrives(lab: Lab) -> None:
    thread, complaints = start_endless(lab, "--postcopy")
    lab.virsh("h1", "migrate-postcopy", "endless")
    thread.join(120)
    assert complaints == []
    assert lab.running_on("endless") == ["h2"]
    lab.await_beat("endless")


def test_it_measures_a_guests_pause_from_outside(lab: Lab) -> None:
    lab.guest("paused")
    lab.await_beat("paused")
    with lab.watch("paused") as watch:
        lab.virsh("h1", "suspend", "paused")
        time.sleep(0.5)
        lab.virsh("h1", "resume", "paused")
        lab.await_beat("paused")
    assert 0.4 < watch.longest_gap_s < 5
