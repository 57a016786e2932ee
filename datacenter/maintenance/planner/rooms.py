"""Memory as the roll goes on: what each host has free, who takes VMs at all, and N+1. Pure.

A VM's memory is taken from its target the moment its host is begun, and given back by a host when the VM has left.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from datacenter.maintenance.planner.records import GIB, HostFact, Refusal, VMFact
from hosts.livemigration.preflight.fitting import MEMORY_HEADROOM
from hosts.livemigration.words import size

Pool = tuple[object, int, int]  # kind, memory in GiB, tier

#: tiers of targets: need not be emptied any more; will be; will be at the same time as the host in question
STAYS, UNDONE, SOON = 0, 1, 2


class Rooms:
    """Hosts that take VMs, roomiest first in each pool of alike ones; ``undone``: those the plan has yet to empty."""

    def __init__(self, hosts: Iterable[HostFact], undone: Iterable[int], *, keep_spare: bool) -> None:
        self.facts = {host.key: host for host in sorted(hosts, key=lambda each: (each.name, each.key))}
        self.free = {key: host.free_bytes or 0 for key, host in self.facts.items()}
        self.reserved: Counter[int] = Counter()  # for VMs that come home
        self.tier = dict.fromkeys(undone, UNDONE)
        self.keep_spare = keep_spare
        self.closed = {key: host.closed for key, host in self.facts.items() if host.closed is not None}
        for key, host in self.facts.items():
            if host.free_bytes is None and key not in self.closed:
                self.closed[key] = Refusal(reason="Its free memory is not known yet.", remedy="Wait for its next beat.")
        self.pools: dict[Pool, list[tuple[int, str, int]]] = {}
        self._sizes = Counter(self.facts[key].memory_bytes for key in self.facts if key not in self.closed)
        self._total = sum(self.free[key] for key in self.facts if key not in self.closed)
        for key in self.facts:
            self._list(key)

    def available(self, key: int) -> int:
        return self.free[key] - self.reserved[key]

    def is_open(self, key: int) -> bool:
        return key in self.facts and key not in self.closed

    def rank(self, key: int, tier: int) -> None:
        """Change its tier."""
        if self.tier.get(key, STAYS) != tier:
            self.tier[key] = tier
            self._list(key)

    def close(self, key: int, why: Refusal) -> None:
        """It takes no VM from now on."""
        if self.is_open(key):
            self._total -= self.free[key]
            self._sizes[self.facts[key].memory_bytes] -= 1
        self.closed[key] = why

    def open(self, key: int) -> None:
        """It takes VMs again."""
        if key in self.closed:
            del self.closed[key]
            self._total += self.free[key]
            self._sizes[self.facts[key].memory_bytes] += 1
        self._list(key)

    def give(self, key: int, amount: int) -> None:
        """So much is free there again; negative: taken."""
        if key not in self.facts:
            return
        self.free[key] += amount
        if key not in self.closed:
            self._total += amount
        self._list(key)

    def reserve(self, key: int, amount: int) -> None:
        self.reserved[key] += amount
        self._list(key)

    def share(self, key: int, less: int = 0) -> float:
        """What would be free there, as a share of its memory."""
        memory = self.facts[key].memory_bytes
        return (self.available(key) - less) / memory if memory else 0.0

    def bounds(self, needed: int) -> Iterator[tuple[int, Pool]]:
        """Pools that may have a host with so much free, and what none of their hosts has more than."""
        for pool, heap in self.pools.items():
            if heap and -heap[0][0] >= needed:
                yield -heap[0][0], pool

    def roomiest(self, pool: Pool) -> Iterator[int]:
        """The hosts of a pool, most memory free first. Taken off its heap when the next is asked for: ``put_back``."""
        heap = self.pools[pool]
        while heap:
            if self._is_current(heap[0], pool):
                yield heap[0][2]
            heappop(heap)

    def put_back(self, keys: Iterable[int]) -> None:
        for key in keys:
            self._list(key)

    def short(self, key: int, needed: int) -> Refusal | None:
        """Too little memory there."""
        if self.available(key) >= needed:
            return None
        have = size(max(0, self.available(key)))
        return Refusal(
            reason=f"Needs {size(needed)} of memory, {have} is free.",
            remedy="Move another VM away from there first.",
            room=True,
        )

    @property
    def alone(self) -> bool:
        """One host is left that takes VMs: N+1 cannot be kept, whatever goes where."""
        return self.keep_spare and self._sizes.total() < 2

    def spare(self, taken: int) -> Refusal | None:
        """N+1: the cluster would no longer have the memory of its largest host free."""
        if not self.keep_spare or self.alone:
            return None
        largest = max((memory for memory, n in self._sizes.items() if n > 0), default=0)
        left = self._total - taken
        if left >= largest:
            return None
        return Refusal(
            reason=f"{size(max(0, left))} of memory would be left free in the cluster; N+1 keeps {size(largest)}, "
            "what its largest host has.",
            remedy="Free memory in the cluster, or let the plan go without N+1.",
            room=True,
        )

    def _list(self, key: int) -> None:
        if key in self.closed:
            return
        heap = self.pools.setdefault(self._pool(key), [])
        heappush(heap, (-self.available(key), self.facts[key].name, key))

    def _pool(self, key: int) -> Pool:
        host = self.facts[key]
        return host.kind, round(host.memory_bytes / GIB), self.tier.get(key, STAYS)

    def _is_current(self, entry: tuple[int, str, int], pool: Pool) -> bool:
        key = entry[2]
        return -entry[0] == self.available(key) and key not in self.closed and self._pool(key) == pool


def takes(vms: Iterable[VMFact]) -> int:
    """Bytes that these take of their target's ordinary memory."""
    return sum(vm.memory_bytes for vm in vms if vm.takes_memory)


def needs(taken: int) -> int:
    """What has to be free there for them to be let in: QEMU needs a tenth more than the guest's memory."""
    return int(taken * MEMORY_HEADROOM)


def leaves(vm: VMFact) -> int:
    """What its host gets back at least when it has left."""
    if not vm.takes_memory:
        return 0
    return vm.memory_bytes if vm.rss_bytes is None else min(vm.memory_bytes, vm.rss_bytes)
