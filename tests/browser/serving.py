"""A real web process for tests: uvicorn with the test database, on a free port, started, stopped and started again."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.database import database_url

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = "tests.browser.web_settings"


def database_environment(settings: str = SETTINGS) -> dict[str, str]:
    """What a process of Godwit needs to find the test database."""
    return os.environ | {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": settings}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One uvicorn process. ``settings``: the module that DJANGO_SETTINGS_MODULE names."""

    def __init__(self, *, log: Path, settings: str = SETTINGS, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.live_url = f"ws://127.0.0.1:{self.port}/ws/live"
        self.log = log
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "Server":
        env = database_environment(self._settings)
        command = [sys.executable, "-m", "uvicorn", "datacenter.asgi:application", "--port", str(self.port)]
        command += ["--ws-per-message-deflate", "false", "--no-access-log", "--timeout-graceful-shutdown", "2"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        self._until_it_answers()
        return self

    def _until_it_answers(self) -> None:
        give_up = time.monotonic() + 120  # a start takes two seconds, and a minute on a machine that is overrun
        while time.monotonic() < give_up:
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=2)
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"uvicorn does not answer: {self.log.read_text()[-4000:]}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None
