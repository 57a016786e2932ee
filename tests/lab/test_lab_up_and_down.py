"""`up` is idempotent and cleans after a crash; `down` leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.lab import Lab, LabError, cli, rooms
from deploy.lab.network import link_exists, named_like
from deploy.lab.processes import Recorded, inside

pytestmark = pytest.mark.lab


@pytest.fixture
def name(standing_lab: Lab) -> Iterator[str]:
    """The name of a second lab, beside the one all tests use."""
    chosen = f"u{os.getpid()}"
    yield chosen
    Lab.remove_all(chosen)


def everything_of(lab: Lab) -> list[Recorded]:
    holders = [holder for host in lab.plan.hosts if (holder := rooms.holder_of(host))]
    pids = [pid for holder in holders for pid in inside(holder.pid)]
    return holders + [found for pid in pids if (found := Recorded.of(pid))]


def traces(lab: Lab) -> list[str]:
    left = [f"process {process.pid}" for process in everything_of(lab)] + named_like(lab.plan.name)
    left += [lab.plan.link] if link_exists(lab.plan.link) else []
    left += [str(lab.plan.state)] if lab.plan.state.exists() else []
    loops = subprocess.run(["losetup", "--list"], capture_output=True, text=True, check=True).stdout
    return left + [line for line in loops.splitlines() if str(lab.plan.state) in line]


def test_it_stands_beside_another_lab(standing_lab: Lab, name: str) -> None:
    other = Lab.up(name=name, hosts=1)
    assert other.plan.subnet != standing_lab.plan.subnet
    assert other.hosts["h1"].host_uuid != standing_lab.hosts["h1"].host_uuid
    assert other.virsh("h1", "hostname") == f"h1.{name}.lab"
    assert standing_lab.virsh("h1", "hostname") == f"h1.{standing_lab.plan.name}.lab"


def test_it_changes_nothing_when_it_is_up_already(name: str) -> None:
    first = Lab.up(name=name, hosts=2, guests=2)
    before = first.status()
    again = Lab.up(name=name, hosts=2, guests=2)
    assert again.status() == before


def test_it_completes_what_was_lost(name: str) -> None:
    lab = Lab.up(name=name, hosts=2)
    lab.kill_daemon("h1")
    lab.power_off("h2")
    Lab.up(name=name, hosts=2)
    assert [host["answers"] for host in lab.status()["hosts"]] == [True, True]  # type: ignore[attr-defined]


def test_it_leaves_nothing_after_down(name: str) -> None:
    lab = Lab.up(name=name, hosts=2)
    lab.guest("frozen", "h1", disk=True, nics=("bridge",))
    lab.stop_daemon("h2")
    before = everything_of(lab)
    assert len(before) == 5
    lab.down()
    assert traces(lab) == []
    assert [process for process in before if process.alive()] == []


def test_it_cleans_after_a_crash(name: str) -> None:
    lab = Lab.up(name=name, hosts=2)
    lab.guest("left")
    before = everything_of(lab)
    for host in lab.plan.hosts:
        holder = rooms.holder_of(host)
        assert holder is not None
        holder.kill()
    again = Lab.up(name=name, hosts=2)
    assert again.status()["guests"] == []
    assert [process for process in before if process.alive()] == []


def test_it_cleans_after_its_state_folder_was_removed(name: str) -> None:
    lab = Lab.up(name=name, hosts=1)
    lab.guest("disk", disk=True)
    before = everything_of(lab)
    shutil.rmtree(lab.plan.state)
    lab.down()
    assert traces(lab) == []
    assert [process for process in before if process.alive()] == []


def test_it_refuses_a_name_that_another_state_folder_has(name: str, tmp_path: Path) -> None:
    Lab.up(name=name, hosts=1)
    with pytest.raises(LabError, match="is up already"):
        Lab.up(name=name, hosts=1, state=tmp_path)
    with pytest.raises(LabError, match="is up already"):
        Lab.remove_all(name, state=tmp_path)


@pytest.mark.parametrize("bad", ["Capital", "far-too-long-a-name", "", "1st"])
def test_it_refuses_a_name_no_link_can_have(standing_lab: Lab, bad: str) -> None:
    with pytest.raises(LabError, match="a lab's name is"):
        Lab.up(name=bad)


def test_it_never_signals_a_pid_that_is_someone_else_by_now() -> None:
    me = Recorded.of(os.getpid())
    assert me is not None
    former = Recorded(pid=me.pid, start=me.start - 1)
    assert not former.alive()
    assert not former.send(signal.SIGKILL)


def test_it_never_signals_a_pid_of_the_machines_former_life(tmp_path: Path) -> None:
    me = Recorded.of(os.getpid())
    assert me is not None
    me.save(tmp_path / "holder")
    assert Recorded.load(tmp_path / "holder") == me
    tmp_path.joinpath("holder").write_text(f"{me.pid} {me.start} another-boot\n")
    assert Recorded.load(tmp_path / "holder") is None


def test_it_takes_in_more_hosts_while_it_stands(name: str) -> None:
    Lab.up(name=name, hosts=1)
    lab = Lab.up(name=name, hosts=2)
    lab.guest("mover")
    lab.await_beat("mover")
    lab.migrate("mover", "h1", "h2")
    assert lab.running_on("mover") == ["h2"]


def test_it_says_in_one_line_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--name", "nowhere"]) == 1
    assert capsys.readouterr().err == "lab: no lab 'nowhere' is up\n"
