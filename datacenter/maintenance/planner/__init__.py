"""The planner of maintenance: a snapshot and wishes in, a proposal out. Pure and deterministic; ties go by name.

::

    Snapshot, Wishes -> propose -> Proposal

    propose   the roll: hosts one after the other (or k at once), each emptied, worked on, given back
    fates     what becomes of one VM: moved, stopped, left, asked about, and its light
    place     which host takes it: hard rules by classes of equal hosts and VMs, then scores
    rooms     memory and N+1 as the roll goes on
    groups    affinity: together, apart, rule or wish
    expect    how long one move takes: the engine's forecast where the guest was measured, else its size
    lines     the sliding window: the queue's limits and lines that are shared, played on a clock of its own
"""

from datacenter.maintenance.planner.propose import propose
from datacenter.maintenance.planner.records import (
    Action,
    Choice,
    Fit,
    Group,
    HostFact,
    HostOutlook,
    HostWish,
    Leg,
    Light,
    Move,
    Proposal,
    Refusal,
    Snapshot,
    VMFact,
    Way,
    Wishes,
)

__all__ = [
    "Action", "Choice", "Fit", "Group", "HostFact", "HostOutlook", "HostWish", "Leg", "Light", "Move", "Proposal",
    "Refusal", "Snapshot", "VMFact", "Way", "Wishes", "propose",
]  # fmt: skip
