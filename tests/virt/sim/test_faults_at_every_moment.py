"""One fault, at every fifth of a second of a migration: where the guest may be afterwards, and where it may not."""

from collections.abc import Callable

import pytest

from hosts.virt.clock import ManualClock
from hosts.virt.errors import VirtError
from hosts.virt.records import DomainState, MigrateSpec
from hosts.virt.sim import faults, service
from hosts.virt.sim.world import World
from tests.virt.sim.worlds import MIB, small_world

MOMENTS = [0.2 * step for step in range(45)]
FAULTS: dict[str, Callable[[World, str], object]] = {
    "nothing": lambda world, uuid: None,
    "abort": lambda world, uuid: service.call(world, "h1", world.hosts["h1"].epoch, "abort_job", {"uuid": uuid}),
    "link cut": lambda world, uuid: faults.cut(world, "h1", "h2"),
    "source daemon killed": lambda world, uuid: faults.restart_daemon(world, "h1"),
    "destination daemon killed": lambda world, uuid: faults.restart_daemon(world, "h2"),
    "source daemon frozen": lambda world, uuid: faults.freeze(world, "h1"),
    "destination daemon frozen": lambda world, uuid: faults.freeze(world, "h2"),
    "guest's QEMU killed": faults.crash_guest,
    "receiving QEMU killed": lambda world, uuid: uuid in world.migrations and faults.kill_destination(world, uuid),
}
#: a fault that ends a QEMU may end the guest; all others must not
FATAL = ("guest's QEMU killed", "receiving QEMU killed")


def _running(world: World, uuid: str) -> list[str]:
    return [name for name, copy in world.copies_of(uuid).items() if copy.status.state is DomainState.RUNNING]


def _play(fault: str, moment: float, *, postcopy: bool, locked: bool = True) -> tuple[int, World, str]:
    """The most copies that ran at once, and the world two minutes later, the fault long mended."""
    world = small_world(ManualClock())
    guest = world.guest_named("busy")
    guest.image_locked = locked
    spec = MigrateSpec(uuid=guest.uuid, destination_uri="sim://h2", bandwidth_bytes_per_s=60 * MIB, postcopy=postcopy)
    with world.present():
        service.call(world, "h1", 1, "migrate", {"spec": spec})
        world.after(moment, lambda: _try(lambda: FAULTS[fault](world, guest.uuid)))
        if postcopy:
            world.after(2.5, lambda: _try(lambda: service.call(world, "h1", 1, "start_postcopy", {"uuid": guest.uuid})))
    most = 0
    for beat in range(480):
        world.clock.sleep(0.25)
        with world.present():
            most = max(most, len(_running(world, guest.uuid)))
            if beat == 300:
                faults.mend(world, "h1", "h2")
                faults.thaw(world, "h1")
                faults.thaw(world, "h2")
    return most, world, guest.uuid


def _try(act: Callable[[], object]) -> None:
    try:
        act()
    except (VirtError, service.NoAnswer):
        return


@pytest.mark.parametrize("postcopy", [False, True], ids=["pre-copy", "post-copy"])
@pytest.mark.parametrize("fault", FAULTS)
def test_it_leaves_one_running_copy(fault: str, postcopy: bool) -> None:
    for moment in MOMENTS:
        most, world, uuid = _play(fault, moment, postcopy=postcopy)
        assert most <= 1, f"two copies ran after {fault} at {moment:.1f} s"
        if fault not in FATAL:
            assert len(_running(world, uuid)) == 1, f"no copy runs after {fault} at {moment:.1f} s"
        assert uuid not in world.migrations, f"the migration never ended after {fault} at {moment:.1f} s"


def test_without_image_locks_a_lost_reply_doubles_the_guest() -> None:
    """H05 and H06, as measured: the reason why Godwit has an arbiter."""
    most = max(_play("destination daemon killed", moment, postcopy=False, locked=False)[0] for moment in MOMENTS)
    assert most == 2


def test_a_dead_half_in_postcopy_is_reported_and_not_healed() -> None:
    _, world, uuid = _play("receiving QEMU killed", 2.7, postcopy=True)
    said = {name: f"{copy.status.state}/{copy.status.reason}" for name, copy in world.copies_of(uuid).items()}
    assert said == {"h1": "paused/postcopy_failed"}
