"""A lab's faults hit what they are aimed at, nothing else, and can be undone."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.lab import Lab, LabError
from deploy.lab.daemon import listens
from deploy.lab.machine import await_true

pytestmark = pytest.mark.lab


def answers(lab: Lab, host: str, timeout_s: float = 4) -> bool:
    try:
        lab.virsh(host, "list", timeout_s=timeout_s)
    except LabError:
        return False
    return True


def reachable(lab: Lab) -> list[str]:
    return [host for host in lab.hosts if answers(lab, host)]


@pytest.mark.parametrize("fault", ["cut", "drop", "stop_daemon"])
def test_it_silences_one_host_and_gives_it_back(lab: Lab, fault: str) -> None:
    getattr(lab, fault)("h2")
    assert reachable(lab) == ["h1", "h3"]
    lab.mend("h2")
    assert answers(lab, "h2", timeout_s=60)


def test_it_says_nothing_at_all_of_dropped_packets(lab: Lab) -> None:
    lab.drop("h1")
    with pytest.raises(LabError, match="no answer within 5 s"):
        lab.virsh("h1", "list", timeout_s=5)


def test_it_names_a_missing_route_to_a_host_that_was_cut(lab: Lab) -> None:
    lab.cut("h1")
    with pytest.raises(LabError, match="No route to host"):
        lab.virsh("h1", "list", timeout_s=20)


def test_it_leaves_a_frozen_daemons_port_open(lab: Lab) -> None:
    lab.stop_daemon("h3")
    assert listens(lab.plan.hosts[2])
    assert not answers(lab, "h3")


def test_it_kills_a_daemon_and_its_guests_live_on(lab: Lab) -> None:
    lab.guest("survivor", "h2")
    lab.await_beat("survivor")
    lab.kill_daemon("h2")
    assert not listens(lab.plan.hosts[1])
    lab.await_beat("survivor")
    lab.start_daemon("h2")
    assert lab.virsh("h2", "domstate", "survivor") == "running"
    assert len({beat.boot for beat in lab.beats("survivor")}) == 1


def test_it_kills_a_guest(lab: Lab) -> None:
    lab.guest("victim", "h1")
    lab.await_beat("victim")
    lab.kill_guest("victim")
    assert lab.running_on("victim") == []
    time.sleep(0.5)
    assert lab.virsh("h1", "domstate", "victim", "--reason") == "shut off (crashed)"


def test_it_takes_a_hosts_power_and_gives_it_back(lab: Lab) -> None:
    lab.guest("lost", "h3")
    lab.await_beat("lost")
    lab.power_off("h3")
    assert lab.running_on("lost") == []
    with pytest.raises(LabError, match="No route to host"):
        lab.virsh("h3", "list", timeout_s=20)
    lab.power_on("h3")
    assert lab.virsh("h3", "domstate", "lost") == "shut off"


def test_it_has_daemons_that_miss_a_silent_peer_within_seconds(lab: Lab) -> None:
    """Only with the keepalive the lab configures: libvirt's own default takes 28 s (migration.md, F08 and H19)."""
    lab.guest("mover", "h1", dirty_mb=32, dirty_rate=30, pattern="random")
    lab.await_beat("mover")
    with ThreadPoolExecutor(1) as pool:
        move = pool.submit(lab.migrate, "mover", "h1", "h2", "--bandwidth", "8")
        await_true("its memory to flow", lambda: "Unbounded" in lab.virsh("h1", "domjobinfo", "mover"), timeout_s=60)
        lab.cut("h2")
        started = time.monotonic()
        with pytest.raises(LabError):
            move.result(timeout=60)
    assert time.monotonic() - started < 20
    assert lab.running_on("mover")[0] == "h1"
    lab.await_beat("mover")


def test_it_slows_a_line(lab: Lab) -> None:
    lab.guest("heavy", "h1", dirty_mb=32)
    lab.await_beat("heavy")
    lab.slow("h1", 80)  # 10 MiB/s, less what headers take
    started = time.monotonic()
    lab.migrate("heavy", "h1", "h2")
    slow_s = time.monotonic() - started
    lab.slow("h1", 0)
    started = time.monotonic()
    lab.migrate("heavy", "h2", "h1")
    assert slow_s > 2 * (time.monotonic() - started)
