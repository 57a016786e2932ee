"""What may be done, as a verb each, and in words; and the roles that come with Godwit."""

from dataclasses import dataclass
from enum import StrEnum


class Verb(StrEnum):
    VIEW = "view"
    CONSOLE = "console"  # see and type on a VM's screen
    POWER = "power"  # start, shut down, reboot, pause a VM
    MIGRATE = "migrate"  # migrate, measure, adjust and cancel
    EDIT_VM = "edit_vm"  # its rules, its tags
    MAINTAIN = "maintain"  # hosts into maintenance and back, plans, their steps, tags of hosts
    EDIT_HOST = "edit_host"  # add, remove, state what libvirt cannot tell
    EDIT_CLUSTER = "edit_cluster"  # limits, affinity, which policies hold there
    EDIT_POLICY = "edit_policy"  # migration policies and maintenance policies themselves
    RESOLVE = "resolve"  # doubts: which copy lives, which host is off
    ACKNOWLEDGE = "acknowledge"  # alerts
    AUDIT = "audit"  # who did what, exports, the chain of hashes
    DISPLAY = "display"  # give out wall displays, end them
    GRANT = "grant"  # give and take roles
    ADMINISTER = "administer"  # users, tokens, notification of others, the installation itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A verb for people: as a name, and what it allows."""

    verb: Verb
    label: str
    allows: str


def _words(verb: Verb, label: str, allows: str) -> Words:
    return Words(verb=verb, label=label, allows=allows)


#: what a role is ticked together from: heading, and the verbs below it
GROUPS: tuple[tuple[str, tuple[Words, ...]], ...] = (
    (
        "VMs",
        (
            _words(Verb.VIEW, "View", "See it, and what happens to it. Part of every role"),
            _words(Verb.CONSOLE, "Use consoles", "See a VM’s screen and type on it"),
            _words(Verb.POWER, "Start and stop VMs", "Start, shut down, power off, reboot, pause and resume"),
            _words(Verb.MIGRATE, "Migrate VMs", "Migrate and measure a VM, adjust and cancel its migration"),
            _words(Verb.EDIT_VM, "Change VMs", "Its rules, its tags, its migration policy"),
        ),
    ),
    (
        "Hosts and clusters",
        (
            _words(Verb.MAINTAIN, "Maintain hosts", "Hosts into maintenance and back, plans and their steps, tags"),
            _words(Verb.EDIT_HOST, "Add and change hosts", "Add and remove hosts, state what libvirt cannot tell"),
            _words(Verb.EDIT_CLUSTER, "Change clusters", "Limits, affinity groups, the migration policy that holds"),
            _words(Verb.EDIT_POLICY, "Change policies", "Maintenance policies; on the system migration policies too"),
            _words(Verb.RESOLVE, "Resolve doubts", "Say which of two copies lives, and that a silent host is off"),
        ),
    ),
    (
        "Watching",
        (
            _words(Verb.ACKNOWLEDGE, "Acknowledge alerts", "Say that somebody looks after it"),
            _words(Verb.AUDIT, "Read the audit", "Who did what, exports, the chain of hashes"),
            _words(Verb.DISPLAY, "Give out displays", "Wall displays of what one may see; end them"),
        ),
    ),
    (
        "Administration",
        (
            _words(Verb.GRANT, "Give roles", "Give and take roles of which one has every permission there"),
            _words(Verb.ADMINISTER, "Administer Godwit", "Users, groups, tokens, the installation. On the system only"),
        ),
    ),
)
LABELS = {each.verb: each.label for _, many in GROUPS for each in many}
ALL = frozenset(Verb)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """A role that comes with Godwit."""

    name: str
    description: str
    verbs: frozenset[Verb]


ADMINISTRATOR = "Administrator"
DATACENTER_ADMINISTRATOR = "Data-center administrator"
CLUSTER_ADMINISTRATOR = "Cluster administrator"
HOST_OPERATOR = "Host operator"
VM_OPERATOR = "VM operator"
VM_USER = "VM user"
AUDITOR = "Auditor"
READ_ONLY = "Read-only"

_VM_USER = frozenset({Verb.VIEW, Verb.CONSOLE, Verb.POWER})
_VM_OPERATOR = _VM_USER | {Verb.MIGRATE, Verb.EDIT_VM, Verb.ACKNOWLEDGE}

SHIPPED: tuple[Shipped, ...] = (
    Shipped(name=ADMINISTRATOR, description="Everything, users and the installation too.", verbs=ALL),
    Shipped(
        name=DATACENTER_ADMINISTRATOR,
        description="Everything within a data center, giving roles too.",
        verbs=ALL - {Verb.ADMINISTER},
    ),
    Shipped(
        name=CLUSTER_ADMINISTRATOR,
        description="Hosts, VMs and policies of a cluster, giving roles on them too.",
        verbs=ALL - {Verb.ADMINISTER, Verb.DISPLAY},
    ),
    Shipped(
        name=HOST_OPERATOR,
        description="Empties hosts, puts them into maintenance and back.",
        verbs=frozenset({Verb.VIEW, Verb.MAINTAIN, Verb.MIGRATE, Verb.ACKNOWLEDGE}),
    ),
    Shipped(name=VM_OPERATOR, description="Runs VMs and migrates them, changes their rules.", verbs=_VM_OPERATOR),
    Shipped(name=VM_USER, description="Uses a VM: its screen, starting and stopping it.", verbs=_VM_USER),
    Shipped(
        name=AUDITOR,
        description="Sees everything, and who did what. Changes nothing.",
        verbs=frozenset({Verb.VIEW, Verb.AUDIT}),
    ),
    Shipped(name=READ_ONLY, description="Sees. Changes nothing.", verbs=frozenset({Verb.VIEW})),
)
