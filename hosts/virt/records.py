"""The records that cross the boundary: raw libvirt dicts become these at the door, by name.

Sizes are bytes, rates bytes per second, times seconds unless the name says otherwise, moments timezone-aware UTC.
A field that the daemon does not tell is ``None`` (or empty), never a made-up zero.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DomainState(StrEnum):
    """virDomainState, in words."""

    NOSTATE = "nostate"
    RUNNING = "running"
    BLOCKED = "blocked"
    PAUSED = "paused"
    SHUTDOWN = "shutdown"  # being shut down by the guest
    SHUTOFF = "shutoff"
    CRASHED = "crashed"
    PMSUSPENDED = "pmsuspended"


class EventKind(StrEnum):
    """What a host can tell us by itself."""

    LIFECYCLE = "lifecycle"  # detail: "<event>/<reason>", e.g. "suspended/migrated"
    REBOOT = "reboot"
    DEVICE = "device"  # a device came, went or changed: read the XML again
    AGENT = "agent"  # detail: "connected" or "disconnected"
    ITERATION = "iteration"  # number: the pass that begins
    JOB_COMPLETED = "job_completed"  # job: the final statistics
    BALLOON = "balloon"
    METADATA = "metadata"
    CONNECTION_LOST = "connection_lost"  # the driver itself: the host's connection closed; uuid is ""


class PowerVerb(StrEnum):
    START = "start"
    SHUTDOWN = "shutdown"  # ACPI, the guest decides
    POWER_OFF = "power_off"  # virDomainDestroy
    REBOOT = "reboot"  # ACPI, the guest decides
    PAUSE = "pause"  # virDomainSuspend
    RESUME = "resume"
    SUSPEND = "suspend"  # virDomainManagedSave: its memory goes to a file of its host; START goes on from there


class JobType(StrEnum):
    """virDomainJobType, as far as a migration shows it."""

    NONE = "none"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What a host is; changes rarely."""

    uuid: str  # the host's UUID from its capabilities: the identity of a host
    hostname: str
    libvirt_version: str  # "9.0.0"
    qemu_version: str  # "7.2.22", "" where the hypervisor is not QEMU
    cpu_model: str
    cpu_arch: str
    cpus: int  # logical CPUs
    memory_bytes: int
    machine_types: frozenset[str] = frozenset()  # canonical names and aliases that its emulator offers
    virt_types: frozenset[str] = frozenset()  # "kvm", "qemu", "test"
    networks: tuple[str, ...] = ()  # active libvirt networks
    bridges: tuple[str, ...] = ()  # host bridges, where the daemon tells
    pools: tuple[str, ...] = ()  # active storage pools
    manufacturer: str = ""  # SMBIOS; "" where there is none
    product: str = ""
    cpu_features: frozenset[str] = frozenset()  # every flag of its CPU, where the daemon tells
    cpu_models: frozenset[str] = frozenset()  # named models that guests can have under KVM, where the daemon tells
    huge_pages: "tuple[HugePages, ...] | None" = None  # pools by page size; None: the daemon does not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class HugePages:
    """A host's pool of huge pages of one size: how many there are, used ones among them."""

    page_bytes: int
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStats:
    """What a host does now. Counters are since boot; the collector makes rates of them."""

    at: datetime  # stamped before the call
    cpu_busy_s: float | None  # summed over logical CPUs: user + kernel
    cpu_total_s: float | None  # busy + idle + iowait
    memory_total_bytes: int
    memory_free_bytes: int  # free + buffers + cached: what a guest could take


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """One guest network interface, as its XML says. ``kind`` is libvirt's interface type."""

    kind: str
    source: str = ""  # network, bridge or device name; "" for user mode
    mac: str = ""
    model: str = ""
    target: str = ""  # tap name on the host; changes at each start


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """One guest disk or CD, as its XML says."""

    target: str  # vda
    kind: str  # file, block, network, volume …
    device: str = "disk"  # disk, cdrom, floppy, lun
    source: str = ""  # "" for an empty drive
    format: str = ""
    cache: str = ""
    readonly: bool = False
    shareable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainStatus:
    """(state, reason): what decides where a guest is. Cheap, read again before every act."""

    state: DomainState
    reason: str  # virDomain*Reason in lower case: "booted", "migrated", "migration", "postcopy", "user" …


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainFacts:
    """What a domain is, from its XML and its state."""

    uuid: str
    name: str
    status: DomainStatus
    persistent: bool
    vcpus: int
    memory_bytes: int  # current allocation
    max_memory_bytes: int
    virt_type: str  # kvm, qemu, test
    machine: str  # pc-q35-7.2; "" where the XML names none
    cpu_mode: str = ""  # custom, host-model, host-passthrough, ""
    cpu_model: str = ""
    arch: str = ""
    title: str = ""
    description: str = ""
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    devices: tuple[str, ...] = ()  # other devices worth a word: "hostdev pci 0000:01:00.0", "tpm", "shmem"
    cpu_features: tuple[str, ...] = ()  # flags that its XML requires beside the model's own
    huge_page_bytes: int | None = None  # the size it asks for; 0: huge pages of the host's default size
    pinned_cpus: bool = False  # vCPUs bound to CPUs or memory to nodes of the host, by number
    snapshots: int = 0
    managed_save: bool = False  # its memory lies in a file of its host, from which its next start goes on
    nvram: bool = False  # it has firmware variables of its own, in a file of its host
    memory_limit_bytes: int | None = None  # the hard limit of its QEMU's memory; None: none set
    autostart: bool = False
    xml: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainStats:
    """One domain of a bulk read. Counters are since the domain's start; the collector makes rates of them."""

    uuid: str
    name: str
    at: datetime  # stamped before the bulk call
    status: DomainStatus
    cpu_time_s: float | None = None
    vcpus: int | None = None
    balloon_bytes: int | None = None  # what the guest was given
    memory_used_bytes: int | None = None  # by the balloon driver's word (available - unused)
    rss_bytes: int | None = None  # of its QEMU
    net_rx_bytes: int | None = None
    net_tx_bytes: int | None = None
    disk_read_bytes: int | None = None
    disk_write_bytes: int | None = None
    dirty_rate: "DirtyRate | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirtyRate:
    """A dirty-rate measurement (virDomainStartDirtyRateCalc, page sampling)."""

    bytes_per_s: float
    period_s: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStats:
    """A migration job at one instant (virDomainGetJobStats). On the source host only while it runs.

    Until memory starts to move (0.3 to 4 s) all memory fields are 0. ``dirty_rate_bytes_per_s`` is renewed at a
    bitmap sync only, and 0 during the whole first pass.
    """

    at: datetime  # stamped before the call
    type: JobType
    operation: str = ""  # "migration_out", "migration_in", …
    elapsed_ms: int = 0
    total_bytes: int = 0
    processed_bytes: int = 0
    remaining_bytes: int = 0
    throughput_bytes_per_s: float = 0.0
    dirty_rate_bytes_per_s: float = 0.0
    iteration: int = 0
    page_size_bytes: int = 4096
    zero_pages: int = 0
    normal_bytes: int = 0
    expected_downtime_ms: int | None = None  # while running: libvirt's expectation
    downtime_ms: int | None = None  # when completed: libvirt's own figure, not the guest's standstill
    setup_ms: int | None = None
    postcopy_requests: int = 0
    throttle_percent: int = 0
    disk_total_bytes: int = 0
    disk_processed_bytes: int = 0
    disk_remaining_bytes: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateSpec:
    """One migration, always peer-to-peer: the source daemon drives, so that our worker may die."""

    uuid: str
    destination_uri: str  # as the SOURCE daemon reaches the destination's daemon
    bandwidth_bytes_per_s: int | None = None  # None: no cap
    max_downtime_ms: int | None = None  # set on the source before the start
    postcopy: bool = False  # permits it; started by start_postcopy
    auto_converge: bool = False
    parallel: int = 0  # multifd channels; 0: off
    persistent: bool = True  # define on the destination, undefine on the source
    paused: bool = False  # the guest arrives PAUSED/USER and stands still until we resume it there
    resume_postcopy: bool = False  # go on with a migration that broke in post-copy; the other fields as at its start
    migrate_address: str = ""  # the destination's address on the migration network; "" leaves it to libvirt
    xbzrle: bool = False  # pages that were sent before travel as differences
    tls: bool = False  # the memory is encrypted; needs QEMU's certificates on both hosts
    copy_disks: bool = False  # disks that are not shared travel too; their images must exist there, or be in a pool
    offline: bool = False  # of a domain that is shut off, its definition alone; all that is said of memory is left out
    zero_copy: bool = False  # with parallel only: the kernel sends the guest's own pages, which it locks meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    """Something a host told us. ``uuid`` is "" where it concerns the host itself."""

    kind: EventKind
    uuid: str
    name: str = ""
    at: datetime  # stamped when the callback ran
    detail: str = ""
    number: int = 0
    job: JobStats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a host cannot take a domain, and what would mend it."""

    check: str  # "machine_type", "cpu", "memory", "name", "uuid", "network", …
    reason: str
    remedy: str = ""
