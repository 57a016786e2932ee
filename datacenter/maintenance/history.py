"""What a cluster's earlier migrations tell a plan: how fast its lines are, and which folders all hosts share. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from posixpath import dirname
from statistics import median
from typing import Any

#: of a migration's time, what is no copying, and the least copying that tells a speed, in seconds
AROUND_S, LEAST_S = 2.0, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One migration that arrived, without a cap. Bytes."""

    source: int
    destination: int
    began: datetime
    ended: datetime
    moved: int

    @property
    def speed(self) -> float | None:
        seconds = (self.ended - self.began).total_seconds() - AROUND_S
        return self.moved / seconds if seconds >= LEAST_S else None


def lines(past: Iterable[Past], hosts: Iterable[int]) -> dict[int, float]:
    """host -> bytes/s of its line: the most that was seen to pass there at once; a host without any has the median.

    Two that ran side by side at 160 MiB/s each tell of a line of 320. Empty where nothing was ever measured.
    """
    told = [each for each in past if each.speed is not None]
    seen: dict[int, float] = {}
    for one in told:
        middle = one.began + (one.ended - one.began) / 2
        for host in (one.source, one.destination):
            beside = [
                each.speed or 0.0
                for each in told
                if host in (each.source, each.destination) and each.began <= middle <= each.ended
            ]
            seen[host] = max(seen.get(host, 0.0), sum(beside))
    usual = median(seen.values()) if seen else None
    return {host: seen.get(host, usual) for host in hosts} if usual is not None else {}


def shared(moved_disks: Iterable[Any]) -> frozenset[str]:
    """Folders of disks that arrived without being copied."""
    found: set[str] = set()
    for disks in moved_disks:
        found.update(folder for _, folder in local_disks(disks))
    return frozenset(found)


def local_disks(disks: Any) -> list[tuple[str, str]]:
    """(what it is called, its folder) of each disk that is a file or a device of the host."""
    return [
        (f"{disk.get('target', '')} ({source})", dirname(str(source)))
        for disk in (disks if isinstance(disks, list) else ())
        if isinstance(disk, dict) and (source := disk.get("source")) and disk.get("kind") != "network"
    ]


def rates(rows: Iterable[dict[str, Any]]) -> list[Past]:
    """Of migrations that are done, as dicts of their fields."""
    return [
        Past(
            source=row["source_id"],
            destination=row["destination_id"],
            began=row["started_at"],
            ended=row["ended_at"],
            moved=row["transferred_bytes"],
        )
        for row in rows
        if row["bandwidth"] is None and row["started_at"] and row["ended_at"] and row["transferred_bytes"]
    ]


def by_folder(disks: Any, known: frozenset[str]) -> str:
    """The warning for a VM whose disks are not proved to be shared; "": they are, or it has none."""
    unproved = [name for name, folder in local_disks(disks) if folder not in known]
    if not unproved:
        return ""
    names = ", ".join(unproved[:3])
    return f"Not proved that its disks are on shared storage: {names}; no VM with disks there was moved yet."
