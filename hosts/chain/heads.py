"""The newest seal outside the database: a line in ``GODWIT_VAR/events-heads.log`` and in the log, at most each minute.

Who cuts off the newest entries, or computes all seals anew, cannot make it fit these lines. The log line leaves the
machine where logs are collected; the file is what ``manage.py verifyaudit`` reads.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from hosts.virt.clock import WALL, Clock

log = logging.getLogger(__name__)

EVERY_S = 60.0
#: lines; two weeks of a busy installation. Of more, the older half goes
MOST_LINES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The chain's end, as it once was."""

    number: int
    seal: str


def path() -> Path:
    """Where the lines are."""
    return Path(settings.VAR) / "events-heads.log"


class Keeper:
    """Writes the head down, now and then. One a process."""

    def __init__(self, clock: Clock = WALL) -> None:
        self._clock = clock
        self._last: Head | None = None
        self._at = -EVERY_S

    def keep(self, head: Head) -> None:
        """Write a line if it says something new and the last one is a minute old."""
        now = self._clock.monotonic()
        if head == self._last or now - self._at < EVERY_S:
            return
        self._last, self._at = head, now
        write(head, clock=self._clock)


def write(head: Head, *, clock: Clock = WALL) -> None:
    """Append one line to the file and to the log. A file that can't be written is logged, and no more."""
    extra = {"action": "events_sealed", "number": head.number, "seal": head.seal}
    log.info("Events are sealed up to number %d: %s", head.number, head.seal, extra=extra)
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        with path().open("a", encoding="ascii") as lines:
            lines.write(f"{clock.now().isoformat(timespec='seconds')} {head.number} {head.seal}\n")
        _shorten()
    except OSError as exc:
        log.warning("The chain's head could not be kept in %s: %s", path(), exc, extra={"action": "head_not_kept"})


def kept() -> Iterator[Head]:
    """The heads written down here, oldest first; lines that are none are left out."""
    if not path().exists():
        return
    for line in path().read_text(encoding="ascii", errors="replace").splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1].isdigit() and len(parts[2]) == 64:
            yield Head(number=int(parts[1]), seal=parts[2])


def _shorten() -> None:
    lines = path().read_text(encoding="ascii").splitlines()
    if len(lines) > MOST_LINES:
        path().write_text("\n".join(lines[MOST_LINES // 2 :]) + "\n", encoding="ascii")
