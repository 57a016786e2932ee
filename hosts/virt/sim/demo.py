"""The Simulated data center of the demo: 3 clusters, 40 hosts, 600 VMs, always the same for a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from hosts.virt.clock import Clock
from hosts.virt.records import Disk, Nic
from hosts.virt.sim.guest import SimGuest
from hosts.virt.sim.host import LINE_EFFICIENCY, SimHost
from hosts.virt.sim.load import Means, Meter, make_wander
from hosts.virt.sim.memory import PageClass
from hosts.virt.sim.world import World

_GIB = 1 << 30
_MIB = 1 << 20
_GBIT = 1e9 / 8.0

_OLD_MACHINES = frozenset({"pc-i440fx-7.2", "pc-q35-6.2", "pc-q35-7.2", "pc", "q35"})
_ALL_MACHINES = _OLD_MACHINES | {"pc-q35-8.2", "pc-q35-9.2", "pc-q35-10.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A kind of VM: what it is called, how big it is (GiB), how much it computes and writes."""

    name: str
    weight: int
    memory_gib: tuple[int, ...]
    vcpus: tuple[int, ...]
    busy: float  # average share of its vCPUs
    dirty_mib_s: tuple[float, float]  # lowest and highest average write rate of its working set
    io_mib_s: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlan:
    """One cluster of the demo. The last ``old_hosts`` of its hosts have an older QEMU."""

    name: str
    prefix: str
    hosts: int
    guests: int
    cpus: int
    memory_gib: int
    line_gbit: float
    cpu_model: str
    product: tuple[str, str]
    roles: tuple[Role, ...]
    sites: tuple[str, ...]
    old_hosts: int = 0


def _role(name: str, weight: int, gib: tuple[int, ...], vcpus: tuple[int, ...], busy: float, dirty: float) -> Role:
    return Role(
        name=name, weight=weight, memory_gib=gib, vcpus=vcpus, busy=busy, dirty_mib_s=(dirty / 3.0, dirty * 1.4)
    )


CLUSTERS = (
    ClusterPlan(
        name="Production",
        prefix="prod",
        hosts=16,
        guests=260,
        cpus=64,
        memory_gib=768,
        line_gbit=5.0,  # the share of a 10 GbE line that migrations get
        cpu_model="Cascadelake-Server",
        product=("Dell Inc.", "PowerEdge R650"),
        sites=("shop", "pay", "crm", "search", "api", "core"),
        roles=(
            _role("db", 3, (32, 48, 64), (8, 16), 0.18, 120.0),
            _role("app", 5, (8, 16, 24), (4, 8), 0.15, 60.0),
            _role("web", 6, (4, 8), (2, 4), 0.12, 25.0),
            _role("cache", 2, (16, 32), (4,), 0.10, 150.0),
            _role("queue", 2, (8, 16), (4,), 0.10, 80.0),
            _role("batch", 2, (16, 32), (8, 16), 0.30, 90.0),
        ),
    ),
    ClusterPlan(
        name="Office",
        prefix="office",
        hosts=14,
        guests=220,
        cpus=32,
        memory_gib=256,
        line_gbit=2.0,
        cpu_model="Skylake-Server-IBRS",
        product=("HPE", "ProLiant DL360 Gen10"),
        old_hosts=2,
        sites=("north", "süd", "hq", "lab"),
        roles=(
            _role("desktop", 9, (4, 8), (2, 4), 0.14, 22.0),
            _role("files", 2, (8, 16), (2, 4), 0.06, 15.0),
            _role("mail", 2, (8, 16), (4,), 0.10, 35.0),
            _role("directory", 1, (4,), (2,), 0.04, 5.0),
            _role("wiki", 1, (4, 8), (2,), 0.05, 8.0),
            _role("build", 2, (8, 16), (8,), 0.28, 60.0),
        ),
    ),
    ClusterPlan(
        name="Edge",
        prefix="edge",
        hosts=10,
        guests=120,
        cpus=16,
        memory_gib=64,
        line_gbit=1.0,
        cpu_model="Denverton",
        product=("Supermicro", "SYS-E300-9D"),
        sites=("gate", "hall", "dock", "yard"),
        roles=(
            _role("camera", 4, (2, 4), (2,), 0.22, 18.0),
            _role("sensor", 5, (1, 2), (1,), 0.08, 4.0),
            _role("till", 3, (2,), (2,), 0.06, 6.0),
            _role("relay", 2, (1,), (1,), 0.05, 3.0),
        ),
    ),
)


def host_names(plan: ClusterPlan) -> list[str]:
    return [f"{plan.prefix}-h{number:02d}" for number in range(1, plan.hosts + 1)]


def demo_datacenter() -> list[tuple[str, list[str]]]:
    """Clusters and the URIs of their hosts, for ``manage.py demo``."""
    return [(plan.name, [f"sim://{name}" for name in host_names(plan)]) for plan in CLUSTERS]


def demo_world(clock: Clock, *, seed: int = 1) -> World:
    """Build it: 40 hosts and 600 guests, most of them running."""
    world = World(clock=clock, seed=seed)
    for plan in CLUSTERS:
        names = host_names(plan)
        for index, name in enumerate(names):
            world.add_host(_host(world, plan, name, old=index >= plan.hosts - plan.old_hosts))
        for guest in _guests(world, plan):
            _place(world, guest, names)
    return world


def _host(world: World, plan: ClusterPlan, name: str, *, old: bool) -> SimHost:
    manufacturer, product = plan.product
    return SimHost(
        name=name,
        uuid=world.uuid_of("host", name),
        cpus=plan.cpus,
        memory_bytes=plan.memory_gib * _GIB,
        cpu_model=plan.cpu_model,
        cpu_models=frozenset({"Westmere", "qemu64"}),
        machine_types=_OLD_MACHINES if old else _ALL_MACHINES,
        libvirt_version="9.0.0" if old else "11.3.0",
        qemu_version="7.2.22" if old else "10.0.2",
        line_bytes_per_s=plan.line_gbit * _GBIT * LINE_EFFICIENCY,
        networks=("default",),
        bridges=("br0", f"br-{plan.prefix}"),
        manufacturer=manufacturer,
        product=product,
        keepalive_s=4.0,  # the tuned keepalive, 1 x 3 (migration.md H19)
        wave=make_wander(world.chance("host", name), noon_s=_noon(world)),
    )


def _noon(world: World) -> float:
    """World time of 14:00 UTC, when offices are busiest."""
    now = world.clock.now()
    return 14 * 3600.0 - (now.hour * 3600.0 + now.minute * 60.0 + now.second) + world.t


def _guests(world: World, plan: ClusterPlan) -> Iterator[SimGuest]:
    rng = world.chance("guests", plan.name)
    counts: dict[str, int] = {}
    for _ in range(plan.guests):
        role = rng.choices(plan.roles, [each.weight for each in plan.roles])[0]
        stem = f"{rng.choice(plan.sites)}-{role.name}"
        counts[stem] = counts.get(stem, 0) + 1
        yield make_guest(world, f"{stem}-{counts[stem]:02d}", role, rng, plan=plan)


def make_guest(world: World, name: str, role: Role, rng: Random, *, plan: ClusterPlan) -> SimGuest:
    """One VM of a role."""
    vcpus, gib = rng.choice(role.vcpus), rng.choice(role.memory_gib)
    # big machines leave more of their memory untouched
    touched = gib * _GIB * rng.uniform(0.45, 0.75) / (1.0 + gib / 96.0)
    io = role.io_mib_s * _MIB * rng.uniform(0.3, 2.0)
    mac = "52:54:00:" + ":".join(f"{rng.randrange(256):02x}" for _ in range(3))
    return SimGuest(
        uuid=world.uuid_of("guest", name),
        name=name,
        vcpus=vcpus,
        memory_bytes=gib * _GIB,
        touched_bytes=int(touched),
        meter=Meter(
            cpu_wave=make_wander(rng, noon_s=_noon(world)),
            io_wave=make_wander(rng, noon_s=_noon(world)),
            means=Means(
                cpu=vcpus * role.busy * rng.uniform(0.5, 1.5),
                net_rx=io * 0.5,
                net_tx=io * 0.6,
                disk_read=io * 0.4,
                disk_write=io,
            ),
        ),
        machine=rng.choices(("pc-q35-7.2", "pc-q35-8.2", "pc-q35-10.0", "pc-i440fx-7.2"), (6, 2, 2, 1))[0],
        cpu_model=rng.choices((plan.cpu_model, "Westmere", ""), (8, 1, 1))[0],
        classes=_classes(role, touched, rng),
        disks=(Disk(target="vda", kind="network", source=f"vms/{name}.root", format="raw", cache="none"),),
        nics=(Nic(kind="bridge", source=rng.choice(("br0", f"br-{plan.prefix}")), mac=mac, model="virtio"),),
        title=f"{role.name} of {plan.name}",
        autostart=rng.random() < 0.7,
    )


def _classes(role: Role, touched: float, rng: Random) -> tuple[PageClass, ...]:
    """A small hot set that takes most writes, and a wide warm one."""
    rate = rng.uniform(*role.dirty_mib_s) * _MIB
    hot = min(0.2 * touched, rng.uniform(0.4, 1.2) * rate)
    warm = min(0.6 * touched, rng.uniform(3.0, 12.0) * rate)
    return (PageClass(bytes=hot, bytes_per_s=0.8 * rate), PageClass(bytes=warm, bytes_per_s=0.2 * rate))


def _place(world: World, guest: SimGuest, names: list[str]) -> None:
    """On one of the two emptiest hosts that can run it; about one in twelve is switched off."""
    rng = world.chance("place", guest.name)
    fitting = [world.hosts[name] for name in names if guest.machine in world.hosts[name].machine_types]
    fitting.sort(key=lambda host: (host.memory_promised_bytes() / host.memory_bytes, host.name))
    world.add_guest(guest, rng.choice(fitting[:2]).name, running=rng.random() > 0.08)
