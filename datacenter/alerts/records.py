"""What the rules are given, and what they find. Plain records: a rule asks neither the database nor the clock."""

from dataclasses import dataclass, field
from datetime import datetime

from datacenter.models import AlertKind
from hosts.models.event import Severity
from hosts.recording import Place

#: kind, noun of the subject, its primary key
Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind holds of one subject now. ``cause``: the finding that explains it."""

    kind: AlertKind
    noun: str
    pk: int
    name: str
    place: Place = field(default_factory=Place)
    severity: Severity
    sentence: str
    evidence: tuple[tuple[str, str], ...] = ()
    cause: Key | None = None

    @property
    def key(self) -> Key:
        return (str(self.kind), self.noun, self.pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFact:
    pk: int
    name: str
    place: Place
    state: str
    state_since: datetime
    answered_at: datetime | None
    error: str = ""
    off: bool = False  # a person stated that it is switched off
    vms: int = 0
    unheard_since: datetime | None = None  # no collector listens to it; None: one does


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownVM:
    pk: int
    name: str
    host: int
    since: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtFact:
    vm: int
    name: str
    first: str
    second: str
    because: str
    opened_at: datetime
    place: Place
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What samples say of a migration before and after a moment: bytes."""

    sampled_at: datetime
    moved: int  # altogether
    moved_before: int | None
    least: int | None  # that remained lately
    least_before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationFact:
    pk: int
    vm: int
    vm_name: str
    vm_state: str
    source: str
    destination: str
    state: str
    since: datetime
    because: str
    place: Place
    started_at: datetime | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A VM that cannot leave its host, and the window in which it should. ``told``: of a plan or of a policy."""

    vm: int
    name: str
    host: str
    why: str
    remedy: str
    told: str
    place: Place
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFact:
    pk: int
    title: str
    place: Place
    late_s: float
    left_s: float | None
    done: int
    total: int
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFact:
    """The least that a host had of something over the whole time looked at: percent. ``since``: the first figure."""

    host: HostFact
    kind: AlertKind
    least: float
    now: float
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFact:
    host: HostFact
    not_after: datetime
    subject: str
    looked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What Godwit knows of itself. None: it cannot be known here, and nothing is said."""

    worker_at: datetime | None = None  # the last word of any worker
    guardian_at: datetime | None = None
    hosts: int = 0
    disk_free: int | None = None  # bytes of the file system that holds the database
    disk_total: int | None = None
    disk_path: str = ""
    database_bytes: int | None = None
    skew_s: float | None = None  # our clock less the database's
    machine: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All of it at one moment. ``held``: the alerts that are not resolved, for what is raised at one value and ends at
    another. ``watching_since``: what this process has not heard of before that, it could not hear.
    """

    now: datetime
    watching_since: datetime
    hosts: tuple[HostFact, ...] = ()
    unknown: tuple[UnknownVM, ...] = ()
    doubts: tuple[DoubtFact, ...] = ()
    migrations: tuple[MigrationFact, ...] = ()
    lost: tuple[MigrationFact, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    plans: tuple[PlanFact, ...] = ()
    loads: tuple[LoadFact, ...] = ()
    certificates: tuple[CertificateFact, ...] = ()
    own: Own = field(default_factory=Own)
    held: frozenset[Key] = frozenset()
