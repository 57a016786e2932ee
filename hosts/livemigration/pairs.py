"""What a pair of hosts showed in its migrations, for the forecasts of the next: kept with each that is done.

The worker that saw a migration end writes what it taught (:func:`remember`); a forecast folds the newest of its pair
(:func:`known`). A running migration keeps what was known of its hosts when it began, so that its forecast stays pure.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from statistics import median
from typing import Any

from hosts.livemigration.forecast.constants import Constants, Learnt, learn
from hosts.models import Host, Migration, Sample
from hosts.states import MigrationState

log = logging.getLogger(__name__)

#: a pair is judged by its newest so many; of a source, and of all hosts, so many are read
_LAST, _LAST_OF_SOURCE, _LAST_IN_ALL = 12, 400, 2000
#: a throughput counts from so many readings on
_READINGS = 3
#: an overhead beyond this share of the guest is another guest's, or a balloon's
_OVERHEAD_SHARE = 1.0
_FIELDS = tuple(each.name for each in fields(Learnt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is known of two hosts: ``constants`` from ``count`` migrations, the newest of which ended at ``newest_at``.

    With a count of 0 they are the lab's.
    """

    constants: Constants = field(default_factory=Constants)
    count: int = 0
    newest_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "constants": asdict(self.constants),
            "count": self.count,
            "newest_at": self.newest_at.isoformat() if self.newest_at else None,
        }


UNKNOWN = Pair()


def known(source: Host, destination: Host) -> Pair:
    """What this pair's migrations taught. One query."""
    return of_source(source, destination).get(destination.pk, UNKNOWN)


def of_source(source: Host, destination: Host | None = None) -> dict[int, Pair]:
    """By destination. One query, whatever the number of hosts."""
    rows = Migration.objects.filter(source=source, state=MigrationState.DONE).filter(taught__isnull=False)
    if destination is not None:
        rows = rows.filter(destination=destination)
    lessons: dict[int, list[tuple[datetime, Mapping[str, Any]]]] = defaultdict(list)
    most = _LAST if destination is not None else _LAST_OF_SOURCE
    newest = rows.order_by("-ended_at").values_list("destination_id", "ended_at", "taught")
    for pk, ended_at, lesson in newest[:most]:
        if pk is not None and ended_at is not None and len(lessons[pk]) < _LAST:
            lessons[pk].append((ended_at, lesson or {}))
    return {pk: _fold(many) for pk, many in lessons.items()}


def everywhere() -> list[tuple[Host, Host, Pair]]:
    """Every pair that was learnt of, the one that was used last first. Two queries."""
    lessons: dict[tuple[int, int], list[tuple[datetime, Mapping[str, Any]]]] = defaultdict(list)
    rows = Migration.objects.filter(state=MigrationState.DONE, taught__isnull=False, destination__isnull=False)
    newest = rows.order_by("-ended_at").values_list("source_id", "destination_id", "ended_at", "taught")
    for source, destination, ended_at, lesson in newest[:_LAST_IN_ALL]:
        if destination is not None and ended_at is not None and len(lessons[source, destination]) < _LAST:
            lessons[source, destination].append((ended_at, lesson or {}))
    hosts = Host.objects.in_bulk({pk for pair in lessons for pk in pair})
    return [(hosts[source], hosts[destination], _fold(many)) for (source, destination), many in lessons.items()]


def _fold(many: Sequence[tuple[datetime, Mapping[str, Any]]]) -> Pair:
    """``many``: newest first."""
    oldest_first = [_lesson(lesson) for _, lesson in reversed(many)]
    return Pair(constants=learn(oldest_first), count=len(many), newest_at=many[0][0])


def _lesson(stored: Mapping[str, Any]) -> Learnt:
    return Learnt(**{name: value for name in _FIELDS if isinstance(value := stored.get(name), int | float)})


def remember(row: Migration) -> None:
    """Write what a migration that is done taught of its hosts; nothing of one that another tool steered, or offline."""
    if row.state != MigrationState.DONE or not row.ours or row.offline or row.taught is not None:
        return
    samples = list(Sample.objects.filter(migration=row).order_by("at"))
    lesson = taught(row, samples)
    row.taught = {name: value for name, value in asdict(lesson).items() if value is not None}
    Migration.objects.filter(pk=row.pk, taught__isnull=True).update(taught=row.taught)
    log.info("%s taught %s", row, row.taught, extra={"action": "pair_learnt", "row": row.pk})


def taught(row: Migration, samples: Sequence[Sample]) -> Learnt:
    """What its rows tell of its hosts. Pure.

    Only plain pre-copy tells: post-copy, compression, parallel connections and disks bend every figure but the setup.
    """
    moving = [sample for sample in samples if sample.processed_bytes > 0]
    if not moving:
        return Learnt()
    setup_s = _setup(row, moving)
    if row.used_postcopy or row.xbzrle or row.parallel or row.copy_disks:
        return Learnt(setup_s=setup_s)
    rates = [sample.throughput for sample in moving if sample.throughput > 0]
    pause_s, rest = _pause(row, moving)
    return Learnt(
        setup_s=setup_s,
        overhead=_overhead(row, moving),
        pause_s=pause_s,
        rest_bytes=rest,
        free_speed=median(rates) if row.bandwidth is None and len(rates) >= _READINGS else None,
    )


def _setup(row: Migration, moving: Sequence[Sample]) -> float | None:
    """From the call until memory moved: the first reading less what its bytes took."""
    if row.started_at is None:
        return None
    first = moving[0]
    took = first.processed_bytes / first.throughput if first.throughput > 0 else 0.0
    seconds = (first.at - row.started_at).total_seconds() - min(took, 1.0)
    return seconds if seconds > 0 else None


def _overhead(row: Migration, moving: Sequence[Sample]) -> float | None:
    """QEMU's resident memory before the start less what the first pass sent, tail included where it is small."""
    pair = row.pair if isinstance(row.pair, dict) else {}
    rss = pair.get("rss_bytes")
    first = [sample for sample in moving if sample.iteration <= 1]
    later = [sample for sample in moving if sample.iteration > 1]
    if not isinstance(rss, int | float) or not first or not later:
        return None
    overhead = rss - first[-1].processed_bytes
    return overhead if 0 <= overhead <= _OVERHEAD_SHARE * row.vm.memory_bytes else None


def _pause(row: Migration, moving: Sequence[Sample]) -> tuple[float | None, float | None]:
    """How long the guest stood still in seconds, and the bytes that then were on their way.

    In the first pass what remains counts zero pages, which cost nothing: it tells nothing.
    """
    before = [sample for sample in moving if row.suspended_at is not None and sample.at <= row.suspended_at]
    if row.pause_ms is None or row.suspended_at is None or not before or before[-1].iteration < 2:
        return None, None
    last = before[-1]
    since_s = (row.suspended_at - last.at).total_seconds()
    return row.pause_ms / 1000, max(0.0, last.remaining_bytes - since_s * last.throughput)
