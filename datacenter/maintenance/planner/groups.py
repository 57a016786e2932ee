"""Affinity as the roll goes on: who is where, and what a group says of a host. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from datacenter.maintenance.planner.records import Group, Refusal


class Affinity:
    """The groups and where their VMs are, those on their way counted where they go."""

    def __init__(self, groups: Iterable[Group], where: Mapping[int, int]) -> None:
        self.of: dict[int, list[Group]] = defaultdict(list)
        self.counts: dict[str, Counter[int]] = {}
        for group in sorted(groups, key=lambda each: each.name):
            self.counts[group.name] = Counter(where[vm] for vm in group.vms if vm in where)
            for vm in group.vms:
                self.of[vm].append(group)

    def moved(self, vm: int, source: int, target: int) -> None:
        for group in self.of.get(vm, ()):
            here = self.counts[group.name]
            here[source] -= 1
            here[target] += 1

    def bundle(self, vm: int, among: Iterable[int]) -> list[int]:
        """The VMs of ``among`` that a rule keeps on one host with ``vm``, itself with them, in the order given."""
        among = list(among)
        found, todo = {vm}, [vm]
        while todo:
            for group in self.of.get(todo.pop(), ()):
                if group.hard and group.together:
                    more = [each for each in among if each in group.vms and each not in found]
                    found.update(more)
                    todo.extend(more)
        return [each for each in among if each in found]

    def anchors(self, bundle: Iterable[int], source: int) -> dict[int, Group]:
        """Hosts where a VM is that a rule keeps together with the bundle: only these will do, if there are any."""
        held: dict[int, Group] = {}
        for vm in bundle:
            for group in self.of.get(vm, ()):
                if group.hard and group.together:
                    held |= {host: group for host, n in self.counts[group.name].items() if n > 0 and host != source}
        return held

    def torn(self, bundle: Iterable[int]) -> Refusal | None:
        """A rule that forbids what another one demands: two of a bundle that are to be apart."""
        seen: dict[str, int] = {}
        for vm in bundle:
            for group in self.of.get(vm, ()):
                if group.hard and not group.together and seen.setdefault(group.name, vm) != vm:
                    return Refusal(
                        reason=f"The group “{group.name}” keeps VMs apart that another one keeps together.",
                        remedy="Change one of the two groups.",
                    )
        return None

    def forbids(self, vm: int, host: int) -> Refusal | None:
        """A hard rule against that host: one that the VM is to be apart from is there."""
        for group in self.of.get(vm, ()):
            if group.hard and not group.together and self.counts[group.name][host] > 0:
                return Refusal(
                    reason=f"The group “{group.name}” keeps it apart from a VM there.",
                    remedy="Move the other VM first, or change the group.",
                )
        return None

    def wishes(self, vm: int, host: int) -> float:
        """How well that host suits the soft groups, -1 to 1 for each: with the others, or away from them."""
        total = 0.0
        for group in self.of.get(vm, ()):
            if not group.hard:
                here = self.counts[group.name]
                others = max(1, len(group.vms) - 1)
                total += (1 if group.together else -1) * here[host] / others
        return total
