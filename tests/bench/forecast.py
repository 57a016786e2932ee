"""How good the forecast is: every recorded migration is forecast before its start and after its second pass.

    python -m tests.bench.forecast --logs DIR

docs/forecast.md says how each run is judged. The last line is JSON; the lines above it are for people.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TextIO

from hosts.livemigration.forecast.engine import forecast_before, forecast_running
from hosts.livemigration.forecast.records import Prospect, Range
from hosts.livemigration.forecast.trace import seen
from tests.bench.geometric import geometric_before, geometric_running
from tests.bench.migration_logs import BadLogError, Case, Known, Truth, read

LOGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "migrations"

Forecaster = Callable[[Known], Prospect | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One forecast against its truth; None: there is no truth of that kind."""

    name: str
    right: bool
    time_error: float | None
    pause_error: float | None
    inside: tuple[bool, ...]


def say(text: str, where: TextIO | None = None) -> None:
    (where or sys.stdout).write(f"{text}\n")


def before(known: Known) -> Prospect:
    return forecast_before(known.guest, known.orders)


def after(known: Known) -> Prospect | None:
    so_far = seen(known.ticks, syncs=dict(known.syncs), now_s=known.now_s)
    return None if so_far is None else forecast_running(known.guest, known.orders, so_far)


def score(name: str, prospect: Prospect, truth: Truth) -> Score:
    """A run that completed counts with an error of 100 % where the forecast said it would never."""
    inside = [_within(prospect.seconds, truth.seconds), _within(prospect.pause_ms, truth.pause_ms)]
    return Score(
        name=name,
        right=(prospect.probability >= 0.5) == truth.completed,
        time_error=_relative(prospect.seconds, truth.seconds),
        pause_error=_distance(prospect.pause_ms, truth.pause_ms),
        inside=tuple(each for each in inside if each is not None),
    )


def _within(found: Range | None, truth: float | None) -> bool | None:
    if truth is None:
        return None
    return found is not None and found.low <= truth <= found.high


def _relative(found: Range | None, truth: float | None) -> float | None:
    if truth is None:
        return None
    return 1.0 if found is None else abs(found.median - truth) / truth


def _distance(found: Range | None, truth: float | None) -> float | None:
    return None if truth is None or found is None else abs(found.median - truth)


def judge(cases: dict[str, Case], forecaster: Forecaster, *, running: bool) -> list[Score]:
    """Scores of all cases that can be judged: one whose limits somebody changed later can't."""
    scores: list[Score] = []
    for name, case in cases.items():
        known = case.after if running else case.before
        if known is None or case.truth.steered_s is not None:
            continue
        prospect = forecaster(known)
        if prospect is not None:
            scores.append(score(name, prospect, case.truth))
    return scores


def errors(scores: Sequence[Score]) -> dict[str, float | None]:
    times = [each.time_error for each in scores if each.time_error is not None]
    pauses = [each.pause_error for each in scores if each.pause_error is not None]
    return {
        "time_median": _rounded(median(times), 4) if times else None,
        "time_p90": _rounded(percentile(times, 0.9), 4) if times else None,
        "pause_ms_median": _rounded(median(pauses), 1) if pauses else None,
    }


def percentile(values: Sequence[float], share: float) -> float:
    """By linear interpolation between the two nearest."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _rounded(value: float, digits: int) -> float:
    return round(value, digits)


def share(hits: Sequence[bool]) -> float | None:
    return _rounded(sum(hits) / len(hits), 4) if hits else None


def summary(cases: dict[str, Case], *, table: bool = True) -> dict[str, object]:
    """The line of JSON."""
    first, second = judge(cases, before, running=False), judge(cases, after, running=True)
    plain, running = judge(cases, geometric_before, running=False), judge(cases, geometric_running, running=True)
    if table:
        _tell(cases, first, second)
    return {
        **figures(first, second),
        "geometric": figures(plain, running),
        "n": len(cases),
    }


def figures(first: Sequence[Score], second: Sequence[Score]) -> dict[str, object]:
    both = [*first, *second]
    return {
        "before": errors(first),
        "after_pass2": errors(second),
        "verdict_right": share([each.right for each in both]),
        "in_range": share([hit for each in both for hit in each.inside]),
    }


def _tell(cases: dict[str, Case], first: Sequence[Score], second: Sequence[Score]) -> None:
    later = {each.name: each for each in second}
    for each in first:
        say(f"{each.name:48}{_text(each)}   after pass 2:{_text(later[each.name]) if each.name in later else ' -'}")
    steered = sum(case.truth.steered_s is not None for case in cases.values())
    say(f"{len(cases)} logs; {len(first)} judged before the start, {len(second)} after pass 2; {steered} steered")


def _text(each: Score) -> str:
    time = "     -" if each.time_error is None else f"{100 * each.time_error:5.1f}%"
    pause = "     -" if each.pause_error is None else f"{each.pause_error:4.0f}ms"
    return f" {'right' if each.right else 'WRONG'} {time} {pause} {'' if all(each.inside) else 'out of range'}"


def load(folder: Path) -> tuple[dict[str, Case], int]:
    """All logs of the folder, and how many could not be read; each of those gets a line."""
    cases: dict[str, Case] = {}
    bad = 0
    for path in sorted(folder.glob("*.jsonl")):
        try:
            cases[path.stem] = read(path)
        except BadLogError as error:
            bad += 1
            say(f"skipped {path.name}: {error}", sys.stderr)
    return cases, bad


def main() -> int:
    parser = argparse.ArgumentParser(description="How good the forecast is, on recorded migrations.")
    parser.add_argument("--logs", type=Path, default=LOGS, help=f"folder of *.jsonl, default {LOGS}")
    folder: Path = parser.parse_args().logs
    cases, bad = load(folder)
    if bad:
        say(f"{bad} logs skipped")
    if not cases:
        say(f"No migration logs in {folder}.", sys.stderr)
        return 1
    say(json.dumps(summary(cases)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
