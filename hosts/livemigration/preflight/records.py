"""What a check is given and what it answers. Pure: no database, no hypervisor. Sizes are bytes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hosts.livemigration.policy import Arrival
from hosts.states import HostState, VMState
from hosts.virt.records import Disk, Nic

Version = tuple[int, ...]


class Outcome(StrEnum):
    PASSES = "passes"
    WARNS = "warns"  # it may be done; a person should know
    REFUSES = "refuses"
    UNKNOWN = "unknown"  # of a host by itself: nobody can say


class About(StrEnum):
    """Who would have to be changed: says which field of a form an objection belongs to."""

    VM = "vm"
    HOST = "host"
    OPTION = "option"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's answer. ``text`` names the item that fails; ``remedy`` says what would mend it, where known."""

    check: str
    outcome: Outcome
    text: str
    remedy: str = ""
    about: About = About.HOST

    @property
    def sentence(self) -> str:
        return f"{self.text} {self.remedy}".strip()

    def as_dict(self) -> dict[str, Any]:
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """The VM that is to move."""

    name: str
    state: VMState = VMState.UP
    busy: str = ""  # what else is under way with it, as a sentence
    arch: str = ""
    machine: str = ""
    virt_type: str = ""
    memory_bytes: int = 0
    cpu_mode: str = ""
    cpu_model: str = ""
    cpu_features: frozenset[str] = frozenset()
    huge_page_bytes: int | None = None  # 0: the host's default size; None: ordinary pages
    pinned_cpus: bool = False
    snapshots: int = 0
    persistent: bool = True
    managed_save: bool = False
    nvram: bool = False  # firmware variables in a file of its host; told by the host itself only
    memory_limit_bytes: int | None = None
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One of the two hosts. Empty or None is: not told."""

    name: str
    pk: int = 0
    machine_uuid: str = ""
    cluster: str = ""
    cluster_pk: int = 0
    datacenter: str = ""
    datacenter_pk: int = 0
    state: HostState = HostState.UP
    error: str = ""
    kind: str = "qemu"  # of its URI: qemu, sim, test
    address: str = ""  # as its URI names it; "": a daemon on Godwit's own machine
    migration_address: str = ""
    migration_network: str = ""  # of its data center: the name, and the subnet its address should be in
    migration_subnet: str = ""
    libvirt: Version = ()
    qemu: Version = ()
    arch: str = ""
    cpus: int | None = None
    cpu_model: str = ""
    cpu_features: frozenset[str] = frozenset()
    cpu_models: frozenset[str] = frozenset()
    machine_types: frozenset[str] = frozenset()
    virt_types: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    bridges: frozenset[str] = frozenset()
    huge_pages: dict[int, int] | None = None  # page size -> pages in the pool
    free_bytes: int | None = None  # what is on its way there taken off
    locks: str = ""
    keepalive_tuned: bool | None = None
    migration_tls: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How it is to move."""

    postcopy: bool = True
    auto_converge: bool = False
    xbzrle: bool = False
    parallel: int = 0
    tls: bool = False
    copy_disks: bool = False
    zero_copy: bool = False
    arrival: Arrival = Arrival.NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What earlier migrations from the one host to the other have shown."""

    reached_at: datetime | None = None  # the last time one daemon reached the other
    failure: str = ""  # of the last try, where it did not
    shared: frozenset[str] = frozenset()  # folders of disks that moved without being copied
    tls_at: datetime | None = None
    speed: float | None = None  # bytes/s of uncapped migrations: the median of the last few


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One VM, one way to go, all that is known of it."""

    guest: Guest
    source: Place
    destination: Place
    wishes: Wishes = field(default_factory=Wishes)
    proof: Proof = field(default_factory=Proof)

    @property
    def offline(self) -> bool:
        """The VM is down: its definition moves, and no memory."""
        return self.guest.state is VMState.DOWN


Check = Callable[[Case], Finding]


def passes(check: str, text: str) -> Finding:
    return Finding(check=check, outcome=Outcome.PASSES, text=text)


def warns(check: str, text: str, remedy: str = "", about: About = About.HOST) -> Finding:
    return Finding(check=check, outcome=Outcome.WARNS, text=text, remedy=remedy, about=about)


def refuses(check: str, text: str, remedy: str = "", about: About = About.HOST) -> Finding:
    return Finding(check=check, outcome=Outcome.REFUSES, text=text, remedy=remedy, about=about)


def version_of(text: str) -> Version:
    """ "7.2.22" -> (7, 2, 22); what is no version -> ()."""
    parts = text.split(".")
    return tuple(int(part) for part in parts) if all(p.isascii() and p.isdigit() for p in parts) else ()


def spoken(version: Version) -> str:
    return ".".join(map(str, version)) or "unknown"
