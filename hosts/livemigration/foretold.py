"""The forecast made right before the start, kept with the migration, and held against what came."""

import logging
from dataclasses import dataclass

from hosts.livemigration import beforehand, pairs, preflight
from hosts.livemigration.beforehand import Terms
from hosts.livemigration.policy import Method
from hosts.models import Migration
from hosts.states import MigrationState

log = logging.getLogger(__name__)


def keep_expected(row: Migration) -> None:
    """Write what is known of its two hosts, and what is expected of this migration: nothing where the guest's dirty
    rate could not be measured.
    """
    if row.destination is None:
        return
    pair = pairs.known(row.source, row.destination)
    row.pair = pair.as_json() | {"rss_bytes": row.vm.rss_bytes}
    Migration.objects.filter(pk=row.pk).update(pair=row.pair)
    proof = preflight.proofs(row.source).get(row.destination.pk)
    found = beforehand.outlook(
        Terms(
            memory_bytes=row.vm.memory_bytes,
            rss_bytes=row.vm.rss_bytes,
            dirty_rate=row.dirty_rate_before,
            dirty_rate_long=row.dirty_rate_long_before,
            bandwidth=row.bandwidth,
            max_downtime_ms=row.max_downtime_ms,
            adaptive=_is_adaptive(row),
            postcopy=row.postcopy_allowed,
            auto_converge=row.auto_converge,
            xbzrle=row.xbzrle,
            parallel=row.parallel,
            speed=proof.speed if proof else None,
            constants=pair.constants if pair.count else None,
        )
    )
    if found is None:
        return
    row.expected = beforehand.kept(found)
    Migration.objects.filter(pk=row.pk).update(expected=row.expected)
    log.info("The migration %s: %s", row, found.sentence, extra={"action": "migration_foretold", "row": row.pk})


def _is_adaptive(row: Migration) -> bool:
    return row.policy is not None and row.policy.data.get("method") == Method.ADAPTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One figure: what was said and what came, in its unit; None where one of the two is not known."""

    name: str  # "seconds", "pause_ms", "bytes"
    low: float | None = None
    expected: float | None = None
    high: float | None = None
    fact: float | None = None

    @property
    def error(self) -> float | None:
        """(fact - expected) / fact: 0.25 where it took a quarter less to say."""
        if self.fact is None or self.expected is None or self.fact <= 0:
            return None
        return (self.expected - self.fact) / self.fact

    @property
    def inside(self) -> bool | None:
        if self.fact is None or self.low is None or self.high is None:
            return None
        return self.low <= self.fact <= self.high


def compared(row: Migration) -> list[Compared]:
    """Time, pause and bytes, expected against fact; empty where nothing was foretold."""
    said = row.expected
    if not isinstance(said, dict):
        return []
    facts = {"seconds": _seconds(row), "pause_ms": row.pause_ms, "bytes": row.transferred_bytes}
    if row.state != MigrationState.DONE:
        facts = dict.fromkeys(facts)
    return [_compare(name, said.get(name), fact) for name, fact in facts.items()]


def _compare(name: str, triple: object, fact: float | None) -> Compared:
    if not isinstance(triple, list) or len(triple) != 3:
        return Compared(name=name, fact=fact)
    low, expected, high = triple
    return Compared(name=name, low=low, expected=expected, high=high, fact=fact)


def _seconds(row: Migration) -> float | None:
    """From asking libvirt until the guest ran on the destination: what the forecast tells of."""
    end = row.resumed_at or row.ended_at
    if row.started_at is None or end is None:
        return None
    if row.used_postcopy and row.ended_at:  # its end is that of the last page
        end = row.ended_at
    return (end - row.started_at).total_seconds()
