"""Recorded migrations as typed records: what a forecast may know, and apart from it what came of them.

A log is JSON lines: the conditions, then samples, events and actions, then the result. Of the conditions only what an
operator's Godwit would know is read; the workload's own fields and the log's name are never handed on.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hosts.livemigration.forecast.records import MIB, DirtySample, Guest, Orders
from hosts.livemigration.forecast.trace import Tick

Line = Mapping[str, Any]

#: samples a GiB which QMP takes where libvirt takes 512
_QMP_PAGES_PER_GIB = 16384


class BadLogError(ValueError):
    """The log can't be judged; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All a forecast may see. ``ticks`` and ``syncs``: up to its moment; empty before the start."""

    guest: Guest
    orders: Orders
    ticks: tuple[Tick, ...] = ()
    syncs: tuple[tuple[int, float], ...] = ()
    now_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What came of it. ``steered_s``: when its limits were changed by somebody, None: never."""

    completed: bool
    seconds: float | None
    pause_ms: float | None
    gap_ms: float | None
    steered_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One log. ``after``: what is known after pass 2, None where the run had ended by then."""

    before: Known
    after: Known | None
    truth: Truth


def read(path: Path) -> Case:
    """The log as a case. Raises BadLogError."""
    try:
        lines = [json.loads(text) for text in path.read_text().splitlines() if text.strip()]
        return case(lines)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise BadLogError(f"{type(error).__name__}: {error}") from error


def case(lines: Sequence[Line]) -> Case:
    """Raises BadLogError, ValueError, KeyError or TypeError where it is no log of a migration."""
    if len(lines) < 2 or lines[0].get("k") != "cond" or lines[-1].get("k") != "result":
        raise BadLogError("it does not begin with its conditions and end with its result")
    conditions, result = lines[0], lines[-1]
    samples = [line for line in lines if line.get("k") == "s"]
    if not samples:
        raise BadLogError("it holds no samples")
    start = float(samples[0]["t"])
    truth = _truth(lines, result, start)
    before = Known(guest=_guest(conditions), orders=_orders(conditions))
    return Case(before=before, after=_after(lines, before, start), truth=truth)


def _guest(conditions: Line) -> Guest:
    pre = conditions["pre"]
    memory = int(conditions["mem_mib"]) * MIB
    rss = pre.get("rss_kib") or (pre.get("memstats") or {}).get("rss")
    load = pre.get("loadavg") or [None]
    return Guest(
        memory_bytes=memory,
        rss_bytes=int(rss) * 1024 if rss else None,
        dirty=tuple(_dirty(pre, memory)),
        load=float(load[0]) if load[0] is not None else None,
    )


def _dirty(pre: Line, memory: int) -> Iterator[DirtySample]:
    """Every dirty-rate measurement in the block ``pre``: tables of seconds and MiB/s, or QMP's own answers."""
    for name, found in pre.items():
        if isinstance(found, dict) and any(word in name for word in ("dirty", "calc", "qmp")):
            yield from _table(name, found, memory)
        elif isinstance(found, list) and name != "loadavg":
            for each in found:
                if isinstance(each, dict) and "dirty-rate" in each:
                    yield from _table(name, {str(each.get("calc-time", 1)): each}, memory)


def _table(name: str, table: Line, memory: int) -> Iterator[DirtySample]:
    rates = {_number(str(seconds)): _rate(found) for seconds, found in table.items()}
    fine = "qmp" in name or _finer_than_default(rates)
    for seconds, found in table.items():
        period, rate = _number(str(seconds)), _rate(found)
        if period is None or rate is None:
            continue
        density = found.get("sample-pages") if isinstance(found, dict) else None
        if density is None and fine:
            density = _QMP_PAGES_PER_GIB
        pages = max(1, round(float(density) * memory / 2**30)) if density else None
        yield DirtySample(seconds=period, rate=rate * MIB, pages=pages)


def _rate(found: Any) -> float | None:
    rate = found.get("rate", found.get("dirty-rate")) if isinstance(found, dict) else found
    return float(rate) if isinstance(rate, int | float) and not isinstance(rate, bool) and rate >= 0 else None


def _finer_than_default(rates: Mapping[float | None, float | None]) -> bool:
    """libvirt samples a page in 2 MiB, so that a rate over one second is even; an odd one was sampled more finely."""
    second = rates.get(1.0)
    return second is not None and second % 2 != 0


def _number(text: str) -> float | None:
    try:
        number = float(text.rstrip("s"))
    except ValueError:
        return None
    return number if 0 < number <= 60 and math.isfinite(number) else None


def _orders(conditions: Line) -> Orders:
    flags, params = set(conditions.get("flags") or ()), conditions.get("params") or {}
    cap, line, at = conditions.get("cap_mibs"), conditions.get("line_mbit"), conditions.get("postcopy_at")
    method = str(params.get("compression", "xbzrle"))
    packed, pages = "COMPRESSED" in flags, params.get("bandwidth.postcopy")
    throttle = (int(params.get("auto_converge.initial", 20)), int(params.get("auto_converge.increment", 10)))
    return Orders(
        cap=float(cap) * MIB if cap else None,
        line=float(line) * 1e6 / 8 if line else None,
        max_downtime_ms=int(conditions.get("downtime_limit_ms") or 300),
        xbzrle=packed and method == "xbzrle",
        compress_threads=int(params.get("compression.mt.threads", 8)) if packed and method == "mt" else 0,
        connections=int(params.get("parallel.connections", 2)) if "PARALLEL" in flags else 1,
        auto_converge=throttle if "AUTO_CONVERGE" in flags else None,
        postcopy_at=int(at) if at else None,
        postcopy_cap=float(pages) * MIB if pages else None,
    )


def _happened(lines: Sequence[Line], name: str, start: float) -> list[float]:
    return [
        float(line["t"]) - start
        for line in lines
        if line.get("k") == "event" and str(line.get("val", "")).startswith(name)
    ]


def _truth(lines: Sequence[Line], result: Line, start: float) -> Truth:
    done = result.get("completed_dst") or {}
    final = [line["val"] for line in lines if line.get("k") == "event" and line.get("ev") == "JOB_COMPLETED"]
    if done.get("type") != 3 and final and isinstance(final[0], dict):
        done = final[0]
    elapsed = done.get("time_elapsed")
    stopped, went_on = _happened(lines, "SUSPENDED/", start), _happened(lines, "RESUMED/", start)
    pause = 1000 * (went_on[0] - stopped[0]) if stopped and went_on else None
    if pause is None or pause <= 0:
        pause = done.get("downtime")
    steered = [
        float(line["t"]) - start
        for line in lines
        if line.get("k") == "action" and str(line.get("act", "")).startswith("set_")
    ]
    completed = bool(result.get("ok")) and elapsed is not None
    return Truth(
        completed=completed,
        seconds=elapsed / 1000 if completed and elapsed else None,
        pause_ms=float(pause) if completed and pause is not None else None,
        gap_ms=result.get("max_gap_ms"),
        steered_s=min(steered) if steered else None,
    )


def _after(lines: Sequence[Line], before: Known, start: float) -> Known | None:
    """What is known at the first reading of pass 3; None if the guest had stopped before that pass was announced.

    Where the switch-over came before the next reading, the event itself is the moment.
    """
    syncs = {
        int(line["val"]): float(line["t"]) - start
        for line in lines
        if line.get("k") == "event" and line.get("ev") == "ITERATION"
    }
    stopped = min(_happened(lines, "SUSPENDED/", start), default=math.inf)
    announced = syncs.get(3)
    if announced is None or announced > stopped:
        return None
    ticks = [_tick(line, start) for line in lines if line.get("k") == "s" and line.get("memory_total")]
    shown = min((tick.at_s for tick in ticks if tick.iteration >= 3), default=math.inf)
    moment = max(shown, announced) if shown < stopped else announced
    return replace(
        before,
        ticks=tuple(tick for tick in ticks if tick.at_s <= moment),
        syncs=tuple((number, at) for number, at in syncs.items() if at <= moment),
        now_s=moment,
    )


def _tick(line: Line, start: float) -> Tick:
    page = int(line.get("memory_page_size", 4096))
    whole, zeros = line.get("memory_normal_bytes"), line.get("memory_constant", 0)
    done = float(whole) + page * float(zeros) if whole is not None else float(line["memory_processed"])
    return Tick(
        at_s=float(line["t"]) - start,
        iteration=int(line.get("memory_iteration", 0)),
        remaining=float(line["memory_remaining"]),
        done=done,
        sent=float(line["memory_processed"]),
        throttle=int(line.get("auto_converge_throttle", 0)),
    )
