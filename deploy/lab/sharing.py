"""A lab for a test process: its own, for a fault that one test makes must not strike another's migration.

A lab without guests is up in half a second and costs three idle daemons, so every process (every worker of
pytest-xdist, every helper in the same checkout) has one, named after its pid. What a killed process left is
swept away by the next one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.lab.assembly import OWNERS
from deploy.lab.lab import Lab
from deploy.lab.machine import text_of


@contextmanager
def own_lab(*, hosts: int = 3) -> Iterator[Lab]:
    """A lab of this process, removed at the end of the block; LabError where the machine can't."""
    sweep_orphans()
    lab = Lab.up(name=f"t{os.getpid()}", hosts=hosts)
    try:
        yield lab
    finally:
        lab.down()


def sweep_orphans() -> None:
    """Remove the labs of test processes that are no more."""
    for note in OWNERS.glob("t*"):
        pid = re.fullmatch(r"t(\d+)", note.name)
        if pid and not Path("/proc", pid[1]).exists():
            Lab.remove_all(note.name, state=Path(text_of(note).strip()))


def leave_clean(lab: Lab) -> None:
    """Put a lab back as it was brought up: hosts on, lines mended, daemons running, no guest left."""
    for host in lab.hosts:
        lab.mend(host)  # first: nothing is heard through a cut line
        lab.power_on(host)
    for name in lab.guests():
        lab.remove_guest(name)
