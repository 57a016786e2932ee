"""Hosts and VMs by kind: what is equal for preflight is judged once, so that 2,500 hosts x 40,000 VMs stay cheap.

The rules are preflight's own (hosts/livemigration/preflight), on records of which one stands for all of its kind: names
are taken out of them, so that a reason reads right for every pair. State, memory, what is under way and whether the
disks are shared are no matter of kinds; snapshot.py and the planner judge those.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

from datacenter.maintenance.planner import Fit, HostFact, Refusal, VMFact
from hosts.livemigration.preflight import Case, Finding, Outcome, fitting, guest, hosts
from hosts.livemigration.preflight import Wishes as How
from hosts.livemigration.preflight.inventory import guest_of, place_of
from hosts.livemigration.preflight.records import Guest, Place
from hosts.models import VM, Host
from hosts.states import HostState, VMState

#: of a VM and a place for it
_PAIR = (
    hosts.transport,
    fitting.architecture,
    fitting.acceleration,
    fitting.machine_type,
    fitting.cpu,
    fitting.networks,
    fitting.huge_pages,
    fitting.pinned,
    hosts.tls,
)
#: of a VM anywhere
_ANYWHERE: tuple[Callable[[Case], Finding], ...] = (guest.snapshots, guest.devices)


class Kinds:
    """Numbers for kinds, and the answers for each pair of them."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._guests: dict[int, Guest] = {}
        self._places: dict[int, Place] = {}
        self._hows: dict[int, How] = {}
        self._homes: dict[int, int] = {}  # kind of VM -> kind of the host it is on
        self._fits: dict[tuple[int, int], Fit] = {}
        self._anywhere: dict[int, tuple[Refusal | None, str]] = {}

    def of_host(self, host: Host) -> int:
        place = replace(
            place_of(host), name="its host", pk=0, machine_uuid="", state=HostState.UP, error="", free_bytes=None,
            migration_address="", locks="", keepalive_tuned=None,
        )  # fmt: skip
        pools = None if place.huge_pages is None else tuple(sorted(place.huge_pages.items()))
        key = replace(place, huge_pages=None, address="x" if place.address else "")
        number = self._number(("host", key, pools))
        self._places.setdefault(number, place)
        return number

    def of_vm(self, vm: VM, home: int, how: How) -> int:
        key = (
            "vm", home, how, vm.arch, vm.machine, vm.virt_type, vm.cpu_mode, vm.cpu_model, tuple(vm.cpu_features),
            vm.huge_page_bytes, vm.memory_bytes if vm.huge_page_bytes is not None else 0, vm.pinned_cpus, vm.snapshots,
            tuple(_nic(each) for each in vm.nics), tuple(str(each) for each in vm.devices),
        )  # fmt: skip
        number = self._number(key)
        if number not in self._guests:
            self._guests[number] = replace(guest_of(vm), name="the VM", state=VMState.UP, disks=())
            self._homes[number], self._hows[number] = home, how
        return number

    def fits(self, vm: VMFact, host: HostFact) -> Fit:
        assert isinstance(vm.kind, int)
        assert isinstance(host.kind, int)
        pair = (vm.kind, host.kind)
        found = self._fits.get(pair)
        if found is None:
            found = self._fits[pair] = _fit([check(self._case(*pair)) for check in _PAIR])
        return found

    def anywhere(self, kind: int) -> tuple[Refusal | None, str]:
        """Why VMs of this kind can move nowhere, and what a person should know of them."""
        if kind not in self._anywhere:
            found = _fit([check(self._case(kind, self._homes[kind])) for check in _ANYWHERE])
            self._anywhere[kind] = found.refusal, found.warning
        return self._anywhere[kind]

    def _case(self, vm: int, host: int) -> Case:
        there = replace(self._places[host], name="it", pk=1)
        return Case(
            guest=self._guests[vm], source=self._places[self._homes[vm]], destination=there, wishes=self._hows[vm]
        )

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


def _fit(findings: list[Finding]) -> Fit:
    refusing = next((each for each in findings if each.outcome is Outcome.REFUSES), None)
    if refusing is not None:
        return Fit(refusal=Refusal(reason=refusing.text, remedy=refusing.remedy))
    return Fit(warning=" ".join(each.sentence for each in findings if each.outcome is Outcome.WARNS))


def _nic(stored: Any) -> tuple[str, str]:
    if not isinstance(stored, dict):
        return "", ""
    return str(stored.get("kind") or ""), str(stored.get("source") or "")
