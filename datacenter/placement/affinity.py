"""Affinity groups in placement: who has to be with whom, who apart, and where they are. Two queries for any number."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from datacenter.models import AffinityGroup
from hosts.livemigration.preflight.records import About, Finding, passes, refuses
from hosts.models import VM, Migration
from hosts.states import OPEN_MIGRATION

#: what a group's wish counts in the score, wholly met or wholly broken
WISH = 0.15


@dataclass(slots=True, kw_only=True)
class _Group:
    name: str
    together: bool
    hard: bool
    where: dict[int, int] = field(default_factory=dict)  # VM -> host; those on their way are where they go


class Companions:
    """The groups of some VMs. ``pending``: VMs about to be placed, that are nowhere yet."""

    def __init__(self, vms: Iterable[VM]) -> None:
        self.pending = {vm.pk for vm in vms}
        self._of: dict[int, list[_Group]] = defaultdict(list)
        self._names: dict[int, str] = {}
        groups: dict[int, _Group] = {}
        for pk, name, together, hard, vm, vm_name, host in _rows(self.pending) if self.pending else ():
            group = groups.setdefault(pk, _Group(name=name, together=together, hard=hard))
            group.where[vm] = host
            self._of[vm].append(group)
            self._names[vm] = vm_name
        if self._names:
            for vm, host in _under_way(self._names):
                self._stands(vm, host)

    def moved(self, vm: VM, host: int) -> None:
        """It has its place now, and the others are placed by it."""
        self.pending.discard(vm.pk)
        self._stands(vm.pk, host)

    def check(self, vm: VM, host: int) -> Finding | None:
        """The hard rules against that host, or that they hold; None where the VM is in no group with one."""
        hard = [group for group in self._of.get(vm.pk, ()) if group.hard]
        for group in hard:
            others = {other: there for other, there in group.where.items() if self._counts(vm, other)}
            if not group.together and (near := [other for other, there in others.items() if there == host]):
                text = f"The group “{group.name}” keeps it apart from {self._names[near[0]]}, which is there."
                return refuses("affinity", text, "Move that one first, or change the group.", About.HOST)
            if group.together and others and host not in others.values():
                with_whom = ", ".join(sorted(self._names[other] for other in others)[:3])
                text = f"The group “{group.name}” keeps it on one host with {with_whom}."
                return refuses("affinity", text, "Move them together, or change the group.", About.HOST)
        return passes("affinity", "Its groups allow it.") if hard else None

    def score(self, vm: VM, host: int) -> float:
        """-0.15 to 0.15 for each soft group: the share of its others that are there, for or against it."""
        total = 0.0
        for group in self._of.get(vm.pk, ()):
            others = [there for other, there in group.where.items() if self._counts(vm, other)]
            if not group.hard and others:
                total += (WISH if group.together else -WISH) * others.count(host) / len(others)
        return total

    def _counts(self, vm: VM, other: int) -> bool:
        return other != vm.pk and other not in self.pending

    def _stands(self, vm: int, host: int) -> None:
        for group in self._of.get(vm, ()):
            group.where[vm] = host


def _rows(vms: set[int]) -> Iterable[tuple[int, str, bool, bool, int, str, int]]:
    """Every member of every group that one of these is in."""
    members = AffinityGroup.vms.through.objects.filter(affinitygroup__vms__in=vms).distinct()
    fields = ("name", "together", "hard")
    return members.order_by("affinitygroup__name", "vm__name").values_list(
        "affinitygroup", *(f"affinitygroup__{each}" for each in fields), "vm", "vm__name", "vm__host"
    )


def _under_way(vms: Iterable[int]) -> Iterable[tuple[int, int]]:
    rows = Migration.objects.filter(vm__in=list(vms), state__in=OPEN_MIGRATION, destination__isnull=False)
    return rows.values_list("vm", "destination")
