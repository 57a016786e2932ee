"""What the planner is given and what it answers. Seconds count from the plan's start; sizes are bytes, rates bytes/s.

Keys are the rows'. ``kind``: hosts (or VMs) of one kind have equal properties, so that a pair of kinds is judged once.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hosts.livemigration.queue import Limits

GIB = 1 << 30


class Action(StrEnum):
    """The values of PlanMove.Action."""

    MIGRATE = "migrate"
    SHUTDOWN = "shutdown"
    SUSPEND = "suspend"
    LEAVE = "leave"
    ASK = "ask"
    START = "start"


class Light(StrEnum):
    """The values of PlanMove.Light."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Leg(StrEnum):
    """The values of PlanMove.Leg."""

    OUT = "out"
    HOME = "home"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why not, and what would mend it. ``room``: there may be room when another host is done."""

    reason: str
    remedy: str = ""
    room: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether a kind of VM can go to a kind of host; ``warning``: it can, and a person should know."""

    refusal: Refusal | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFact:
    """One host of the cluster. ``free_bytes``: what is on its way there taken off; None: not known.

    ``closed``: why it takes no VM now (its state, another plan holds it); None: it takes them. ``line``: bytes/s of
    its migration line, shared by all that leaves and arrives; None: never measured.
    """

    key: int
    name: str
    kind: Hashable = ""
    memory_bytes: int
    free_bytes: int | None
    closed: Refusal | None = None
    answers: bool = True
    line: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a VM would move: its policy's word. ``most``: moves of a host at once that the policy wants at most."""

    bandwidth: int | None = None
    max_downtime_ms: int | None = None
    postcopy: bool = False
    auto_converge: bool = False
    xbzrle: bool = False
    parallel: int = 0
    adaptive: bool = False
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VMFact:
    """One VM. ``fixed``: why it can move nowhere; ``unsaved``: why it cannot be suspended; ``warning``: it can move,
    but. ``takes_memory`` False: its memory comes from a pool of its own (huge pages).
    """

    key: int
    name: str
    host: int
    kind: Hashable = ""
    memory_bytes: int
    rss_bytes: int | None = None
    dirty_rate: float | None = None
    runs: bool = True
    known: bool = True  # False: its host does not answer
    persistent: bool = True
    rule: Action = Action.MIGRATE
    fixed: Refusal | None = None
    unsaved: str = ""
    warning: str = ""
    takes_memory: bool = True
    way: Way = field(default_factory=Way)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """VMs that belong together, or apart; ``hard``: a rule, else a wish."""

    name: str
    together: bool
    hard: bool
    vms: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One cluster. ``fits`` answers for kinds; hosts and VMs in any order."""

    hosts: tuple[HostFact, ...]
    vms: tuple[VMFact, ...]
    groups: tuple[Group, ...] = ()
    limits: Limits = field(default_factory=Limits)
    fits: Callable[[VMFact, HostFact], Fit] = lambda _vm, _host: Fit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A person's word on one VM of one host; None: the planner's."""

    action: Action | None = None
    target: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostWish:
    """One host to be emptied, in the order of the roll. ``*_s``: what the work takes that comes before it is emptied,
    while it is empty, and after it is active again. ``begun``: it is being emptied or worked on already; only
    ``vms`` of it have not begun (None: all VMs that are on it when its turn comes). ``skipped``: passed over.
    """

    key: int
    before_s: float = 0.0
    empty_s: float = 0.0
    after_s: float = 0.0
    begun: bool = False
    vms: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be done. ``by_policy``: nobody is watching, so VMs that only a person may move stay.

    ``choices``: (host, VM) -> a person's word. Others as in maintenance/terms.py.
    """

    hosts: tuple[HostWish, ...]
    at_once: int = 1
    keep_spare: bool = True
    stop_unmovable: bool = False
    skip_blocked: bool = True
    home: bool = False
    home_stagger_s: float = 10.0
    shutdown_limit_s: float = 300.0
    activates: bool = True
    choices: Mapping[tuple[int, int], Choice] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Move:
    """What becomes of one VM on one leg. Filled in as the roll is played; ``start_s`` None: it is not to begin."""

    host: int  # whose emptying it belongs to
    vm: int
    leg: Leg
    action: Action
    target: int | None = None
    fallback: Action | None = None
    light: Light = Light.GREEN
    why: str = ""
    remedy: str = ""
    wave: int = 1
    position: int = 1
    start_s: float | None = None
    seconds: float | None = None
    p90_s: float | None = None
    pause_ms: float | None = None

    @property
    def end_s(self) -> float | None:
        return None if self.start_s is None or self.seconds is None else self.start_s + self.seconds


@dataclass(slots=True, kw_only=True)
class HostOutlook:
    """When one host is begun, empty and done. ``blocked``: why it is passed over or never empty; None times then."""

    key: int
    start_s: float | None = None
    empty_s: float | None = None
    end_s: float | None = None
    spread_s: float = 0.0  # p90 less the expected time, of this host alone
    blocked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """``moves`` by host in the roll's order and by position. ``again``: moves of VMs that had been moved before."""

    moves: tuple[Move, ...]
    hosts: tuple[HostOutlook, ...]
    seconds: float | None
    p90_s: float | None
    again: int = 0
