"""Processes by pid *and* start time: a pid alone may have been given to somebody else since."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from deploy.lab.machine import LabError, await_true, text_of

STARTTIME = 19  # field 22 of /proc/PID/stat, counted after the command's closing parenthesis
STATE = 0


def boot_id() -> str:
    """Tells one start of this machine from the next."""
    return text_of(Path("/proc/sys/kernel/random/boot_id")).strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A process as we knew it: its pid, and its start in clock ticks since the machine's own start."""

    pid: int
    start: int

    @classmethod
    def of(cls, pid: int) -> Recorded | None:
        """Record a living process; None for one that is gone or a zombie."""
        fields = text_of(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        if not fields or fields[STATE] in "ZX":
            return None
        return cls(pid=pid, start=int(fields[STARTTIME]))

    @classmethod
    def load(cls, path: Path) -> Recorded | None:
        """A process saved since the machine's last start; None for an older one, whose pid says nothing now."""
        words = text_of(path).split()
        if len(words) != 3 or words[2] != boot_id():
            return None
        return cls(pid=int(words[0]), start=int(words[1]))

    def save(self, path: Path) -> None:
        path.write_text(f"{self.pid} {self.start} {boot_id()}\n")

    def alive(self) -> bool:
        return Recorded.of(self.pid) == self

    def send(self, number: int) -> bool:
        """Send a signal if this is still the same process; say whether it was."""
        if not self.alive():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill(self, *, timeout_s: float = 10) -> None:
        """End it for certain and wait until it has gone."""
        if self.send(signal.SIGKILL):
            await_true(f"process {self.pid} to end", lambda: not self.alive(), timeout_s=timeout_s)


def command_line(pid: int) -> list[str]:
    return text_of(Path(f"/proc/{pid}/cmdline")).split("\0")


def namespace(pid: int, kind: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return ""


def inside(holder: int) -> list[int]:
    """The machine's pids of all processes in the PID namespace of `holder`, but for itself."""
    wanted = namespace(holder, "pid")
    if not wanted:
        return []
    pids = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return [pid for pid in pids if pid != holder and namespace(pid, "pid") == wanted]


def only(pids: list[int], what: str) -> Recorded:
    """The one process of a list; LabError if there is none."""
    for pid in pids:
        if found := Recorded.of(pid):
            return found
    raise LabError(f"no {what} is running")
