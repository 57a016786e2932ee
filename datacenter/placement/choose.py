"""Where a VM may go: every host of its data center, best first, and why another may not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datacenter.placement.affinity import Companions
from datacenter.placement.capacity import Room, snapshot
from hosts.livemigration import preflight
from hosts.livemigration.preflight import Case, Finding, Proof, Wishes
from hosts.models import VM, Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One host for one VM. ``ok`` False: ``reason`` says why not and ``remedy`` what would mend it.

    ``checks``: all that preflight found, the warnings among them.
    """

    host: Host
    ok: bool
    reason: str = ""
    remedy: str = ""
    free_memory_after_bytes: int | None = None
    cpu_percent: float | None = None
    incoming: int = 0
    score: float = 0.0
    checks: tuple[Finding, ...] = ()

    @property
    def warnings(self) -> list[Finding]:
        return preflight.warnings(self.checks)


def candidates(
    vm: VM,
    *,
    wishes: Wishes | None = None,
    proofs: Mapping[int, Proof] | None = None,
    busy: str = "",
    rooms: Sequence[Room] | None = None,
    companions: Companions | None = None,
) -> list[Candidate]:
    """Best first; those that cannot take it last, by name. Three queries, four where the VM is in affinity groups;
    none where ``rooms`` and ``companions`` are given.

    ``wishes``: how it is to move; ``proofs``: what earlier migrations proved, by host (``preflight.proofs``);
    ``busy``: what else is under way with the VM.
    """
    rooms = snapshot(vm.host.cluster.datacenter_id) if rooms is None else rooms
    if companions is None:
        companions = Companions([vm])
    source = next((room.host for room in rooms if room.host.pk == vm.host_id), vm.host)

    def case(room: Room) -> Case:
        return preflight.from_rows(
            vm,
            room.host,
            source=source,
            free_bytes=room.free_bytes,
            wishes=wishes,
            proof=(proofs or {}).get(room.host.pk),
            busy=busy,
        )

    judged = [_judge(vm, room, preflight.judge(case(room)), companions) for room in rooms]
    return sorted(judged, key=lambda each: (not each.ok, -each.score, each.host.name))


def best(vm: VM) -> Candidate | None:
    """The best host for it, or None if no host can take it."""
    first = next(iter(candidates(vm)), None)
    return first if first and first.ok else None


def _judge(vm: VM, room: Room, findings: tuple[Finding, ...], companions: Companions) -> Candidate:
    if affinity := companions.check(vm, room.host.pk):
        findings = (*findings, affinity)
    objection = preflight.objection(_place_first(findings))
    after = None if room.free_bytes is None else room.free_bytes - vm.memory_bytes
    return Candidate(
        host=room.host,
        ok=objection is None,
        reason=objection.text if objection else "",
        remedy=objection.remedy if objection else "",
        free_memory_after_bytes=after,
        cpu_percent=room.cpu_percent,
        incoming=room.incoming,
        score=_score(room, after) + companions.score(vm, room.host.pk) if objection is None else 0.0,
        checks=findings,
    )


def _place_first(findings: tuple[Finding, ...]) -> list[Finding]:
    """That a VM is here already says more of this host than what is wrong with the VM anywhere."""
    return sorted(findings, key=lambda each: each.check != "place")


def _score(room: Room, free_after: int | None) -> float:
    """Between 0 and 1: the scarcer of memory left and CPU left, less a tenth for each migration on its way there.

    An empty host of 64 GiB that takes 4 GiB at 10 % CPU scores 0.90; one with 8 of 64 GiB left scores 0.125.
    """
    memory_left = (free_after or 0) / room.memory_bytes if room.memory_bytes else 0.0
    cpu_left = 1.0 - (room.cpu_percent or 0.0) / 100.0
    return max(0.0, min(memory_left, cpu_left) - 0.1 * room.incoming)
