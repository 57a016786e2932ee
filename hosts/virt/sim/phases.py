"""The phases of a simulated migration; see :mod:`hosts.virt.sim.migration` for how they follow each other."""

from enum import StrEnum


class Phase(StrEnum):
    PREPARING = "preparing"  # the destination starts an empty QEMU
    MIRRORING = "mirroring"  # disks travel, memory waits
    COPYING = "copying"
    SWITCHING = "switching"  # the guest stands still
    POSTCOPY = "postcopy"  # runs on the destination, pages follow
    PAUSED = "paused"  # post-copy that broke or was paused: both halves wait for a resume
    FINISHING = "finishing"  # runs on the destination, the source clears up
    FAILING = "failing"  # runs on the source, the destination clears up
    BROKEN = "broken"  # both hosts hold a copy, for somebody to clear up
    ENDED = "ended"


#: the source still holds the whole guest
SAFE = frozenset({Phase.PREPARING, Phase.MIRRORING, Phase.COPYING, Phase.SWITCHING})
