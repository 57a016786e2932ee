"""Children end with us, in order, and are read back in words."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datacenter.management.processes import (
    LARGE_LOG_BYTES,
    Account,
    end,
    ended,
    exit_code,
    last_line,
    open_log,
    spawn,
)

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
ROOT = Path(__file__).resolve().parent.parent.parent

# Starts a child as `up` does, says its pid, and waits to be killed.
STARTER = """
import subprocess, sys, time
from datacenter.management.processes import Account, spawn
account = Account(uid=65534, gid=65534) if "nobody" in sys.argv else None
print(spawn(["sleep", "60"], output=subprocess.DEVNULL, account=account).pid, flush=True)
time.sleep(60)
"""


def run(code: str) -> "subprocess.Popen[bytes]":
    return spawn([sys.executable, "-c", code], output=subprocess.DEVNULL)


async def gone(pid: int) -> bool:
    try:
        await asyncio.wait_for(ended(pid), 5)
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("account", ["", "nobody"])
async def test_a_child_ends_when_its_parent_is_killed(account: str) -> None:
    if account and os.geteuid() != 0:
        pytest.skip("only root can start a process as somebody else")
    starter = subprocess.Popen([sys.executable, "-c", STARTER, account], stdout=subprocess.PIPE, cwd=ROOT)
    assert starter.stdout is not None
    child = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    assert await gone(child)


async def test_a_child_that_ignores_the_request_is_killed_after_the_patience(var: Path) -> None:
    log = var / "deaf.log"
    with open_log(log) as output:
        child = spawn([sys.executable, "-c", DEAF], output=output)
    while not log.read_bytes():
        await asyncio.sleep(0.02)
    assert await end(child.pid, patience=0.2) is False
    assert child.wait() == -signal.SIGKILL


async def test_a_child_that_ends_by_itself_is_not_killed() -> None:
    child = run("import time; time.sleep(60)")
    assert await end(child.pid, patience=5) is True
    assert child.wait() == -signal.SIGTERM


async def test_ending_a_process_that_has_ended_is_no_error() -> None:
    child = run("pass")
    child.wait()
    assert await end(child.pid, patience=1) is True


async def test_the_exit_code_is_waited_for() -> None:
    assert await exit_code(run("raise SystemExit(7)")) == 7


async def test_a_child_gets_no_ctrl_c_of_the_terminal() -> None:
    child = run("import time; time.sleep(60)")
    assert os.getpgid(child.pid) != os.getpgid(0)
    child.kill()
    child.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process as somebody else")
async def test_a_child_runs_as_the_account_with_no_group_of_ours(var: Path) -> None:
    with open_log(var / "id.log") as output:
        child = spawn(["id"], output=output, account=Account(uid=65534, gid=65534))
    assert await exit_code(child) == 0
    assert (var / "id.log").read_text().count("(root)") == 0


def test_the_last_line_that_says_something_is_found(var: Path) -> None:
    log = var / "some.log"
    assert last_line(log) == ""
    log.write_text("first\nthe reason\n\n  \n")
    assert last_line(log) == "the reason"
    assert last_line(log, width=3) == "the"


def test_a_log_that_grew_large_is_moved_aside(var: Path) -> None:
    log = var / "some.log"
    with log.open("wb") as file:
        file.truncate(LARGE_LOG_BYTES + 1)
    with open_log(log) as file:
        file.write(b"new\n")
    assert log.read_text() == "new\n"
    assert (var / "some.log.1").stat().st_size > LARGE_LOG_BYTES
