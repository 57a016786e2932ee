"""Real worker processes (``manage.py work``) on the test database."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.database import database_url

ROOT = Path(__file__).resolve().parent.parent.parent


class Worker:
    """One ``manage.py work``; ends with the block."""

    command, ready = "work", "The worker has started"

    def __init__(self, log: Path, *, url: str = "") -> None:
        """``url``: another way to the test database."""
        self.log, self.url = log, url

    def __enter__(self) -> "Worker":
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", self.command],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": self.url or database_url()},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            eventually(lambda: self.ready in self.log.read_text(), seconds=60, what=self.log.read_text)
        except AssertionError:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """SIGTERM; seconds until it has ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        return time.monotonic() - began


class GuardProcess(Worker):
    """One ``manage.py guard``, on duty."""

    command, ready = "guard", "This guardian is on duty"


def eventually(check: Callable[[], object], *, seconds: float, what: Callable[[], object] = lambda: "") -> None:
    """Until ``check`` is true; fails after ``seconds`` with ``what`` there is to say."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)
