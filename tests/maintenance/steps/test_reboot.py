"""A reboot …"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datacenter.maintenance import steps
from datacenter.maintenance.steps import reboot
from datacenter.maintenance.steps.reboot import KIND
from datacenter.models import PlanHost, PlanStep
from hosts.virt.clock import WALL, ManualClock
from hosts.virt.sim import door
from hosts.virt.sim.local import running, use_world
from hosts.virt.sim.world import World
from tests.factory import make_host
from tests.maintenance.steps.conftest import Keys, drive, make_step, plan_host
from tests.virt.sim.worlds import add_guest, add_host


@pytest.fixture
def world() -> Iterator[World]:
    world = World(clock=ManualClock())
    add_host(world, "s1", boot_s=60.0)
    with use_world(world):
        yield world


@pytest.fixture
def simulated(world: World, db: None) -> PlanHost:
    return plan_host(make_host("s1", uri="sim://s1/", state="maintenance"))


def go_on(step: PlanStep, clock: ManualClock, seconds: float, *, every: float = 5.0) -> PlanStep:
    """As the runner does, for so long or until it has ended."""
    for _ in range(int(seconds / every)):
        steps.run(PlanStep.objects.get(pk=step.pk), clock=clock)
        step.refresh_from_db()
        if step.state not in ("waiting", "running"):
            break
        clock.advance(every)
    return step


def clock_of(world: World) -> ManualClock:
    assert isinstance(world.clock, ManualClock)
    return world.clock


def test_it_is_done_when_libvirt_answers_on_another_boot(simulated: PlanHost, world: World) -> None:
    clock_of(world).advance(5000.0)
    step = go_on(make_step(simulated, "reboot"), clock_of(world), 300)
    assert step.state == "done"
    assert step.because == "It runs another boot, and libvirt answers, 65 s after the order."
    assert "Another boot answers, with libvirt 9.0.0." in step.output


def test_it_fails_loudly_where_the_host_does_not_come_back(
    simulated: PlanHost, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    door.give("stay-down s1")
    step = go_on(make_step(simulated, "reboot", deadline_s=300), clock_of(world), 3600)
    assert step.state == "failed"
    assert step.because.startswith("The host has not come back from its reboot within 5 min: it does not answer:")
    assert any(record.levelname == "ERROR" and "has not come back" in record.message for record in caplog.records)
    simulated.host.refresh_from_db()
    assert simulated.host.state == "maintenance"


def test_it_fails_where_the_host_takes_the_order_and_does_not_reboot(
    simulated: PlanHost, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reboot.door, "give", lambda order: None)
    step = go_on(make_step(simulated, "reboot", deadline_s=300), clock_of(world), 3600)
    assert (step.state, "the boot that it ran before" in step.because) == ("failed", True)


def test_it_is_refused_while_a_vm_runs_on_the_host_whatever_our_rows_say(simulated: PlanHost, world: World) -> None:
    guest = add_guest(world, "db", "s1")
    step = go_on(make_step(simulated, "reboot"), clock_of(world), 300)
    assert (step.state, step.because) == ("failed", "It was not rebooted: VMs run on it: db.")
    with world.present():
        assert world.hosts["s1"].copies[guest.uuid].active
        assert world.hosts["s1"].boots == 0


def test_it_is_refused_where_the_host_is_not_in_maintenance(simulated: PlanHost, world: World) -> None:
    simulated.host.state = "up"
    simulated.host.save()
    step = go_on(make_step(simulated, "reboot"), clock_of(world), 300)
    assert step.because == "It was not rebooted: s1 is not in maintenance."
    with world.present():
        assert world.hosts["s1"].boots == 0


def test_it_is_refused_where_it_cannot_be_asked_what_runs_on_the_host(simulated: PlanHost, world: World) -> None:
    door.give("kill-daemon s1")
    step = go_on(make_step(simulated, "reboot"), clock_of(world), 300)
    assert (step.state, step.because.startswith("It was not rebooted: ")) == ("failed", True)


def test_it_is_not_ordered_again_by_the_next_worker(simulated: PlanHost, world: World) -> None:
    step = make_step(simulated, "reboot")
    clock_of(world).advance(500.0)
    steps.run(PlanStep.objects.get(pk=step.pk), clock=clock_of(world))
    with world.present():
        boots = world.hosts["s1"].boots
    assert boots == 1
    go_on(step, clock_of(world), 300)  # nothing of the first worker is left but the row
    assert step.state == "done"
    with world.present():
        assert world.hosts["s1"].boots == 2, "down once, up once"


def test_it_is_found_done_by_a_worker_that_comes_long_after(simulated: PlanHost, world: World) -> None:
    step = make_step(simulated, "reboot", deadline_s=120)
    clock_of(world).advance(500.0)
    steps.run(PlanStep.objects.get(pk=step.pk), clock=clock_of(world))
    clock_of(world).advance(7200.0)
    go_on(step, clock_of(world), 10)
    assert step.state == "done"


def test_it_says_so_where_the_worker_ended_before_the_order(simulated: PlanHost, world: World) -> None:
    step = make_step(simulated, "reboot")
    PlanStep.objects.filter(pk=step.pk).update(state="running")
    step.refresh_from_db()
    steps.run(step, clock=clock_of(world))
    assert step.because == "The worker ended before the reboot was ordered. Nothing was done to the host."


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_by_itself_on_the_walls_clock() -> None:
    world = World(clock=WALL)
    add_host(world, "s1", boot_s=2.0)
    with use_world(world), running(world):
        WALL.sleep(2.5)  # a boot that is told apart from the next
        step = make_step(plan_host(make_host("s1", uri="sim://s1/", state="maintenance")), "reboot", deadline_s=30)
        began = time.monotonic()
        steps.run(step)
        assert time.monotonic() - began < 1.0
        while step.state in ("waiting", "running"):
            assert time.monotonic() - began < 25.0
            time.sleep(0.2)
            step.refresh_from_db()
    assert step.state == "done"


# over SSH: the command writes another boot id, as a boot would


@pytest.fixture
def real(keys: Keys, world: World, db: None) -> PlanHost:
    """Its libvirt is simulated; its SSH server is the tests'."""
    host = make_host("s1", uri="sim://s1/", state="maintenance")
    return plan_host(host)


@pytest.fixture
def over_ssh(real: PlanHost, keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Boot ids come from a file; the way is SSH, whatever the URI."""
    boot = tmp_path / "boot_id"
    boot.write_text("one\n")
    with (keys.folder / "ssh.toml").open("a") as file:
        file.write('[hosts.s1]\naddress = "127.0.0.1"\n')
    monkeypatch.setattr(reboot, "BOOT_ID", str(boot))
    monkeypatch.setattr(reboot, "_is_simulated", lambda host: False)
    return boot


def test_it_is_told_by_the_kernels_boot_id_over_ssh(real: PlanHost, over_ssh: Path, world: World) -> None:
    step = make_step(real, "reboot", command=f"echo two > {over_ssh}; kill -9 $PPID")
    assert drive(KIND, step, clock=clock_of(world)).state == "running"
    assert step.progress["boot"] == "one"
    assert drive(KIND, step, clock=clock_of(world)).state == "done"


def test_it_waits_for_libvirt_on_the_new_boot(real: PlanHost, over_ssh: Path, world: World) -> None:
    step = drive(KIND, make_step(real, "reboot", command=f"echo two > {over_ssh}"), clock=clock_of(world))
    door.give("kill-daemon s1")
    assert drive(KIND, step, clock=clock_of(world)).state == "running"
    clock_of(world).advance(1000.0)
    drive(KIND, step, clock=clock_of(world))
    assert (step.state, "libvirt does not answer" in step.because) == ("failed", True)


def test_it_fails_where_the_command_is_refused(real: PlanHost, over_ssh: Path, world: World) -> None:
    step = drive(KIND, make_step(real, "reboot", command="exit 4"), clock=clock_of(world))
    assert (step.state, step.because) == ("failed", "The reboot command ended with exit status 4.")


def test_it_fails_before_anything_where_the_host_key_changed(
    real: PlanHost, over_ssh: Path, world: World, keys: Keys
) -> None:
    (keys.folder / "known_hosts").write_text("")
    step = drive(KIND, make_step(real, "reboot", command=f"echo two > {over_ssh}"), clock=clock_of(world))
    assert (step.state, step.because.startswith("It was not rebooted: ")) == ("failed", True)
    assert over_ssh.read_text() == "one\n"
