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

    OPERATE = "operate"  # of before there were finer ones; nothing new asks it


#: in words, for people who tick them: heading, then verb and what it allows
GROUPS: tuple[tuple[str, tuple[tuple[Verb, str], ...]], ...] = (
    (
        "VMs",
        (
            (Verb.VIEW, "See it, and what happens to it"),
            (Verb.CONSOLE, "See and use its screen"),
            (Verb.POWER, "Start, shut down, reboot and pause it"),
            (Verb.MIGRATE, "Migrate it, adjust and cancel its migration"),
            (Verb.EDIT_VM, "Change its rules and tags"),
        ),
    ),
    (
        "Hosts and clusters",
        (
            (Verb.MAINTAIN, "Put hosts into maintenance and back; make and run plans"),
            (Verb.EDIT_HOST, "Add and remove hosts, state what libvirt cannot tell"),
            (Verb.EDIT_CLUSTER, "Change limits, affinity groups, and which policies hold"),
            (Verb.EDIT_POLICY, "Make and change policies"),
            (Verb.RESOLVE, "Say which of two copies lives, and that a host is off"),
        ),
    ),
    (
        "Watching",
        (
            (Verb.ACKNOWLEDGE, "Acknowledge alerts"),
            (Verb.AUDIT, "See who did what, and export it"),
            (Verb.DISPLAY, "Give out wall displays and end them"),
        ),
    ),
    (
        "Administration",
        (
            (Verb.GRANT, "Give and take roles"),
            (Verb.ADMINISTER, "Users, groups, tokens, the installation; counts on the system only"),
        ),
    ),
)

ALL = frozenset(Verb) - {Verb.OPERATE}


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
