"""A lab's guests do what a manager asks of them."""

from __future__ import annotations

import time

import pytest

from deploy.lab import Lab, LabError
from deploy.lab.machine import await_true

pytestmark = pytest.mark.lab


def state_of(lab: Lab, host: str, guest: str) -> str:
    return lab.virsh(host, "domstate", guest)


def dirtied_in(lab: Lab, guest: str, seconds: float) -> float:
    """MiB a second the guest says it has dirtied, by its own clock."""
    lab.await_beat(guest)
    first = lab.beats(guest)[-1]
    time.sleep(seconds)
    last = lab.beats(guest)[-1]
    return (last.dirtied_mib - first.dirtied_mib) / ((last.guest_ms - first.guest_ms) / 1000)


def test_it_refuses_a_name_the_lab_has_not() -> None:
    with pytest.raises(LabError, match="no lab 'nowhere' is up"):
        Lab.find("nowhere")


def test_it_refuses_a_host_the_lab_has_not(lab: Lab) -> None:
    with pytest.raises(LabError, match="no host 'h9'"):
        lab.cut("h9")


def test_it_powers_off_when_the_power_button_is_pressed(lab: Lab) -> None:
    lab.guest("polite")
    lab.await_beat("polite")
    lab.virsh("h1", "shutdown", "polite", "--mode", "acpi")
    await_true("power-off", lambda: state_of(lab, "h1", "polite") == "shut off", timeout_s=90)
    lab.virsh("h1", "start", "polite")
    lab.await_beat("polite")
    assert len({beat.boot for beat in lab.beats("polite")}) == 2


def test_it_boots_anew_at_a_reboot(lab: Lab) -> None:
    lab.guest("again")
    lab.await_beat("again")
    lab.virsh("h1", "reboot", "again")
    await_true("a second boot", lambda: len({beat.boot for beat in lab.beats("again")}) == 2, timeout_s=120)
    assert state_of(lab, "h1", "again") == "running"


def test_it_dirties_memory_at_the_rate_asked_for(lab: Lab) -> None:
    lab.guest("writer", dirty_mb=32, dirty_rate=20, pattern="random")
    rates: list[float] = []
    # A starved guest drops work it could not do: on a busy machine it may need more than one look.
    await_true("20 MiB/s", lambda: rates.append(dirtied_in(lab, "writer", 2)) or rates[-1] > 14, timeout_s=90)
    assert max(rates) < 26


def test_it_changes_the_rate_of_a_running_guest(lab: Lab) -> None:
    lab.guest("writer", dirty_mb=16, dirty_rate=2)
    lab.await_beat("writer")
    lab.dirty("writer", 32, 30, "hot")
    await_true("the new rate", lambda: dirtied_in(lab, "writer", 1) > 20, timeout_s=90)


def test_it_reports_memory_cpu_and_network_figures(lab: Lab) -> None:
    lab.guest("figures", nics=("bridge",))
    lab.await_beat("figures")
    before = lab.virsh("h1", "domstats", "figures")
    for key in ("cpu.time=", "balloon.current=131072", "vcpu.0.time=", "net.0.rx.bytes="):
        assert key in before
    await_true(
        "its pings on the line", lambda: "net.0.tx.bytes=0" not in lab.virsh("h1", "domstats", "figures"), timeout_s=90
    )


def test_it_runs_a_guest_whose_name_is_no_ascii(lab: Lab) -> None:
    lab.guest("фаза-ß-東京")
    lab.await_beat("фаза-ß-東京")
    assert lab.running_on("фаза-ß-東京") == ["h1"]
    assert [guest["name"] for guest in lab.status()["guests"]] == ["фаза-ß-東京"]  # type: ignore[attr-defined]
