"""What the kernel tells of this machine and of processes: CPU seconds, memory, who descends from whom."""

import os
from collections.abc import Iterable
from pathlib import Path
from statistics import quantiles

TICKS = os.sysconf("SC_CLK_TCK")


def describe() -> dict[str, object]:
    """Cores, CPU model, and the load before we began."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else "unknown"
    return {"cores": len(os.sched_getaffinity(0)), "cpu": model, "load_1m": round(os.getloadavg()[0], 2)}


def descendants(root: int) -> set[int]:
    """``root`` and every process that descends from it now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = set(), [root]
    while waiting:
        pid = waiting.pop()
        found.add(pid)
        waiting += children.get(pid, [])
    return found


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """pid -> user and system seconds so far, of those that live; its ended and awaited children count with it."""
    return {pid: sum(map(int, fields[11:15])) / TICKS for pid in pids if (fields := _stat(pid))}


def rss_mb(pid: int) -> float:
    """Resident memory, shared pages and all."""
    return _field(pid, "status", "VmRSS") / 1024


def pss_mb(pid: int) -> float:
    """Resident memory, each shared page divided by those who share it: what PostgreSQL's processes add up to."""
    return _field(pid, "smaps_rollup", "Pss") / 1024


def command_line(pid: int) -> str:
    """What it was started with; "" where it is gone."""
    return _words(pid, "cmdline")


def environment(pid: int) -> str:
    """NAME=value of all its variables at its start; "" where it is gone."""
    return _words(pid, "environ")


def spread(values: list[float], *percentiles: int) -> dict[str, float]:
    """{"p50": …} of the values, one decimal; needs two values or more."""
    cuts = quantiles(values, n=100, method="inclusive")
    return {f"p{each}": round(cuts[each - 1], 1) for each in percentiles}


def _words(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on: [1] is the parent, [11:15] CPU time in ticks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _field(pid: int, file: str, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0.0)
