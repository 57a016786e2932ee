"""How much of the forecast's accuracy is its constants: learnt from all batches but one, tried on that one.

    python -m tests.bench.crossvalidate --logs DIR

The batch of a log is the first letter of its name, and used for nothing but this. Refitted each time: setup, what of
RSS is not the guest's, share of the line, free speed, device state, queue. Not refitted: structure, prior, stop speed.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from hosts.livemigration.forecast.constants import Constants
from hosts.livemigration.forecast.engine import forecast_before, forecast_running, line_speed
from hosts.livemigration.forecast.records import Prospect
from hosts.livemigration.forecast.trace import seen
from tests.bench.forecast import LOGS, Score, figures, load, say, score
from tests.bench.migration_logs import Case, Known


def calibrate(cases: Sequence[Case], start: Constants) -> Constants:
    """The constants of ``start``, each replaced by what the median of ``cases`` says."""
    running = [case.after for case in cases if case.after is not None]
    plain = [known for known in running if not (known.orders.xbzrle or known.orders.compress_threads)]
    slow = [known for known in plain if known.orders.line and not known.orders.cap]
    free = [known for known in plain if not known.orders.line and not known.orders.cap]
    capped = [known for known in plain if known.orders.cap]
    fitted = replace(
        start,
        setup_s=_median((min(at for _, at in known.syncs) for known in running if known.syncs), start.setup_s),
        rss_overhead=_median(_overheads(capped), start.rss_overhead),
        line_share=_median((_speed(known) / (known.orders.line or 1) for known in slow), start.line_share),
        free_speed=_median((_speed(known) for known in free), start.free_speed),
    )
    under_cap = _pause_excess([case for case in cases if case.before.orders.cap], fitted)
    fitted = replace(fitted, device_s=max(0.01, fitted.device_s + under_cap))
    on_line = _pause_excess([case for case in cases if case.before.orders.line], fitted, as_bytes=True)
    return replace(fitted, queue_bytes=max(0.0, fitted.queue_bytes + on_line))


def _median(values: Iterable[float], otherwise: float) -> float:
    known = [value for value in values if value > 0]
    return median(known) if known else otherwise


def _speed(known: Known) -> float:
    so_far = seen(known.ticks, syncs=dict(known.syncs), now_s=known.now_s)
    return so_far.speed if so_far is not None else 0.0


def _overheads(cases: Sequence[Known]) -> Iterable[float]:
    for known in cases:
        first = [tick for tick in known.ticks if tick.iteration == 1]
        if first and known.guest.rss_bytes and known.orders.max_downtime_ms <= 300:
            yield known.guest.rss_bytes - first[-1].sent


def _pause_excess(cases: Sequence[Case], constants: Constants, *, as_bytes: bool = False) -> float:
    """How much longer the guest paused than foretold, in seconds, or in bytes that the line takes in that time."""
    excess: list[float] = []
    for case in cases:
        if case.after is None or case.truth.pause_ms is None or case.truth.steered_s is not None:
            continue
        prospect = _after(case.after, constants)
        if prospect is not None and prospect.pause_ms is not None:
            seconds = (case.truth.pause_ms - prospect.pause_ms.median) / 1000
            excess.append(seconds * line_speed(case.before.orders, constants) if as_bytes else seconds)
    return median(excess) if excess else 0.0


def _after(known: Known, constants: Constants) -> Prospect | None:
    so_far = seen(known.ticks, syncs=dict(known.syncs), now_s=known.now_s)
    return None if so_far is None else forecast_running(known.guest, known.orders, so_far, constants)


def cross_validate(cases: dict[str, Case]) -> dict[str, object]:
    first: list[Score] = []
    second: list[Score] = []
    for batch in sorted({name[:1] for name in cases}):
        others = [case for name, case in cases.items() if name[:1] != batch]
        constants = calibrate(others, Constants())
        for name, case in cases.items():
            if name[:1] != batch or case.truth.steered_s is not None:
                continue
            first.append(score(name, forecast_before(case.before.guest, case.before.orders, constants), case.truth))
            running = _after(case.after, constants) if case.after is not None else None
            if running is not None:
                second.append(score(name, running, case.truth))
    return {**figures(first, second), "n": len(cases)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Leave one batch out: learn the constants from the others.")
    parser.add_argument("--logs", type=Path, default=LOGS)
    cases, _bad = load(parser.parse_args().logs)
    if not cases:
        say("No migration logs.", sys.stderr)
        return 1
    constants = calibrate(list(cases.values()), Constants())
    say(f"from all: {constants}")
    say(json.dumps(cross_validate(cases)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
