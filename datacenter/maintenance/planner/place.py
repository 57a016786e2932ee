"""Which host takes a VM, or VMs that a rule keeps together: hard rules, each with its reason, then scores. Pure."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from datacenter.maintenance.planner.groups import Affinity
from datacenter.maintenance.planner.records import GIB, Fit, Group, HostFact, Refusal, VMFact
from datacenter.maintenance.planner.rooms import SOON, STAYS, UNDONE, Pool, Rooms, needs, takes
from hosts.livemigration.words import size

Fits = Callable[[VMFact, HostFact], Fit]

#: what it counts against a host, in shares of its memory, that the VM has to move once more from there
_AGAIN = 0.5
#: and that all of a group's wish is broken or met there
_WISH = 0.15
#: of each pool of alike hosts so many of the roomiest are compared where groups have wishes
_LOOK_AT = 4
_TIERS = {
    STAYS: "it need not move again",
    UNDONE: "it moves once more when that host is emptied",
    SOON: "it moves once more when that host is emptied",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to, and why there."""

    target: int
    why: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """VMs that go together, and what they take."""

    vms: Sequence[VMFact]
    source: int
    takes: int
    needs: int


class Placing:
    """Placement on the rooms as they are at this moment of the roll."""

    def __init__(self, rooms: Rooms, affinity: Affinity, fits: Fits) -> None:
        self.rooms, self.affinity, self.fits = rooms, affinity, fits

    def find(self, vms: Sequence[VMFact], source: int, wanted: int | None = None) -> Place | Refusal:
        """The best host for all of ``vms``; ``wanted``: a person's word, the only one in question."""
        keys, taken = [vm.key for vm in vms], takes(vms)
        bundle = Bundle(vms, source, taken, needs(taken))
        if refusal := self.affinity.torn(keys) or self.rooms.spare(taken):
            return refusal
        anchors = self.affinity.anchors(keys, source)
        if wanted is not None:
            if anchors and wanted not in anchors:
                return self._apart_from(anchors)
            return self.refuses(bundle, wanted) or self._place(bundle, wanted, "A person chose it")
        if anchors:
            fit = [host for host in self._named(anchors) if self.refuses(bundle, host) is None]
            if not fit:
                return self._apart_from(anchors, bundle)
            best = max(fit, key=lambda host: self.score(bundle, host))
            return self._place(bundle, best, "Kept together with its group")
        found = self._best(bundle)
        return self._nobody(bundle) if found is None else self._place(bundle, found, "")

    def refuses(self, bundle: Bundle, host: int) -> Refusal | None:
        """The first hard rule against that host."""
        rooms = self.rooms
        if host == bundle.source:
            return Refusal(reason="The VM is on this host.")
        if host not in rooms.facts:
            return Refusal(reason="It is in another cluster.", remedy="A VM migrates live within its cluster.")
        if host in rooms.closed:
            return rooms.closed[host]
        for vm in bundle.vms:
            found = self.fits(vm, rooms.facts[host]).refusal or self.affinity.forbids(vm.key, host)
            if found is not None:
                return found
        return rooms.short(host, bundle.needs)

    def score(self, bundle: Bundle, host: int) -> float:
        """The share of its memory that stays free, less 0.5 where the VM has to move again from there, and 0.15 for
        the groups' wishes, up or down.

        64 GiB with 32 free that takes 4: 0.44. An emptied one with 10 of 64 left (0.16) goes before one that is still
        to be emptied with 40 (0.63 - 0.5), and behind one with 20 that is not in the plan (0.31).
        """
        wish = sum(self.affinity.wishes(vm.key, host) for vm in bundle.vms)
        return self.rooms.share(host, bundle.takes) - _AGAIN * self.rooms.tier.get(host, STAYS) + _WISH * wish

    def _best(self, bundle: Bundle) -> int | None:
        """The best of each pool, as far as a pool can still have a better one than those found.

        Of one pool it is the roomiest that no rule forbids, since nothing else makes a difference there, but for the
        groups' wishes: for these some more are looked at, and the hosts where the group is.
        """
        looks = _LOOK_AT if any(self.affinity.of.get(vm.key) for vm in bundle.vms) else 1
        found: dict[int, float] = {}
        bar = -math.inf
        for most, pool in sorted(self._pools(bundle), key=lambda each: -each[0]):
            if most <= bar:
                break
            for host in self._fitting(bundle, pool, looks):
                found[host] = self.score(bundle, host)
            bar = max(found.values(), default=bar) if looks == 1 else bar
        for host in self._of_groups(bundle.vms):
            if self.refuses(bundle, host) is None:
                found[host] = self.score(bundle, host)
        names = self.rooms.facts
        return min(found, key=lambda host: (-found[host], names[host].name, host), default=None)

    def _pools(self, bundle: Bundle) -> Iterator[tuple[float, Pool]]:
        """Pools with room, and the best score that any host there can have."""
        for most, pool in self.rooms.bounds(bundle.needs):
            least_memory = max(1.0, (pool[1] - 0.5) * GIB)  # hosts of a pool are alike to the nearest GiB
            yield (most - bundle.takes) / least_memory - _AGAIN * pool[2], pool

    def _fitting(self, bundle: Bundle, pool: Pool, looks: int) -> list[int]:
        looked: list[int] = []
        fit: list[int] = []
        for host in self.rooms.roomiest(pool):
            if host not in looked:
                looked.append(host)
                if self.refuses(bundle, host) is None:
                    fit.append(host)
                elif host != bundle.source and self._closes(bundle, host):
                    break
            if len(fit) >= looks:
                break
        self.rooms.put_back(looked)
        return fit

    def _closes(self, bundle: Bundle, host: int) -> bool:
        """No other host of this pool will do either: they are of one kind, and have less room."""
        fact = self.rooms.facts[host]
        return self.rooms.short(host, bundle.needs) is not None or any(self.fits(vm, fact).refusal for vm in bundle.vms)

    def _of_groups(self, vms: Sequence[VMFact]) -> set[int]:
        """Hosts that a wish would have them on."""
        counts = self.affinity.counts
        groups = (group for vm in vms for group in self.affinity.of.get(vm.key, ()) if group.together)
        return {host for group in groups for host, n in counts[group.name].items() if n > 0}

    def _named(self, hosts: Iterable[int]) -> list[int]:
        known = self.rooms.facts
        return sorted((host for host in hosts if host in known), key=lambda host: (known[host].name, host))

    def _place(self, bundle: Bundle, host: int, because: str) -> Place:
        fact = self.rooms.facts[host]
        left = size(max(0, self.rooms.available(host) - bundle.takes))
        room = f"{left} of {size(fact.memory_bytes)} stay free there"
        tier = self.rooms.tier.get(host, STAYS)
        again = _TIERS[tier] if self.rooms.tier else ""
        why = "; ".join(part for part in (because, room, again) if part)
        warnings = {vm.warning or self.fits(vm, fact).warning for vm in bundle.vms} - {""}
        if self.rooms.alone:
            warnings.add(f"{fact.name} is the only host left: should it fail, nothing takes its VMs.")
        return Place(target=host, why=f"{why[:1].upper()}{why[1:]}.", warning=" ".join(sorted(warnings)))

    def _apart_from(self, anchors: Mapping[int, Group], bundle: Bundle | None = None) -> Refusal:
        hosts = self._named(anchors)
        groups = sorted({group.name for group in anchors.values()})
        reasons = {found.reason for host in hosts if bundle and (found := self.refuses(bundle, host))}
        names = ", ".join(self.rooms.facts[host].name for host in hosts[:3])
        said = f"The group “{groups[0]}” keeps it on one host with VMs on {names or 'a host of another cluster'}."
        return Refusal(
            reason=" ".join([said, *sorted(reasons)[:2]]), remedy="Move the group together, or change the group."
        )

    def _nobody(self, bundle: Bundle) -> Refusal:
        """Why no host can take it: each reason with how many hosts it holds for, the commonest first."""
        hosts: dict[str, list[str]] = {}
        room = False
        for key, fact in self.rooms.facts.items():
            if key != bundle.source and (found := self.refuses(bundle, key)) is not None:
                room |= found.room
                hosts.setdefault(_kind_of(found.reason), []).append(f"{fact.name}: {found.reason}")
        ordered = sorted(hosts.values(), key=lambda each: (-len(each), each[0]))
        told = [each[0] if len(each) == 1 else f"{each[0]} So with {len(each) - 1} more." for each in ordered[:3]]
        reason = "No host can take it. " + (" ".join(told) or "Its cluster has no other host.")
        needed = (
            f"It needs a host with {size(bundle.needs)} of memory free" if bundle.takes else "It needs another host"
        )
        return Refusal(reason=reason, remedy=f"{needed}.", room=room)


def _kind_of(reason: str) -> str:
    """Reasons that differ in their numbers only are one."""
    return "".join(letter for letter in reason if not letter.isdigit())
