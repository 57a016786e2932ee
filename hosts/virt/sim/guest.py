"""A simulated guest: what it is, how it works, and its copies on hosts."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from hosts.virt.records import DirtyRate, Disk, DomainFacts, DomainState, DomainStats, DomainStatus, Nic
from hosts.virt.sim.load import PEAK, Meter
from hosts.virt.sim.memory import PageClass
from hosts.virt.sim.xml import domain_xml

#: what QEMU itself needs beside the guest's memory
QEMU_OVERHEAD_BYTES = 48 << 20

#: states with a QEMU process
ACTIVE = frozenset(
    {
        DomainState.RUNNING,
        DomainState.BLOCKED,
        DomainState.PAUSED,
        DomainState.SHUTDOWN,
        DomainState.PMSUSPENDED,
    }
)


@dataclass(slots=True, kw_only=True)
class SimGuest:
    """One VM of the simulated datacenter, wherever it is. ``meter`` counts for the copy that runs."""

    uuid: str
    name: str
    vcpus: int
    memory_bytes: int
    touched_bytes: int  # non-zero memory: what a first pass has to send
    meter: Meter
    home: str = ""  # the host whose QEMU process the meter counts
    machine: str = "pc-q35-7.2"
    cpu_model: str = ""
    virt_type: str = "kvm"
    classes: tuple[PageClass, ...] = ()
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    title: str = ""
    description: str = ""
    autostart: bool = False
    max_downtime_ms: int = 300  # QEMU's default; lives as long as the QEMU process
    dirty_rate: DirtyRate | None = None
    disk_bytes: int = 1 << 30  # of all its disks together: what a copy of them has to send
    delta_share: float = 0.35  # XBZRLE: what is sent of a page that is written again and again
    image_locked: bool = True  # shared disks with working locks: a second copy cannot run
    _xml: str = field(default="")

    @property
    def xml(self) -> str:
        if not self._xml:
            self._xml = domain_xml(self)
        return self._xml

    @property
    def rss_bytes(self) -> int:
        return self.touched_bytes + QEMU_OVERHEAD_BYTES

    @property
    def utilisation(self) -> float:
        """Average share (0 to 1) of a vCPU's time in use: what auto-converge has to take away first."""
        return min(1.0, self.meter.means.cpu / max(1, self.vcpus))

    def highest_level(self) -> float:
        """The level at which the vCPUs are full at the top of their wave."""
        return max(1.0, self.vcpus / (PEAK * max(1e-6, self.meter.means.cpu)))


@dataclass(slots=True, kw_only=True)
class Copy:
    """A guest as one host's daemon sees it. Two hosts hold a copy during a migration."""

    guest: SimGuest
    status: DomainStatus
    persistent: bool = True

    @property
    def active(self) -> bool:
        return self.status.state in ACTIVE

    def facts(self) -> DomainFacts:
        guest = self.guest
        return DomainFacts(
            uuid=guest.uuid,
            name=guest.name,
            status=self.status,
            persistent=self.persistent,
            vcpus=guest.vcpus,
            memory_bytes=guest.memory_bytes,
            max_memory_bytes=guest.memory_bytes,
            virt_type=guest.virt_type,
            machine=guest.machine,
            cpu_mode="custom" if guest.cpu_model else "",
            cpu_model=guest.cpu_model,
            arch="x86_64",
            title=guest.title,
            description=guest.description,
            disks=guest.disks,
            nics=self._nics(),
            autostart=guest.autostart,
            xml=guest.xml,
        )

    def _nics(self) -> tuple[Nic, ...]:
        if not self.active:
            return self.guest.nics
        return tuple(replace(nic, target=f"vnet{nic.mac[-5:].replace(':', '')}") for nic in self.guest.nics)

    def stats(self, *, t: float, at: datetime, counting: bool) -> DomainStats:
        """One row of a bulk read at world time ``t``; ``counting``: the meter counts this copy's QEMU."""
        guest, meter = self.guest, self.guest.meter
        if not self.active:
            return DomainStats(uuid=guest.uuid, name=guest.name, at=at, status=self.status)
        if counting:
            meter.reach(t)
        cpu_s, io = (meter.cpu_s, meter.io) if counting else (0.0, 0.0)
        return DomainStats(
            uuid=guest.uuid,
            name=guest.name,
            at=at,
            status=self.status,
            cpu_time_s=round(cpu_s, 6),
            vcpus=guest.vcpus,
            balloon_bytes=guest.memory_bytes,
            memory_used_bytes=int(guest.touched_bytes * (0.80 + 0.1 * meter.cpu_wave.value(t))),
            rss_bytes=guest.rss_bytes,
            net_rx_bytes=int(io * meter.means.net_rx) if guest.nics else 0,
            net_tx_bytes=int(io * meter.means.net_tx) if guest.nics else 0,
            disk_read_bytes=int(io * meter.means.disk_read) if guest.disks else 0,
            disk_write_bytes=int(io * meter.means.disk_write) if guest.disks else 0,
            dirty_rate=guest.dirty_rate,
        )
