"""The table of rules, and one round over it: from facts to findings."""

import logging
from collections.abc import Callable, Iterable

from datacenter.alerts import rules_hosts, rules_moves, rules_own
from datacenter.alerts.limits import Limits
from datacenter.alerts.records import Facts, Finding
from datacenter.models import AlertKind

log = logging.getLogger(__name__)

Rule = Callable[[Facts, Limits], Iterable[Finding]]

#: kinds -> the rule that finds them
RULES: tuple[tuple[tuple[AlertKind, ...], Rule], ...] = (
    ((AlertKind.HOST_SILENT,), rules_hosts.host_silent),
    ((AlertKind.VM_UNKNOWN,), rules_hosts.vm_unknown),
    ((AlertKind.TWO_COPIES,), rules_hosts.two_copies),
    ((AlertKind.CPU_HIGH, AlertKind.MEMORY_HIGH), rules_hosts.loads),
    ((AlertKind.CERTIFICATE_EXPIRES,), rules_hosts.certificate_expires),
    ((AlertKind.MIGRATION_LOST,), rules_moves.migration_lost),
    ((AlertKind.MIGRATION_STALLED,), rules_moves.migration_stalled),
    ((AlertKind.MOVE_BLOCKED,), rules_moves.move_blocked),
    ((AlertKind.WINDOW_AT_RISK,), rules_moves.window_at_risk),
    ((AlertKind.COLLECTOR_SILENT,), rules_own.collector_silent),
    ((AlertKind.WORKER_SILENT,), rules_own.worker_silent),
    ((AlertKind.GUARDIAN_SILENT,), rules_own.guardian_silent),
    ((AlertKind.DATABASE_DISK,), rules_own.database_disk),
    ((AlertKind.CLOCK_SKEW,), rules_own.clock_skew),
)


def find(facts: Facts, limits: Limits) -> tuple[list[Finding], frozenset[str]]:
    """What holds now; and kinds of which nothing can be said, since their rule broke: their alerts stay as they are."""
    found: list[Finding] = []
    broken: set[str] = set()
    for kinds, rule in RULES:
        try:
            told = list(rule(facts, limits))
        except Exception:  # a fault of ours in one rule must not silence the others
            log.exception("The rule of %s broke.", kinds[0], extra={"action": "alert_rule_broke", "kind": kinds[0]})
            broken.update(str(kind) for kind in kinds)
            continue
        found += [each for each in told if limits.of(each.kind, each.place.cluster).enabled]
    return found, frozenset(broken)
