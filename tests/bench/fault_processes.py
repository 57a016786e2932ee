"""Godwit's own processes as the fault bench runs them: real subprocesses on the bench's database, killed and frozen."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from datacenter.management.processes import spawn

ROOT = Path(__file__).resolve().parent.parent.parent


def database_url() -> str:
    """Where this process's own database is, for another process: as DATABASE_URL says, but for its name."""
    given = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(given._replace(path=f"/{connection.settings_dict['NAME']}"))


def wait_for(true: Callable[[], object], *, seconds: float, what: Callable[[], object] | str = "") -> None:
    """Until ``true()``; AssertionError with ``what`` there is to say after so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what() if callable(what) else what}"
        time.sleep(0.05)


class Process:
    """One ``manage.py COMMAND``; it dies with this process, however that ends. Start it from the main thread."""

    def __init__(self, name: str, *command: str, log: Path, ready: str, url: str = "") -> None:
        self.name = name
        self._command = command
        self._log = log
        self._ready = ready
        self._url = url
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start it unless it runs; ``await_ready`` waits until it says that it works."""
        if self.alive:
            return
        environment = {**os.environ, "DATABASE_URL": self._url or database_url()}
        self._from = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as out:
            command = [sys.executable, "manage.py", *self._command]
            self._child = spawn(command, output=out, env=environment, cwd=ROOT)

    def await_ready(self) -> None:
        def ready() -> bool:
            return not self.alive or self._ready in self.said()

        wait_for(ready, seconds=60, what=lambda: f"{self.name}: {self.said()[-2000:]}")
        assert self.alive, f"{self.name} has ended: {self.said()[-2000:]}"

    def said(self) -> str:
        """What it logged since it was started."""
        with self._log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode(errors="replace")

    def send(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        if self._child is not None:
            self.send(signal.SIGKILL)
            self._child.wait()

    def signal_kill(self) -> None:
        """SIGKILL without waiting; from any thread."""
        self.send(signal.SIGKILL)

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end, and see to it that it does."""
        if self._child is None or not self.alive:
            return
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            self._child.wait(timeout=8)
        except subprocess.TimeoutExpired:
            self.kill()
