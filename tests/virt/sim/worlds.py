"""Small simulated worlds for tests: hosts like the lab's, guests whose working set is said in MiB."""

from collections.abc import Iterator

import pytest

from hosts.virt.clock import WALL, Clock
from hosts.virt.records import Disk, Nic
from hosts.virt.sim.guest import SimGuest
from hosts.virt.sim.host import SimHost
from hosts.virt.sim.load import Means, Meter, make_wander
from hosts.virt.sim.local import running, use_world
from hosts.virt.sim.memory import PageClass
from hosts.virt.sim.world import World

MIB = 1 << 20
OLD_MACHINES = frozenset({"pc-q35-7.2", "pc-q35-6.2", "q35", "pc"})


def add_host(world: World, name: str, **changes: object) -> SimHost:
    """A host like the lab's: 330 MiB/s to its peers, QEMU 7.2."""
    facts: dict[str, object] = {
        "cpus": 4,
        "memory_bytes": 16 << 30,
        "machine_types": OLD_MACHINES,
        "bridges": ("br0",),
        "line_bytes_per_s": 330.0 * MIB,
    }
    return world.add_host(SimHost(name=name, uuid=world.uuid_of("host", name), **(facts | changes)))  # type: ignore[arg-type]


def add_guest(
    world: World,
    name: str,
    host: str,
    *,
    memory_mib: float = 512,
    touched_mib: float = 180,
    hot_mib: float = 0,
    rate_mib_s: float = 0,
    sequential: bool = False,
    running: bool = True,
    **changes: object,
) -> SimGuest:
    """A guest that rewrites ``hot_mib`` at ``rate_mib_s``."""
    rng = world.chance("test guest", name)
    meter = Meter(cpu_wave=make_wander(rng), io_wave=make_wander(rng), means=Means(cpu=0.3))
    classes = (PageClass(bytes=hot_mib * MIB, bytes_per_s=rate_mib_s * MIB, sequential=sequential),)
    guest = SimGuest(
        uuid=world.uuid_of("guest", name),
        name=name,
        vcpus=1,
        memory_bytes=int(memory_mib * MIB),
        touched_bytes=int(touched_mib * MIB),
        meter=meter,
        classes=classes,
        disks=(Disk(target="vda", kind="file", source=f"/srv/{name}.qcow2", format="qcow2", cache="none"),),
        nics=(Nic(kind="bridge", source="br0", mac="52:54:00:00:00:01", model="virtio"),),
        **changes,  # type: ignore[arg-type]
    )
    return world.add_guest(guest, host, running=running)


def small_world(clock: Clock, *, seed: int = 1) -> World:
    """Hosts h1, h2, h3 (h3 with a newer QEMU); guests quiet, busy, wild on h1, modern on h3, and off on h1."""
    world = World(clock=clock, seed=seed)
    for name in ("h1", "h2"):
        add_host(world, name)
    add_host(world, "h3", qemu_version="10.0.2", machine_types=OLD_MACHINES | {"pc-q35-10.0"})
    add_guest(world, "quiet", "h1", memory_mib=256, touched_mib=90)
    add_guest(world, "busy", "h1", hot_mib=100, rate_mib_s=20)
    add_guest(world, "wild", "h1", hot_mib=100, rate_mib_s=80)
    add_guest(world, "modern", "h3", machine="pc-q35-10.0")
    add_guest(world, "off", "h1", running=False)
    return world


@pytest.fixture
def sim_world() -> Iterator[World]:
    """A world on the wall's clock that runs by itself; ``sim://h1`` to ``sim://h3`` mean its hosts."""
    world = small_world(WALL)
    with use_world(world), running(world):
        yield world
