"""Holding the lab: a process that brings it up, says so, and takes it down when its standard input closes.

``manage.py up`` starts this as root (itself, or through sudo) and keeps the other end of the pipe: however ``up`` ends,
a kill -9 included, the pipe closes and the lab goes. A lab that stood already, brought up by hand, is left standing.

It prints one line of JSON: ``{"lab": {…}}`` with what ``deploy.lab up`` said, or ``{"why": "…"}``.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from datacenter.management.processes import end, exit_code, last_line, open_log, spawn

ROOT = Path(__file__).resolve().parent.parent.parent
TERMINATION_SECONDS = 2.0
#: each lab host's line: slow enough that a migration can be watched, and that the busiest guest does not converge
LINE_MBIT = "200"


async def hold(var: Path) -> None:
    """Bring the lab up, answer, wait for the end of standard input, take the lab down."""
    released = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, released.set)
    loop.add_reader(sys.stdin.fileno(), _watch_end, released)
    ours = var / "lab-is-ours"  # outlives a crash: the next run then knows that it may take the lab down
    if why := _why_not():
        _answer({"why": why})
        return
    if _lab("status", "--json").returncode != 0:
        ours.touch()
    answer = await _bring_up(var / "log" / "lab.log", released)
    _answer(answer)
    if "lab" in answer:
        await released.wait()
    if ours.exists():
        with open_log(var / "log" / "lab.log") as log:
            await exit_code(spawn(_command("down"), output=log, cwd=ROOT))
        ours.unlink()


async def _bring_up(log_file: Path, released: asyncio.Event) -> dict[str, Any]:
    with open_log(log_file) as log:
        child = spawn(_command("up", "--mbit", LINE_MBIT), output=log, cwd=ROOT)
    done = asyncio.ensure_future(exit_code(child))
    let_go = asyncio.ensure_future(released.wait())
    await asyncio.wait([done, let_go], return_when=asyncio.FIRST_COMPLETED)
    let_go.cancel()
    if not done.done():
        await end(child.pid, patience=TERMINATION_SECONDS)
        await done
        return {"why": "it was not wanted any more"}
    said = _last_json(log_file)
    return {"lab": said} if done.result() == 0 and said else {"why": last_line(log_file)}


def _why_not() -> str:
    """Why this machine can't hold a lab, in one line; empty when it can."""
    asked = _lab("check")
    return "" if asked.returncode == 0 else (asked.stdout.strip().splitlines() or ["its check failed"])[-1]


def _last_json(log: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(log.read_text().strip().splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return None
    return said if isinstance(said, dict) else None


def _command(*words: str) -> list[str]:
    name = os.environ.get("GODWIT_LAB_NAME")
    return [sys.executable, "-m", "deploy.lab", *words, *(["--name", name] if name and words[0] != "check" else [])]


def _lab(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*words),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        process_group=0,
    )


def _watch_end(released: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        released.set()


def _answer(answer: dict[str, Any]) -> None:
    try:
        print(json.dumps(answer), flush=True)
    except BrokenPipeError:  # nobody waits for it any more; our input says so too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for `up`, which lets go of us in its order
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    asyncio.run(hold(Path(sys.argv[1])))
