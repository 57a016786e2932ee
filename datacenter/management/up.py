"""`manage.py up`: all of Godwit on one machine, started in an order that gets the page there soon, and ended in order.

PostgreSQL, the schema and the static files come first, then web; the collector, the worker, the guardian, the simulator
and the lab come up behind it. This process stays small: it imports no Django; what needs the database is a child.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datacenter.database import var_folder
from datacenter.management import postgres
from datacenter.management.lab_link import LabLink
from datacenter.management.machine import LOOPBACK, AlreadyRunning, answers, fingerprint, free_port, only_one
from datacenter.management.processes import ended, exit_code, last_line, open_log, spawn
from datacenter.management.supervise import FIRST_PAUSE, Program, pause_after

ROOT = Path(__file__).resolve().parent.parent.parent
# A schema is migrated when any of these changed; static files are collected likewise.
SCHEMA_FILES = ("requirements.txt", "hosts/**/migrations/*.py", "datacenter/**/migrations/*.py")
STATIC_FILES = ("requirements.txt", "datacenter/settings.py", "static/**/*")
# Seconds each program may take to end, in the order in which they end; and all of it together with lab and PostgreSQL.
PATIENCE = {"web": 2.5, "worker": 2.5, "guardian": 1.5, "collector": 2.0, "simulator": 2.0}
PATIENCE_IN_ALL = 9.5
LEAST_PATIENCE = 1.0
PAGE_PATIENCE = 60.0

SIM_HOSTS = """
import psycopg, sys
from datacenter.database import database_url
with psycopg.connect(database_url()) as connection:
    found = connection.execute("SELECT 1 FROM hosts_host WHERE uri LIKE 'sim://%' LIMIT 1").fetchone()
sys.exit(0 if found else 1)
"""


class UpError(Exception):
    """Godwit can't be started; the message says why."""


def say(name: str, what: str) -> None:
    """One short line to the terminal, if there still is one."""
    with contextlib.suppress(OSError):
        print(f"{name:<10} {what}", flush=True)


@dataclass(slots=True, kw_only=True)
class Up:
    """One run of Godwit on this machine."""

    demo: bool
    port: int
    var: Path
    lab: LabLink | None
    cluster: postgres.Cluster | None = None
    programs: dict[str, Program] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    ending: bool = False

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/"

    @property
    def env(self) -> dict[str, str]:
        # glibc gives every thread its own heap and keeps what they free; two are enough and save a lot of memory.
        return {"MALLOC_ARENA_MAX": "2", **os.environ, "PYTHONUNBUFFERED": "1"}

    async def bring_up(self) -> None:
        """Start everything, print where it is, and then look after it until cancelled."""
        static = asyncio.create_task(self._collect_static())
        await self._database()
        await static
        self._keep("web", *_uvicorn(self.port))
        demo = asyncio.create_task(self._manage("demo")) if self.demo else None
        self._keep("collector", sys.executable, "manage.py", "collect")
        self._keep("worker", sys.executable, "manage.py", "work")
        self._keep("guardian", sys.executable, "manage.py", "guard")
        if self.demo or await self._has_sim_hosts():
            self._keep("simulator", sys.executable, "manage.py", "simulate")
        if demo:
            await demo
        await self._page()
        self._tell()
        if self.lab:
            await self._add_lab(self.lab)
        await asyncio.wait(self.tasks)  # not gather: that would cancel the tasks with us, and leave their processes

    async def take_down(self) -> None:
        """End everything in order."""
        self.ending = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_IN_ALL
        for name, patience in PATIENCE.items():
            if program := self.programs.get(name):
                left = deadline - LEAST_PATIENCE - loop.time()
                await program.stop(patience=max(LEAST_PATIENCE, min(patience, left)))
        left = max(LEAST_PATIENCE, deadline - loop.time())
        await asyncio.gather(self._release_lab(left), self._stop_database(), *self.tasks)

    def kill(self) -> None:
        """End the programs at once; for whoever presses Ctrl-C a second time."""
        for program in self.programs.values():
            program.kill()

    def _keep(self, name: str, *argv: str) -> None:
        program = Program(name=name, argv=argv, log=self._log(name), env=self.env, cwd=ROOT, say=say)
        self.programs[name] = program
        self.tasks.append(asyncio.create_task(program.run()))

    def _log(self, name: str) -> Path:
        return self.var / "log" / f"{name}.log"

    async def _database(self) -> None:
        """A database with the present schema: the one DATABASE_URL names, or the private one."""
        schema = fingerprint(ROOT, SCHEMA_FILES, content=True)
        if not os.environ.get("DATABASE_URL"):
            self.cluster = postgres.choose(self.var, "postgres")
            pid = await postgres.start(self.cluster)
            postgres.announce(self.cluster, self.var)
            self.tasks.append(asyncio.create_task(self._keep_database(self.cluster, pid)))
            if postgres.schema_in(self.cluster) == schema:
                return
        await self._manage("migrate", "--no-input")
        if self.cluster:
            postgres.remember_schema(self.cluster, schema)

    async def _keep_database(self, cluster: postgres.Cluster, pid: int) -> None:
        """Start PostgreSQL again when it ends before we do."""
        ends = 0
        while True:
            await ended(pid)
            if self.ending:
                return
            ends += 1
            say("postgres", f"ended; starting it again. It said last: {last_line(cluster.log)}")
            await asyncio.sleep(pause_after(ends) - FIRST_PAUSE)
            try:
                pid = await postgres.start(cluster)
            except postgres.PostgresError as exc:
                say("postgres", str(exc))

    async def _stop_database(self) -> None:
        if self.cluster:
            await postgres.stop(self.cluster)

    async def _collect_static(self) -> None:
        mark = self.var / "static-is-of"
        present = fingerprint(ROOT, STATIC_FILES, content=False)
        if not (mark.exists() and mark.read_text() == present and (self.var / "static").is_dir()):
            await self._manage("collectstatic", "--no-input")
            mark.write_text(present)

    async def _manage(self, *words: str) -> None:
        """Run a command of manage.py to its end; UpError with its last line when it fails."""
        log_file = self._log(words[0])
        with open_log(log_file) as log:
            code = await exit_code(spawn([sys.executable, "manage.py", *words], output=log, env=self.env, cwd=ROOT))
        if code:
            raise UpError(f"manage.py {words[0]} failed: {last_line(log_file)}. All of it: {log_file}")

    async def _has_sim_hosts(self) -> bool:
        child = spawn([sys.executable, "-c", SIM_HOSTS], output=subprocess.DEVNULL, env=self.env, cwd=ROOT)
        return await exit_code(child) == 0

    async def _page(self) -> None:
        try:
            async with asyncio.timeout(PAGE_PATIENCE):
                while not await answers(self.port):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            say("web", f"does not answer yet; {self._log('web')} may say why")

    def _tell(self) -> None:
        lines = ["", f"  Godwit is at    {self.url}"]
        with contextlib.suppress(OSError, ValueError):
            login = json.loads((self.var / "demo-login.json").read_text())
            lines += [f"  Log in as       {login['username']}", f"  with password   {login['password']}"]
        lines += [f"  Its logs are in {self.var / 'log'}", "  Ctrl-C ends all of it.", ""]
        with contextlib.suppress(OSError):
            print("\n".join(lines), flush=True)

    async def _add_lab(self, lab: LabLink) -> None:
        answer = await lab.answer()
        if "lab" not in answer:
            say("lab", f"none: {answer.get('why', 'no answer')}. The simulated data center goes on without it.")
            return
        try:
            await self._manage("demo", "--lab-json", json.dumps(answer["lab"]))
        except UpError as exc:
            say("lab", f"is up, but its hosts could not be added: {exc}")
            return
        names = ", ".join(host["name"] for host in answer["lab"]["hosts"])
        say("lab", f"is up: {names} are real libvirt hosts in this machine; the data center Lab shows them")

    async def _release_lab(self, patience: float) -> None:
        if self.lab and not await self.lab.release(patience=patience):
            say("lab", f"is still being taken down in the background; see {self._log('lab')}")


def _uvicorn(port: int) -> Sequence[str]:
    options = ["--ws", "auto", "--ws-per-message-deflate", "false", "--no-access-log", "--no-server-header"]
    return [
        *(sys.executable, "-m", "uvicorn", "datacenter.asgi:application", "--host", LOOPBACK, "--port", str(port)),
        *(*options, "--timeout-graceful-shutdown", "2"),
    ]


async def run(options: argparse.Namespace, *, var: Path, notice: Path) -> int:
    """Bring Godwit up, wait for a signal, take it down; the exit code."""
    lab = LabLink.start(var) if options.demo and not options.no_lab else None
    port = free_port(options.port)
    if port != options.port:
        say("web", f"port {options.port} is taken: using {port}")
    up = Up(demo=options.demo, port=port, var=var, lab=lab)
    notice.write_text(json.dumps({"pid": os.getpid(), "url": up.url}) + "\n")
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, lambda: up.kill() if asked.is_set() else asked.set())
    code = await _until(asked, up.bring_up())
    asked.set()
    say("godwit", "ending")
    await up.take_down()
    say("godwit", "has ended; nothing of it runs any more")
    return code


async def _until(asked: asyncio.Event, work: Coroutine[Any, Any, None]) -> int:
    """Do the work until asked to end: 0, or 1 when it failed."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(asked.wait())
    await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    working.cancel()
    try:
        await working
    except asyncio.CancelledError:
        return 0
    except (UpError, postgres.PostgresError) as exc:
        say("godwit", f"can't start: {exc}")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line of `manage.py up`."""
    result = argparse.ArgumentParser(prog="manage.py up", description="Run all of Godwit on this machine.")
    result.add_argument("--demo", action="store_true", help="with the demo's two data centers and a login")
    result.add_argument("--port", type=int, default=8000, help="of the page on 127.0.0.1; taken: the next free one")
    result.add_argument("--no-lab", action="store_true", help="with --demo: leave the lab of real libvirt hosts out")
    return result


def main(words: Sequence[str]) -> int:
    """Run `up` with its arguments; the exit code."""
    options = parser().parse_args(words)
    var = var_folder()
    (var / "log").mkdir(parents=True, exist_ok=True)
    try:
        with only_one(var) as notice:
            return asyncio.run(run(options, var=var, notice=notice))
    except AlreadyRunning as exc:
        say("godwit", str(exc))
        return 0
    except OSError as exc:
        say("godwit", f"can't start: {exc}")
        return 1
