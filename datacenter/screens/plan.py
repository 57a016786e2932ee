"""What would happen: each candidate with its checks and its forecast, for the migrate dialog."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datacenter import placement
from datacenter.orders import MigrateOptions
from datacenter.placement import Candidate
from hosts.livemigration import beforehand, pairs, preflight
from hosts.livemigration.beforehand import Outlook, Terms
from hosts.livemigration.pairs import Pair
from hosts.livemigration.policy import Method
from hosts.livemigration.preflight import About, Finding, Outcome, Proof
from hosts.livemigration.terms import terms
from hosts.models import VM, Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One candidate as the dialog shows it. ``outlook`` None: the guest was not measured yet, or it cannot go there."""

    candidate: Candidate
    outlook: Outlook | None

    @property
    def host(self) -> Host:
        return self.candidate.host

    @property
    def refusals(self) -> list[Finding]:
        return [each for each in self.candidate.checks if each.outcome is Outcome.REFUSES]

    @property
    def warnings(self) -> list[Finding]:
        return self.candidate.warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of them, best first. ``blocked``: what keeps the VM from moving anywhere; ``offline``: it is down, and its
    definition moves alone."""

    choices: list[Choice]
    chosen: Choice | None
    blocked: Finding | None
    offline: bool = False

    @property
    def best(self) -> Choice | None:
        return self.choices[0] if self.choices and self.choices[0].candidate.ok else None


def plan(vm: VM, wanted: Host | None, options: MigrateOptions) -> Plan:
    """``wanted`` None: the best. A constant number of queries, whatever the number of hosts."""
    proofs = preflight.proofs(vm.host)
    asked = terms(vm, vm.host, **options)
    found = placement.candidates(vm, wishes=preflight.wishes(asked), proofs=proofs, busy=preflight.busy(vm))
    judged = placement.keep_off(found)
    known = pairs.of_source(vm.host)
    choices = [_choice(vm, each, asked, proofs, known.get(each.host.pk)) for each in judged]
    best = choices[0] if choices and choices[0].candidate.ok else None
    picked = next((each for each in choices if wanted is not None and each.host.pk == wanted.pk), None)
    return Plan(choices=choices, chosen=picked or best, blocked=_blocked(judged), offline=asked["offline"])


def _choice(
    vm: VM, candidate: Candidate, asked: Mapping[str, Any], proofs: Mapping[int, Proof], pair: Pair | None
) -> Choice:
    if not candidate.ok or asked["offline"]:
        return Choice(candidate=candidate, outlook=None)
    proof = proofs.get(candidate.host.pk)
    found = beforehand.outlook(
        Terms(
            memory_bytes=vm.memory_bytes,
            rss_bytes=vm.rss_bytes,
            dirty_rate=vm.dirty_rate,
            dirty_rate_long=vm.dirty_rate_long,
            bandwidth=asked["bandwidth"],
            max_downtime_ms=asked["max_downtime_ms"],
            adaptive=asked["policy"].data.get("method") == Method.ADAPTIVE,
            postcopy=bool(asked["postcopy_allowed"]),
            auto_converge=bool(asked["auto_converge"]),
            xbzrle=bool(asked["xbzrle"]),
            parallel=asked["parallel"] or 0,
            speed=proof.speed if proof else None,
            constants=pair.constants if pair else None,
        )
    )
    return Choice(candidate=candidate, outlook=found)


def _blocked(judged: list[Candidate]) -> Finding | None:
    """The VM's own objection, which stands at every host alike."""
    findings = judged[0].checks if judged else ()
    return next((each for each in findings if each.outcome is Outcome.REFUSES and each.about is not About.HOST), None)
