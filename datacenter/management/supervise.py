"""Programs that are kept running: one that ends is started again, soon at first, then with longer pauses."""

import asyncio
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datacenter.management.processes import end, exit_code, last_line, open_log, spawn

FIRST_PAUSE = 1.0  # seconds
LONGEST_PAUSE = 30.0
LIVED_WELL = 60.0  # a program that ran so long starts over with the first pause
LOUD_AFTER = 3  # ends in a row

Say = Callable[[str, str], None]  # (name, what happened)


def pause_after(ends_in_a_row: int) -> float:
    """Seconds to wait before the next start: 1, 2, 4, 8, 16, 30, 30, …"""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(ends_in_a_row - 1, 10))


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return "ended by itself" if code == 0 else f"failed with code {code}"


@dataclass(slots=True, kw_only=True)
class Program:
    """One program and its present process. ``run`` keeps it running until ``stop``."""

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str]
    cwd: Path
    say: Say
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def pid(self) -> int | None:
        """The present process, while there is one."""
        return self._child.pid if self._child else None

    async def run(self) -> None:
        """Start the program, and again whenever it ends; returns after ``stop``."""
        loop = asyncio.get_running_loop()
        ends_in_a_row = 0
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._once()
            if self._stopping.is_set():
                return
            ends_in_a_row = 1 if loop.time() - started > LIVED_WELL else ends_in_a_row + 1
            pause = pause_after(ends_in_a_row)
            self._report(code, ends_in_a_row, pause)
            await self._wait(pause)

    async def stop(self, *, patience: float) -> None:
        """Ask the program to end and start it no more; after ``patience`` seconds it is killed."""
        self._stopping.set()
        if self._child and not await end(self._child.pid, patience=patience):
            self.say(self.name, f"did not end within {patience:.1f} s and was killed")

    def kill(self) -> None:
        """End the program at once, and start it no more."""
        self._stopping.set()
        if self._child:
            self._child.kill()

    async def _once(self) -> int:
        with open_log(self.log) as log:
            self._child = spawn(self.argv, output=log, env=self.env, cwd=self.cwd)
        try:
            return await exit_code(self._child)
        finally:
            self._child = None

    async def _wait(self, pause: float) -> None:
        waiting = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([waiting], timeout=pause)
        waiting.cancel()

    def _report(self, code: int, ends_in_a_row: int, pause: float) -> None:
        what = f"{how_it_ended(code)}; starting it again in {pause:.0f} s"
        if ends_in_a_row >= LOUD_AFTER:
            what = f"KEEPS ENDING ({ends_in_a_row} times in a row): {what}. Look into {self.log}"
        self.say(self.name, what)
        if said := last_line(self.log):
            self.say(self.name, f"  it said last: {said}")
