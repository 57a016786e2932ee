"""A Godwit for measuring: `manage.py up` in a folder of its own, with its own PostgreSQL and the simulator."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from datacenter.database import var_folder
from datacenter.management.postgres import SHARED
from datacenter.management.processes import spawn
from deploy.lab import Lab
from tests.bench.machine import command_line, descendants, environment
from tests.browser.serving import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = "tests.bench.live_settings"
PATIENCE_S = 180.0
#: of the commands of manage.py, as `up` calls the programs
NAMES = {"collect": "collector", "work": "worker", "guard": "guardian", "simulate": "simulator"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One that runs."""

    var: Path
    pid: int
    url: str
    env: dict[str, str]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What its database answers."""
        where = json.loads((self.var / "postgres.json").read_text())["url"]
        with psycopg.connect(where) as connection:
            return connection.execute(query, values).fetchall()

    def login(self) -> tuple[str, str]:
        """User name and password."""
        login = json.loads((self.var / "demo-login.json").read_text())
        return login["username"], login["password"]

    def manage(self, *words: str) -> None:
        subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=self.env, check=True, capture_output=True)

    def log(self, program: str) -> str:
        return (self.var / "log" / f"{program}.log").read_text()

    def programs(self) -> dict[str, set[int]]:
        """Name -> pids; PostgreSQL is many processes, each other one is one."""
        found: dict[str, set[int]] = {}
        for pid in descendants(self.pid):
            words = command_line(pid)
            command = re.search(r"manage\.py (\w+)|uvicorn", words)
            name = (command[1] or "web") if command else "postgres"
            found.setdefault(NAMES.get(name, name), set()).add(pid)
        return found


@contextmanager
def installed(lab: Lab) -> Iterator[Installation]:
    """A Godwit that knows the demo's 40 simulated hosts and the lab's, all up; nothing of it is left after."""
    var = Path(tempfile.mkdtemp(prefix="bench-", dir=_home()))
    godwit = None
    try:
        godwit = _start(var)
        hosts = [{"uri": each.uri, "name": each.name} for each in lab.hosts.values()]
        godwit.manage("demo", "--lab-json", json.dumps({"hosts": hosts}))
        everything = 40 + len(hosts)
        up = "SELECT count(*) FROM hosts_host WHERE state = 'up'"
        until(lambda: godwit.rows(up)[0][0] == everything, what="hosts that are up")
        until(lambda: godwit.rows("SELECT count(*) FROM hosts_vm")[0][0] >= 600, what="600 VMs")
        yield godwit
    except BaseException:
        _show_logs(var)
        raise
    finally:
        if godwit:
            _end(godwit)
        _remove(var)


def until(done: Callable[[], object], *, what: str, seconds: float = PATIENCE_S) -> None:
    """Wait until it is so; TimeoutError after ``seconds``."""
    give_up = time.monotonic() + seconds
    while not done():
        if time.monotonic() > give_up:
            raise TimeoutError(f"no {what} after {seconds:g} s")
        time.sleep(0.2)


def _home() -> Path:
    home = var_folder().resolve()
    home.mkdir(parents=True, exist_ok=True)
    return home


def _start(var: Path) -> Installation:
    var.chmod(0o755)  # PostgreSQL's account must reach it
    env = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "GODWIT_DEBUG")}
    env |= {"GODWIT_VAR": str(var), "DJANGO_SETTINGS_MODULE": SETTINGS}
    (var / "log").mkdir()
    with (var / "log" / "up.log").open("wb") as out:
        # should we be killed, it is told to end in order, which takes its PostgreSQL along
        child = spawn(
            [sys.executable, "manage.py", "up", "--demo", "--no-lab", "--port", str(free_port())],
            output=out,
            env=env,
            cwd=ROOT,
            death_signal=signal.SIGTERM,
        )
    said = var / "log" / "up.log"
    until(lambda: "Godwit is at" in said.read_text() or child.poll() is not None, what="page")
    if child.poll() is not None:
        raise RuntimeError(said.read_text())
    url = said.read_text().partition("Godwit is at")[2].split()[0].rstrip("/")
    return Installation(var=var, pid=child.pid, url=url, env=env)


def _end(godwit: Installation) -> None:
    everything = descendants(godwit.pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(godwit.pid, signal.SIGTERM)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(godwit.pid, 0)
    ours = f"GODWIT_VAR={godwit.var}"  # a number may have been given out again
    for left in (pid for pid in everything if ours in environment(pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)


def _remove(var: Path) -> None:
    outside = [link.resolve().parent for link in var.iterdir() if link.is_symlink()]
    shutil.rmtree(var, ignore_errors=True)
    for folder in outside:
        if folder.parent == SHARED:
            shutil.rmtree(folder, ignore_errors=True)


def _show_logs(var: Path) -> None:
    for log in sorted((var / "log").glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-8:]
        print(f"-- {log.name}", *lines, sep="\n", file=sys.stderr)


class Visitor:
    """One signed-in connection that stays open from page to page, as a browser's does."""

    def __init__(self, url: str, cookie: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._headers = {"Cookie": cookie, "Accept": "text/html"}

    def begin(self) -> None:
        """Open the connection anew with the next request: the server closes one that was silent for 5 s."""
        self._connection.close()

    def milliseconds(self, path: str) -> float:
        """From the request to the last byte of the page; RuntimeError where the answer is not the page."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        answer.read()
        took = 1000 * (time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return took
