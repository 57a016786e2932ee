"""Heartbeats of a guest, and when they arrive: the guest's pause as its users feel it.

The guest's own clock stands still with it, so a pause can't be read from the lines; `Watch` notes on the machine's
clock when each line arrived. Its resolution is the guest's beat plus POLL_S.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType

from deploy.lab.machine import text_of

POLL_S = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One heartbeat: which boot of the guest, its sequence there, the guest's own uptime, MiB dirtied since boot."""

    boot: str
    sequence: int
    guest_ms: int
    dirtied_mib: int


def parse(text: str) -> list[Beat]:
    """All whole heartbeats of a text; anything else in it is skipped."""
    found, boot = [], ""
    for line in text.split("\n")[:-1]:
        words = line.split()
        if len(words) == 2 and words[0] == "boot":
            boot = words[1]
        elif len(words) == 4 and words[0] == "beat" and all(word.isdigit() for word in words[1:]):
            found.append(Beat(boot=boot, sequence=int(words[1]), guest_ms=int(words[2]), dirtied_mib=int(words[3])))
    return found


def read(path: Path) -> list[Beat]:
    """All heartbeats in a guest's file, oldest first."""
    return parse(text_of(path))


class Watch:
    """Notes when heartbeats arrive, in a thread, while its `with` block runs.

    with lab.watch("web") as watch:
        …
    watch.longest_gap_s
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.arrivals_s: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"beats-{path.stem}", daemon=True)

    @property
    def longest_gap_s(self) -> float:
        """The longest time without a heartbeat, in seconds; up to now while the block runs."""
        marks = [*self.arrivals_s, *([] if self._ended.is_set() else [time.monotonic()])]
        return max((later - earlier for earlier, later in pairwise(marks)), default=0.0)

    def _follow(self) -> None:
        self.path.touch()
        with self.path.open("rb") as handle:
            handle.seek(0, 2)
            while not self._ended.wait(POLL_S):
                lines = handle.read().count(b"\n")
                self.arrivals_s.extend([time.monotonic()] * lines)

    def __enter__(self) -> Watch:
        self.arrivals_s.append(time.monotonic())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.arrivals_s.append(time.monotonic())
