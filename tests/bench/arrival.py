"""What a PAUSED arrival costs in pause, against real libvirt and QEMU, Godwit's worker and guardian as processes.

    python -m tests.bench.arrival [--runs 20]

One guest moves there and back, with and without in turn, so that the machine's mood is the same for both. The pause is
the rows' own (destination resumed less source suspended) and the guest's longest silence as its heartbeat tells it.
The last line is JSON: ``plain`` and ``paused``, each with ``n``, ``pause_ms`` and ``gap_ms`` (``p50``, ``p90``,
``max``), ``cost_ms`` (difference of the medians of ``pause_ms``), and of a PAUSED arrival ``clearing_ms`` (source
suspended until it says that it has ended) and ``reaction_ms`` (from then until the guest runs: all that is ours).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.faults import own_database, say

if TYPE_CHECKING:  # they need Django to be set up
    from hosts.models import VM, Migration
    from tests.bench.fault_stage import Stage

LOAD = {"memory_mb": 128, "dirty_mb": 8, "dirty_rate": 10, "pattern": "random"}


class Ears:
    """Moments of one guest's events on all hosts, as they came in: (seconds, host, what)."""

    def __init__(self, stage: Stage, uuid: str) -> None:
        from hosts.virt.connect import connect

        self.heard: list[tuple[float, str, str]] = []
        self._uuid = uuid
        self._drivers = [connect(host.uri, deadline_s=5.0) for host in stage.lab.hosts.values()]
        for name, driver in zip(stage.lab.hosts, self._drivers, strict=True):
            driver.subscribe(lambda event, name=name: self._hear(name, event.uuid, event.detail))  # type: ignore[misc]

    def _hear(self, host: str, uuid: str, detail: str) -> None:
        if uuid == self._uuid and detail:
            self.heard.append((time.monotonic(), host, detail))

    def moment(self, host: str, what: str) -> float | None:
        return next((at for at, where, said in self.heard if (where, said.partition("/")[0]) == (host, what)), None)

    def close(self) -> None:
        for driver in self._drivers:
            driver.close()


def move(stage: Stage, vm: VM, *, paused: bool) -> tuple[Migration, dict[str, float]]:
    """To the other of h1 and h2; the row, and milliseconds of this move."""
    from django.db import transaction

    from hosts.livemigration.request import request_migration
    from hosts.models import VM, Host, Migration
    from tests.bench.fault_processes import wait_for

    vm = VM.objects.select_related("host").get(pk=vm.pk)
    here, there = vm.host.name, "h2" if vm.host.name == "h1" else "h1"
    ears = Ears(stage, str(vm.uuid))
    with stage.lab.watch(vm.name) as watch:
        with transaction.atomic():
            row = request_migration(vm, Host.objects.get(name=there), actor="bench", postcopy_allowed=False)
            Migration.objects.filter(pk=row.pk).update(arrives_paused=paused)
        wait_for(lambda: Migration.objects.get(pk=row.pk).state != "queued", seconds=20, what="a start")
        wait_for(lambda: Migration.objects.get(pk=row.pk).ended_at is not None, seconds=90, what="an end")
        time.sleep(1.0)
        figures = {"gap_ms": 1000 * watch.longest_gap_s}
    ears.close()
    row.refresh_from_db()
    assert row.state == "done", row.because
    assert row.pause_ms is not None
    figures["pause_ms"] = row.pause_ms
    moments = ears.moment(here, "suspended"), ears.moment(here, "stopped"), ears.moment(there, "resumed")
    if paused and None not in moments:
        suspended, stopped, resumed = moments
        figures |= {"clearing_ms": 1000 * (stopped - suspended), "reaction_ms": 1000 * (resumed - stopped)}  # type: ignore[operator]
    wait_for(lambda: VM.objects.get(pk=vm.pk).host.name == there, seconds=30, what="the row's new host")
    return row, figures


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """p50, p90 and the greatest; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    at = ordered[min(len(ordered) - 1, round(0.9 * (len(ordered) - 1)))]
    return {"p50": round(statistics.median(ordered), 1), "p90": round(at, 1), "max": round(ordered[-1], 1)}


def summary(runs: Sequence[dict[str, float]]) -> dict[str, object]:
    names = ("pause_ms", "gap_ms", "clearing_ms", "reaction_ms")
    told = {name: spread([each[name] for each in runs if name in each]) for name in names}
    return {"n": len(runs), **{name: found for name, found in told.items() if found}}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=20, help="of each kind")
    given = options.parse_args()
    kinds: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    with own_database():
        from deploy.lab.sharing import own_lab
        from tests.bench.fault_stage import staged

        logs = Path(tempfile.mkdtemp(prefix="godwit-arrival-"))
        say(f"logs of the processes: {logs}")
        with own_lab() as lab, staged(lab, logs) as stage:
            vm = stage.guest(**LOAD)
            for number in range(2 * given.runs):
                paused = number % 4 in (1, 2)  # as often in the one direction as in the other
                _, figures = move(stage, vm, paused=paused)
                kinds[paused].append(figures)
                say(
                    f"{number + 1:3} {'paused' if paused else 'plain ':6} "
                    + str({k: round(v) for k, v in figures.items()})
                )
    plain, late = (statistics.median([each["pause_ms"] for each in kinds[kind]]) for kind in (False, True))
    cost = {"plain": summary(kinds[False]), "paused": summary(kinds[True]), "cost_ms": round(late - plain, 1)}
    say(json.dumps(cost))
    return 0


if __name__ == "__main__":
    sys.exit(main())
