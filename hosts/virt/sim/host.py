"""A simulated host: what it is, what it holds, and whether its daemon answers."""

from dataclasses import dataclass, field
from datetime import datetime

from hosts.virt.records import DomainEvent, HostFacts, HostStats
from hosts.virt.sim.guest import Copy
from hosts.virt.sim.load import Wander

#: 5 probes, 5 s apart, and the sixth period: what libvirt's default costs when a peer falls silent (migration.md F08)
DEFAULT_KEEPALIVE_S = 28.0
#: the shaper of a real line lets about 96 % through as guest memory (migration.md section 4)
LINE_EFFICIENCY = 0.965


@dataclass(slots=True, kw_only=True)
class SimHost:
    """One host. ``line_bytes_per_s`` is its migration network, shared by all that leaves and arrives."""

    name: str
    uuid: str
    cpus: int = 16
    memory_bytes: int = 64 << 30
    cpu_model: str = "Skylake-Server-IBRS"
    cpu_models: frozenset[str] = frozenset()  # models beside its own that it can run
    machine_types: frozenset[str] = frozenset({"pc-q35-7.2", "pc-q35-6.2", "pc-i440fx-7.2"})
    libvirt_version: str = "9.0.0"
    qemu_version: str = "7.2.22"
    line_bytes_per_s: float = 330.0 * (1 << 20)
    shaped: bool = False  # a queue before the line drains 55 ms longer at the end (migration.md section 4)
    networks: tuple[str, ...] = ("default",)
    pools: tuple[str, ...] = ("default",)
    bridges: tuple[str, ...] = ()
    manufacturer: str = ""
    product: str = ""
    keepalive_s: float = DEFAULT_KEEPALIVE_S
    migration_tls: bool = True  # QEMU's certificates are in place
    wave: Wander | None = None  # what the host itself uses beside its guests

    copies: dict[str, Copy] = field(default_factory=dict)  # by UUID
    epoch: int = 1  # a connection made in an older epoch is dead
    daemon_up: bool = True
    powered: bool = True
    boot_s: float = 20.0  # from power to a daemon that answers
    boots: int = 0  # rises whenever its power changes: a boot that was overtaken knows itself by it
    stays_down: bool = False  # its next reboot hangs
    frozen: bool = False  # the daemon is stopped: takes a call, never answers
    reachable: bool = True  # from where Godwit stands
    unsaid: list[DomainEvent] = field(default_factory=list)  # waits until the daemon answers again
    retired_cpu_s: float = 0.0  # used by QEMU processes that have ended
    created_t: float = 0.0

    @property
    def answers(self) -> bool:
        return self.daemon_up and self.reachable and not self.frozen

    def memory_promised_bytes(self) -> int:
        """What the active guests were given, incoming copies among them."""
        return sum(copy.guest.memory_bytes for copy in self.copies.values() if copy.active)

    def memory_free_bytes(self) -> int:
        used = sum(copy.guest.rss_bytes for copy in self.copies.values() if copy.active)
        return max(0, self.memory_bytes - used - self.memory_bytes // 50)

    def facts(self) -> HostFacts:
        return HostFacts(
            uuid=self.uuid,
            hostname=self.name,
            libvirt_version=self.libvirt_version,
            qemu_version=self.qemu_version,
            cpu_model=self.cpu_model,
            cpu_arch="x86_64",
            cpus=self.cpus,
            memory_bytes=self.memory_bytes,
            machine_types=self.machine_types,
            virt_types=frozenset({"kvm", "qemu"}),
            networks=self.networks,
            bridges=self.bridges,
            pools=self.pools,
            manufacturer=self.manufacturer,
            product=self.product,
            cpu_models=frozenset({self.cpu_model}) | self.cpu_models,
            huge_pages=(),
        )

    def stats(self, *, t: float, at: datetime, guest_cpu_s: float) -> HostStats:
        """``guest_cpu_s``: what the QEMU processes that live now have used."""
        total = self.cpus * max(0.0, t - self.created_t)
        own = 0.02 * self.cpus * (self.wave.integral(self.created_t, t) if self.wave else t - self.created_t)
        return HostStats(
            at=at,
            cpu_busy_s=round(min(total, own + guest_cpu_s + self.retired_cpu_s), 6),
            cpu_total_s=round(total, 6),
            memory_total_bytes=self.memory_bytes,
            memory_free_bytes=self.memory_free_bytes(),
        )

    def runs_cpu(self, model: str) -> bool:
        return not model or model == self.cpu_model or model in self.cpu_models
